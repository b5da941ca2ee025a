// SPDX-License-Identifier: GPL-2.0-or-later

// Package dbtest gives tests real database servers: it installs PostgreSQL and
// MariaDB from Debian where they are missing, and runs each in a directory of
// its own, on a unix socket and a loopback port of its own, as the user that
// the package has for it. What it started ends with the test program, however
// that ends.
package dbtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// process is a running server.
type process struct {
	cmd *exec.Cmd
	// watchdog kills the server when this program ends and its stdin with it.
	watchdog *exec.Cmd
	stdin    io.Closer
	exited   chan struct{}
}

// home is where one server lives.
type home struct {
	dir  string
	cred *syscall.Credential // nil where we are not root
	port int
	log  *os.File
}

// need installs packages by the project's own script.
func need(packages ...string) error {
	if tree != "" {
		return nil
	}
	_, file, _, _ := runtime.Caller(0)
	script := filepath.Join(filepath.Dir(file), "..", "..", "..", "packaging", "need")
	if out, err := exec.Command(script, packages...).CombinedOutput(); err != nil {
		return fmt.Errorf("install %v: %w: %s", packages, err, out)
	}
	return nil
}

// newHome makes the directory of a server that runs as the user name, if we
// are root, and finds a port for it.
func newHome(name string) (*home, error) {
	dir, err := os.MkdirTemp("/tmp", "spectrum2-"+name+"-")
	if err != nil {
		return nil, err
	}
	h := &home{dir: dir}
	if os.Getuid() == 0 {
		if h.cred, err = credential(name); err == nil {
			err = os.Chown(dir, int(h.cred.Uid), int(h.cred.Gid))
		}
	}
	if err == nil {
		h.port, err = freePort()
	}
	if err == nil {
		h.log, err = os.Create(filepath.Join(dir, "log"))
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return h, nil
}

func credential(name string) (*syscall.Credential, error) {
	if tree != "" {
		return treeCredential(name)
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

func (h *home) command(name string, args ...string) *exec.Cmd {
	cmd, cred := exec.Command(name, args...), h.cred
	if tree != "" {
		cmd, cred = h.treeCommand(name, args), nil
	}
	cmd.Dir = h.dir
	cmd.Env = []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C.UTF-8", "HOME=" + h.dir, "TZ=UTC"}
	cmd.Stdout, cmd.Stderr = h.log, h.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred, Setpgid: true}
	return cmd
}

// run runs a program that ends by itself.
func (h *home) run(name string, args ...string) error {
	if err := h.command(name, args...).Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(name), err, h.logged())
	}
	return nil
}

func (h *home) logged() string {
	b, _ := os.ReadFile(h.log.Name())
	return string(b[max(0, len(b)-2000):])
}

// start runs a server until its process is stopped, or this one ends.
func (h *home) start(name string, args ...string) (*process, error) {
	p := &process{cmd: h.command(name, args...), exited: make(chan struct{})}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.watchdog = exec.Command("sh", "-c", `cat >/dev/null; kill -QUIT "$1" 2>/dev/null; sleep 1; kill -KILL "$1" 2>/dev/null; rm -rf "$2"`,
		"watchdog", strconv.Itoa(p.cmd.Process.Pid), h.dir)
	p.watchdog.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := p.watchdog.StdinPipe()
	if err == nil {
		p.stdin, err = stdin, p.watchdog.Start()
	}
	if err != nil {
		return nil, errors.Join(err, p.cmd.Process.Kill(), p.cmd.Wait())
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // how it ended is in its log
	}()
	return p, nil
}

// stop ends the server by a signal and waits for it.
func (p *process) stop(signal syscall.Signal) error {
	err := p.watchdog.Process.Kill()
	_ = p.watchdog.Wait() // killed
	if !p.ended() {
		err = errors.Join(err, p.cmd.Process.Signal(signal))
	}
	timer := time.NewTimer(30 * time.Second)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
		err = errors.Join(err, errors.New("the server did not end"), p.cmd.Process.Kill())
		<-p.exited
	}
	return err
}

func (p *process) ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// await asks until the server answers.
func (h *home) await(p *process, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.exited:
			return fmt.Errorf("the server ended: %s", h.logged())
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w: %s", err, h.logged())
		}
	}
}

func (h *home) remove() error { return errors.Join(h.log.Close(), os.RemoveAll(h.dir)) }
