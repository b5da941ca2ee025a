// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"os"

	"spectrum.im/spectrum2/daemon/config"
)

// readConfig reads a transport's file without its secrets' contents. An error
// of the file system is returned as such, mistakes in it as config.Errors.
func readConfig(file string) (*config.Config, config.Warnings, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, err
	}
	f.Close()
	return config.Inspect(file, nil)
}
