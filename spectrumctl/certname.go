// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"spectrum.im/spectrum2/daemon/config"
)

// nameCertificate writes service.cert into the configuration, below the line
// of server_mode, and changes nothing else.
func (t *tool) nameCertificate(c *config.Config, file string) error {
	line := lineOf(c, "service.server_mode")
	if line == 0 {
		return errors.New("service.server_mode does not stand in the file")
	}
	b, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	lines := strings.SplitAfter(string(b), "\n")
	if line > len(lines) {
		return fmt.Errorf("%s changed just now", c.File)
	}
	above := lines[line-1]
	key := "cert"
	if strings.HasPrefix(strings.TrimSpace(above), "service.") {
		key = "service.cert"
	}
	if !strings.HasSuffix(above, "\n") {
		above += "\n"
	}
	lines[line-1] = above + key + " = " + file + "\n"
	return replaceConfig(c.File, strings.Join(lines, ""), namesCert(c.File, file))
}

// lineOf is the line in which a key was given, 0 for none.
func lineOf(c *config.Config, key string) int {
	for _, e := range c.Effective() {
		if e.Key == key {
			_, number, _ := strings.Cut(strings.TrimPrefix(e.Origin, c.File), ":")
			n, _ := strconv.Atoi(number)
			return n
		}
	}
	return 0
}

// namesCert checks that an edited configuration says what it should.
func namesCert(file, cert string) func(edited string) error {
	return func(edited string) error {
		if c, _, err := readConfig(edited); err != nil || c.Service.Cert != cert {
			return fmt.Errorf("%s is written in a way that leaves no place for service.cert", file)
		}
		return nil
	}
}
