// SPDX-License-Identifier: GPL-2.0-or-later

// Package generator derives from the transports' configurations what their
// units cannot know: the ports of server mode, and paths outside the unit's
// own. systemd runs it (systemd.generator(7)) at boot and at daemon-reload
// only, so whoever changes a configuration compares with Stale. It must never
// fail for one instance because of another's file, and it starts nothing.
package generator

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"spectrum.im/spectrum2/daemon/config"
)

// Where systemd and the administrator keep things.
const (
	// Transports is the directory of the instances' configurations.
	Transports = "/etc/spectrum2/transports"
	// Output is where systemd has the system's generators write ("normal").
	Output = "/run/systemd/generator"
)

// File is one drop-in; Path is relative to the output directory.
type File struct{ Path, Text string }

// Run writes the drop-ins of all instances below out. A file that cannot be
// used is a line to log and costs its own instance only; the error is about
// the output.
func Run(transports, out string, log io.Writer) error {
	files, err := filepath.Glob(filepath.Join(transports, "*.cfg"))
	if err != nil {
		return fmt.Errorf("list %s: %w", transports, err)
	}
	var failed []error
	for _, file := range files {
		dropIns, warnings := ofFile(file)
		for _, w := range warnings {
			fmt.Fprintf(log, "<4>spectrum2-generator: %s\n", strings.ReplaceAll(w, "\n", " "))
		}
		for _, f := range dropIns {
			if err := write(out, f); err != nil {
				failed = append(failed, err)
			}
		}
	}
	return errors.Join(failed...)
}

// ofFile is Files for a file that may be broken in any way.
func ofFile(file string) (files []File, warnings []string) {
	defer func() {
		if p := recover(); p != nil {
			files, warnings = nil, append(warnings, fmt.Sprintf("%s: skipped: %v", file, p))
		}
	}()
	if _, err := config.InstanceOf(file); err != nil {
		return nil, []string{fmt.Sprintf("%s: skipped: %v", file, err)}
	}
	c, _, err := config.Inspect(file, nil)
	if err != nil {
		return nil, []string{fmt.Sprintf("%s: skipped, its instance will not start: %s", file, firstLine(err))}
	}
	return Files(c)
}

// firstLine keeps a line to one mistake; spectrumctl check shows all.
func firstLine(err error) string {
	line, rest, _ := strings.Cut(err.Error(), "\n")
	if rest != "" {
		line += " (and more: run spectrumctl check)"
	}
	return line
}

func write(out string, f File) error {
	path := filepath.Join(out, f.Path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", f.Path, err)
	}
	if err := os.WriteFile(path, []byte(f.Text), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", f.Path, err)
	}
	return nil
}

// Log is where a generator may write: the kernel's log, where it can be had,
// since there may be no journal yet. The caller closes it.
func Log() io.WriteCloser {
	f, err := os.OpenFile("/dev/kmsg", os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nopCloser{os.Stderr}
	}
	return f
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
