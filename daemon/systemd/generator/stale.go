// SPDX-License-Identifier: GPL-2.0-or-later

package generator

import (
	"os"
	"path/filepath"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/systemd"
)

// Stale compares what the generator once wrote below out (Output) for this
// instance with what it would write now, and returns the paths that differ,
// relative to out. None: systemd need not be reloaded.
func Stale(c *config.Config, out string) []string {
	files, _ := Files(c)
	want := map[string]string{}
	for _, f := range files {
		want[f.Path] = f.Text
	}
	var differ []string
	for _, path := range candidates(c.Instance) {
		have, err := os.ReadFile(filepath.Join(out, path))
		if text, ok := want[path]; ok != (err == nil) || text != string(have) {
			differ = append(differ, path)
		}
	}
	return differ
}

// StaleInstances is Stale for all instances below transports whose
// configuration can be used: the names of those that differ.
func StaleInstances(transports, out string) []string {
	files, err := filepath.Glob(filepath.Join(transports, "*.cfg"))
	if err != nil {
		return nil
	}
	var names []string
	for _, file := range files {
		c, _, err := config.Inspect(file, nil)
		if err == nil && len(Stale(c, out)) > 0 {
			names = append(names, c.Instance)
		}
	}
	return names
}

// candidates are all paths that an instance's drop-ins can have.
func candidates(instance string) []string {
	paths := []string{dropIn(systemd.ServiceUnit(instance))}
	for _, unit := range AllClientSockets(instance) {
		paths = append(paths, dropIn(unit))
	}
	return paths
}
