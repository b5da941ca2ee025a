// SPDX-License-Identifier: GPL-2.0-or-later

package systemd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// StubCommand is the first argument that makes spectrum2 a stub.
const StubCommand = "backend-stub"

// stubTimeout bounds how long a backend waits for its scope.
const stubTimeout = 15 * time.Second

// StubSpec says how a backend is to be started: the main process executes
// itself with Argv, and the stub that this makes puts itself into a scope,
// confines itself, and executes the backend, which keeps the process's pid and
// inherits its descriptors.
type StubSpec struct {
	Instance string
	// Number is the backend's; it must not be one whose scope still exists.
	Number int
	// Scope: ask the broker for a scope. Without it, or where the broker
	// cannot be had, the backend stays where the main process is.
	Scope bool
	// Limits of the scope by configuration key (memory_max, memory_high,
	// tasks_max, cpu_weight), in systemd's notation; "" is no limit.
	Limits map[string]string
	// Landlock is what the backend may reach; nil leaves it unconfined.
	Landlock *Landlock
}

// Argv is the command line, argv[0] included, of the stub for the backend argv
// (whose argv[0] is an absolute path). self is the path of spectrum2.
func (s StubSpec) Argv(self string, argv []string) []string {
	a := []string{self, StubCommand, "--instance=" + s.Instance, "--number=" + strconv.Itoa(s.Number)}
	if s.Scope {
		a = append(a, "--scope")
	}
	for _, name := range LimitNames() {
		if v := s.Limits[name]; v != "" {
			a = append(a, "--limit="+name+"="+v)
		}
	}
	if l := s.Landlock; l != nil {
		a = append(a, "--landlock", "--socket="+l.Socket)
		for _, p := range l.RW {
			a = append(a, "--rw="+p)
		}
		for _, p := range l.RO {
			a = append(a, "--ro="+p)
		}
	}
	return append(append(a, "--"), argv...)
}

// ParseStub is Argv's counterpart; args are what follows StubCommand.
func ParseStub(args []string) (s StubSpec, argv []string, err error) {
	end := slices.Index(args, "--")
	if end < 0 || end+1 == len(args) {
		return s, nil, errors.New("backend-stub: no program after --")
	}
	s.Limits = map[string]string{}
	for _, arg := range args[:end] {
		if err := s.set(arg); err != nil {
			return s, nil, err
		}
	}
	return s, args[end+1:], nil
}

// set takes one option of the stub's command line.
func (s *StubSpec) set(arg string) (err error) {
	name, value, _ := strings.Cut(arg, "=")
	if s.Landlock == nil && (name == "--rw" || name == "--ro" || name == "--socket") {
		return fmt.Errorf("backend-stub: %s before --landlock", name)
	}
	switch name {
	case "--instance":
		s.Instance = value
	case "--number":
		s.Number, err = strconv.Atoi(value)
	case "--scope":
		s.Scope = true
	case "--limit":
		key, v, _ := strings.Cut(value, "=")
		s.Limits[key] = v
	case "--landlock":
		s.Landlock = &Landlock{}
	case "--rw":
		s.Landlock.RW = append(s.Landlock.RW, value)
	case "--ro":
		s.Landlock.RO = append(s.Landlock.RO, value)
	case "--socket":
		s.Landlock.Socket = value
	default:
		err = fmt.Errorf("backend-stub: unknown option %s", arg)
	}
	return err
}

// RunStub is the stub. args are what follows StubCommand. It returns only when
// the backend could not be executed. What a scope or the confinement lacks is a
// warning on standard error, with a level prefix (sd-daemon(3)): users are
// better served than not.
func RunStub(args []string) error {
	s, argv, err := ParseStub(args)
	if err != nil {
		return err
	}
	limits, err := ParseLimits(s.Limits)
	if err != nil {
		return err
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return fmt.Errorf("start backend: %w", err)
	}
	if s.Scope {
		if err := s.enterScope(limits); err != nil {
			warn(os.Stderr, "backend %d runs without a scope of its own, and without its limits: %v", s.Number, err)
		}
	}
	if s.Landlock != nil {
		if err := s.Landlock.confine(path); err != nil {
			warn(os.Stderr, "backend %d runs without Landlock: %v", s.Number, err)
		}
	}
	return fmt.Errorf("execute %s: %w", path, syscall.Exec(path, argv, os.Environ()))
}

func (s StubSpec) enterScope(limits []Limit) error {
	if !Booted() {
		return errors.New("systemd is not the system manager here")
	}
	ctx, cancel := context.WithTimeout(context.Background(), stubTimeout)
	defer cancel()
	return EnterScope(ctx, s.Instance, s.Number, limits)
}

// warn writes one line with the prefix of a warning.
func warn(w io.Writer, format string, args ...any) {
	text := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " ")
	fmt.Fprintf(w, "<4>spectrum2: %s\n", text)
}
