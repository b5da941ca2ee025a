// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/systemd"
)

// starter starts real processes and lets them in through its door.
type starter struct {
	m    *Manager
	dir  runtimeDir
	door *door
	last int // number of the last backend; used by Manager.loop only
}

func newStarter(m *Manager) *starter {
	if m.o.Libexec == nil {
		m.o.Libexec = defaultLibexec()
	}
	return &starter{m: m, dir: runtimeDir(m.o.RuntimeDir)}
}

func (s *starter) open() error {
	key, err := s.dir.key()
	if err != nil {
		return err
	}
	s.last = max(s.dir.lastNumber(), s.m.scopeInUse())
	s.door, err = openDoor(s.m, key)
	return err
}

func (s *starter) close() { s.door.close() }

// scopeInUse is the highest number whose scope still exists: backends on their
// way out after a stop, which took the number's file with it.
func (m *Manager) scopeInUse() int {
	instance := m.o.Config().Instance
	if m.o.Stub == nil || !systemd.InService(instance) {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	numbers, err := systemd.ScopeNumbers(ctx, instance)
	if err != nil {
		m.o.Log.Warn("scopes of earlier backends are not known", "error", err)
	}
	if len(numbers) == 0 {
		return 0
	}
	return numbers[len(numbers)-1]
}

func (s *starter) number() int {
	s.last++
	if err := s.dir.keepNumber(s.last); err != nil {
		s.m.o.Log.Warn("number of the last backend is not kept", "error", err)
	}
	return s.last
}

func (s *starter) launch(b *backend) (process, error) {
	prog, err := findProgram(b.cfg.Service.Program(), b.number, s.m.o.Libexec)
	if err != nil {
		return nil, err
	}
	file, err := s.dir.configCopy(b.cfg, b.digest)
	if err != nil {
		return nil, err
	}
	port := "0"
	if !prog.ours || b.cfg.Service.BackendPort != 0 {
		if port, err = s.door.tcpPort(b.cfg.Service); err != nil {
			return nil, err
		}
	}
	args := arguments(b.number, loopback, port, s.door.socket(), forwardable(s.m.o.Args), file)
	argv := append(append([]string{prog.path}, prog.args...), args...)
	if s.m.o.Stub != nil {
		argv = s.m.o.Stub(s.stubSpec(b, prog, file), argv)
	}
	return s.start(b, prog, argv)
}

// start executes argv with the token and the pipe for its output.
func (s *starter) start(b *backend, prog program, argv []string) (process, error) {
	tokenEnd, err := tokenPipe(token(s.door.key, b.number))
	if err != nil {
		return nil, err
	}
	defer tokenEnd.Close() //nolint:errcheck // the child has its own
	out, w, err := newOutput(func(level slog.Level, line string) { s.m.o.OnLog(b.number, level, line) })
	if err != nil {
		return nil, err
	}
	defer w.Close() //nolint:errcheck // the child has its own
	cmd := &exec.Cmd{
		Path: argv[0], Args: argv, Env: environment(), Dir: workingDir(b.cfg, prog.ours),
		Stdout: w, Stderr: w, ExtraFiles: []*os.File{tokenEnd},
		// A terminal's ^C is for the main process alone.
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
	c, err := startChild(cmd, out)
	if err != nil {
		out.close()
		return nil, fmt.Errorf("execute %s: %w", prog.path, err)
	}
	c.executable = prog.path
	out.start()
	s.m.o.Log.Info("backend is started", "backend", b.number, "pid", c.PID(), "program", prog.path)
	return c, nil
}

// stubSpec is what the stub is to do for a backend. Programs that are not ours
// are not confined: nobody knows what they need.
func (s *starter) stubSpec(b *backend, prog program, file string) systemd.StubSpec {
	cfg := b.cfg
	spec := systemd.StubSpec{
		Instance: cfg.Instance, Number: b.number, Scope: true,
		Limits: map[string]string{
			"memory_max": cfg.Scope.MemoryMax, "memory_high": cfg.Scope.MemoryHigh,
			"tasks_max": cfg.Scope.TasksMax, "cpu_weight": cfg.Scope.CPUWeight,
		},
	}
	if prog.ours {
		spec.Landlock = &systemd.Landlock{
			RW:     set(ownDir(cfg), cfg.Service.WebDirectory, cfg.Backend.IncomingDir),
			RO:     set(filepath.Dir(file), cfg.Backend.AvatarsDirectory, cfg.Backend.DefaultAvatar, cfg.Logging.BackendConfig),
			Socket: s.door.socket(),
		}
	}
	return spec
}

// set is the values that are not empty.
func set(values ...string) []string {
	var out []string
	for _, v := range values {
		if v != "" {
			out = append(out, v)
		}
	}
	return out
}

// ownDir is the backends' part of the instance's state, "" if it cannot be
// made. What is beside it, the database above all, is not theirs to read.
func ownDir(cfg *config.Config) string {
	dir := filepath.Join(cfg.Service.WorkingDir, "backend")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return ""
	}
	return dir
}

// workingDir is where a backend starts: backends of the C++ version's kind in
// the instance's state, as they are used to.
func workingDir(cfg *config.Config, ours bool) string {
	if ours {
		if dir := ownDir(cfg); dir != "" {
			return dir
		}
	} else if info, err := os.Stat(cfg.Service.WorkingDir); err == nil && info.IsDir() {
		return cfg.Service.WorkingDir
	}
	return "/"
}

// tokenPipe gives the reading end of a pipe that holds the token and nothing
// else: neither arguments nor environment may have it.
func tokenPipe(token []byte) (*os.File, error) {
	r, w, err := os.Pipe()
	if err == nil {
		_, err = w.Write(token) // fits into any pipe
		w.Close()               //nolint:errcheck // written
	}
	if err != nil {
		return nil, fmt.Errorf("make pipe for a backend's token: %w", err)
	}
	return r, nil
}
