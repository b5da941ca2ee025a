// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/logging"
	"spectrum.im/spectrum2/daemon/supervisor"
	"spectrum.im/spectrum2/daemon/systemd"
)

// inService reports whether systemd runs this very instance.
func (i *Instance) inService() bool { return systemd.InService(i.Config().Instance) }

func (i *Instance) openLog(cfg *config.Config) (err error) {
	if i.opts.Stderr == nil {
		i.opts.Stderr = os.Stderr
	}
	i.logs, err = logging.New(logging.Options{
		Level: cfg.Logging.Level, Levels: cfg.Logging.Levels, File: cfg.Logging.File,
		Journal: os.Getenv("JOURNAL_STREAM") != "" && i.inService(), Stderr: i.opts.Stderr, Instance: cfg.Instance,
	})
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	i.log = i.logs.Logger("instance")
	return nil
}

// newBackends makes the supervisor.
func (i *Instance) newBackends(cfg *config.Config) error {
	dir, err := runtimeDir(cfg)
	if err != nil {
		return err
	}
	var listener net.Listener
	if ls := i.opts.Inherited.Listeners[systemd.SocketBackend]; len(ls) > 0 {
		listener = ls[0]
	}
	log := i.logs.Logger("backend")
	o := supervisor.Options{
		Config: i.Config, Args: i.opts.Args, Listener: listener, RuntimeDir: dir,
		Build: i.opts.Version, Log: log, OnLog: backendLine(log),
	}
	if i.opts.Self != "" {
		o.Stub = i.stub
	}
	i.backends = supervisor.New(o)
	return nil
}

// stub makes a backend's command line: within the service each gets a scope.
func (i *Instance) stub(spec systemd.StubSpec, argv []string) []string {
	spec.Scope = i.inService()
	return spec.Argv(i.opts.Self, argv)
}

// runtimeDir is the instance's directory for sockets and keys: systemd's, or
// one of our own where the service is started by hand.
func runtimeDir(cfg *config.Config) (string, error) {
	if dir := os.Getenv("RUNTIME_DIRECTORY"); dir != "" {
		return dir, nil
	}
	tries := []string{systemd.RuntimeDir(cfg.Instance)}
	if run := os.Getenv("XDG_RUNTIME_DIR"); run != "" {
		tries = append(tries, filepath.Join(run, "spectrum2", cfg.Instance))
	}
	tries = append(tries, filepath.Join(cfg.Service.WorkingDir, "run"))
	var errs []error
	for _, dir := range tries {
		err := os.MkdirAll(dir, 0o700)
		if err == nil {
			err = writable(dir)
		}
		if err == nil {
			return dir, nil
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("find a runtime directory: %w", errors.Join(errs...))
}

func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".try")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// writePIDFile writes service.pidfile. One that cannot be written is a
// warning: under systemd nobody needs it.
func (i *Instance) writePIDFile() {
	path := i.Config().Service.PIDFile
	if path == "" || i.inService() && !i.Config().IsSet("service.pidfile") {
		return
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		level := i.log.Debug
		if i.Config().IsSet("service.pidfile") {
			level = i.log.Warn
		}
		level("pid file not written", "err", err)
		return
	}
	i.pidFile = path
}

func (i *Instance) removePIDFile() error {
	if i.pidFile == "" {
		return nil
	}
	if err := os.Remove(i.pidFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
