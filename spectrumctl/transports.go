// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"spectrum.im/spectrum2/daemon/config"
)

// transportsDir is where the files are.
const transportsDir = "/etc/spectrum2/transports"

// transport is a file there.
type transport struct {
	// name is the instance's; for a file that cannot be an instance, the
	// file's base name.
	name string
	file string
	// misnamed says why the file cannot be an instance, and what to call it.
	misnamed error
}

// path puts the tests' root before a path of the system.
func (t *tool) path(p string) string { return filepath.Join(t.root, p) }

// fileOf is the instance's file.
func (t *tool) fileOf(name string) string { return filepath.Join(t.path(transportsDir), name+".cfg") }

// transports lists the files, in the order of their names.
func (t *tool) transports() ([]transport, error) {
	dir := t.path(transportsDir)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the transports: %w", err)
	}
	var list []transport
	for _, e := range entries {
		base := e.Name()
		stem, ok := strings.CutSuffix(base, ".cfg")
		if !ok || strings.HasPrefix(base, ".") || e.IsDir() {
			continue
		}
		tr := transport{name: stem, file: filepath.Join(dir, base)}
		if _, err := config.InstanceOf(base); err != nil {
			tr.name, tr.misnamed = base, err
		}
		list = append(list, tr)
	}
	return list, nil
}

// names are those of the transports that can be instances.
func names(list []transport) []string {
	var out []string
	for _, tr := range list {
		if tr.misnamed == nil {
			out = append(out, tr.name)
		}
	}
	return out
}

// known checks that there is a file for each of the names; the error lists the
// ones there are.
func (t *tool) known(wanted []string) error {
	list, err := t.transports()
	if err != nil {
		// Who may not read the folder may still know a name.
		return nil
	}
	for _, name := range wanted {
		if err := config.CheckInstanceName(name); err != nil {
			return &failure{err: err}
		}
		if slices.Contains(names(list), name) {
			continue
		}
		f := &failure{err: fmt.Errorf("no instance is called %q: there is no %s", name, t.fileOf(name))}
		if have := names(list); len(have) > 0 {
			return f.then("there are: %s", strings.Join(have, ", "))
		}
		return f.then("make it: spectrumctl new %s", name)
	}
	return nil
}

// shortBackend is a backend's program as the tables show it: "irc" for
// spectrum2_irc_backend, whatever its folder or version.
func shortBackend(program string) string {
	program, _, _ = strings.Cut(program, " ")
	if program == "" {
		return ""
	}
	return strings.TrimSuffix(strings.TrimPrefix(filepath.Base(program), "spectrum2_"), "_backend")
}
