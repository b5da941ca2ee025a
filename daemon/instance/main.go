// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/systemd"
)

// Exit statuses of spectrum2, after sysexits(3).
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitConfig = 78
)

const usage = `Usage: spectrum2 [--SECTION.KEY=VALUE]... FILE
       spectrum2 db status|migrate|rekey|seal|unseal [--json] FILE
       spectrum2 db backup [--json] [--output PATH] FILE
       spectrum2 db export [--json] [--output PATH|-] [--with-passwords] FILE
       spectrum2 db restore [--json] FILE < BACKUP
       spectrum2 db import [--json] [--merge] FILE < EXPORT
       spectrum2 --version

Runs one instance of Spectrum 2 with the configuration FILE, usually
/etc/spectrum2/transports/NAME.cfg. See spectrum2(8) and spectrumctl(1).
`

// Process is what a program hands to Main.
type Process struct {
	// Args are the arguments without the program's name.
	Args    []string
	Version string
	// Hangup delivers SIGHUP.
	Hangup <-chan os.Signal
	Stdout io.Writer
	Stderr *os.File
}

// Main is the program spectrum2; it returns the exit status.
func Main(ctx context.Context, p Process) int {
	if err := systemd.GuardMemory(); err != nil {
		fmt.Fprintf(p.Stderr, "<4>spectrum2: %v\n", err)
	}
	if len(p.Args) > 0 && p.Args[0] == "db" {
		return p.db(ctx, p.Args[1:])
	}
	file, overrides, flags, err := p.parse()
	switch {
	case flags["help"]:
		fmt.Fprint(p.Stdout, usage)
		return exitDone
	case flags["version"]:
		fmt.Fprintln(p.Stdout, "spectrum2", p.Version)
		return exitDone
	case err != nil:
		fmt.Fprintf(p.Stderr, "spectrum2: %v\n%s", err, usage)
		return exitUsage
	}
	return p.run(ctx, file, overrides)
}

// parse splits the arguments. Flags of the C++ version that have lost their
// meaning under systemd are taken and ignored.
func (p Process) parse() (file string, overrides []string, flags map[string]bool, err error) {
	flags = map[string]bool{}
	for _, a := range p.Args {
		switch {
		case a == "--help" || a == "-h":
			flags["help"] = true
		case a == "--version" || a == "-v":
			flags["version"] = true
		case a == "--no-daemonize" || a == "-n" || a == "--no-debug":
		case strings.HasPrefix(a, "--") && strings.Contains(a, "."):
			overrides = append(overrides, a)
		case strings.HasPrefix(a, "-"):
			return "", nil, flags, fmt.Errorf("unknown option %s", a)
		case file != "":
			return "", nil, flags, fmt.Errorf("more than one configuration file: %s and %s", file, a)
		default:
			file = a
		}
	}
	if file == "" {
		err = errors.New("no configuration file given")
	}
	return file, overrides, flags, err
}

func (p Process) run(ctx context.Context, file string, overrides []string) int {
	notifier := systemd.NewNotifier()
	inherited, err := systemd.Listeners()
	if err != nil {
		return p.report(fmt.Errorf("take sockets from systemd: %w", err))
	}
	self, err := os.Executable()
	if err != nil {
		return p.report(fmt.Errorf("find own executable: %w", err))
	}
	i, err := New(ctx, Options{
		File: file, Args: overrides, Version: p.Version, Self: self,
		Notifier: notifier, Inherited: inherited, Stderr: p.Stderr,
	})
	if err != nil && ctx.Err() != nil {
		return exitDone // it was told to end before it was up
	}
	if err != nil {
		_ = notifier.Status(strings.ReplaceAll(err.Error(), "\n", "; ")) // what is reported below says it too
		return p.report(err)
	}
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-p.Hangup:
				i.Hangup(ctx)
			case <-done:
				return
			}
		}
	}()
	err = i.Run(ctx)
	close(done)
	return p.report(err)
}

// report prints an error and chooses the exit status.
func (p Process) report(err error) int {
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(p.Stderr, "spectrum2: %v\n", err)
	var broken config.Errors
	var newer store.NewerError
	if errors.As(err, &broken) || errors.As(err, &newer) { // the next start would end like this one
		return exitConfig
	}
	return exitFailed
}
