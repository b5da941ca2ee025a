// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// launcher starts backends and brings their connections to Manager.attach:
// real processes outside of tests.
type launcher interface {
	// open makes everything ready for launch; close undoes it.
	open() error
	close()
	// number is a new backend's number, higher than all before.
	number() int
	// launch starts a process for b. The error wraps errPermanent where
	// somebody has to act before another try can succeed.
	launch(b *backend) (process, error)
}

// process is a backend's process.
type process interface {
	PID() int
	// Executable is the program's path.
	Executable() string
	// Exited is closed when the process is gone and what it wrote is read;
	// Status, from then on, is nil for exit status 0.
	Exited() <-chan struct{}
	Status() error
	// LastLine is the last line it wrote, for error messages.
	LastLine() string
	Signal(sig syscall.Signal) error
	// Kill kills it and its descendants.
	Kill()
	// Leave gives the process up without ending it.
	Leave()
}

// drainOutput is how long the output of a process that is gone is waited for:
// a descendant may hold the pipe open.
const drainOutput = 500 * time.Millisecond

// child is a process that this one started.
type child struct {
	cmd        *exec.Cmd
	executable string
	out        *output
	exited     chan struct{}
	err        error // set before exited is closed

	mu    sync.Mutex
	pidfd int // -1 once it is closed
}

// startChild starts cmd, whose output goes to out. All signals will go through
// a pidfd: a pid alone may be somebody else's by then.
func startChild(cmd *exec.Cmd, out *output) (*child, error) {
	c := &child{cmd: cmd, out: out, exited: make(chan struct{}), pidfd: -1}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.PidFD = &c.pidfd
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if c.pidfd < 0 {
		cmd.Process.Kill() //nolint:errcheck // just started, not waited for: the pid is still its own
		cmd.Wait()         //nolint:errcheck // killed
		return nil, fmt.Errorf("%w: the kernel has no pidfds", errPermanent)
	}
	go c.wait()
	return c, nil
}

// wait collects the exit status. It ends with the process; whoever needs that
// waits for exited.
func (c *child) wait() {
	c.err = c.cmd.Wait()
	c.closeFD()
	if !wait(c.out.done, drainOutput) {
		c.out.close()
	}
	close(c.exited)
}

func (c *child) closeFD() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pidfd >= 0 {
		unix.Close(c.pidfd) //nolint:errcheck // only a descriptor
		c.pidfd = -1
	}
}

func (c *child) PID() int                { return c.cmd.Process.Pid }
func (c *child) Executable() string      { return c.executable }
func (c *child) Exited() <-chan struct{} { return c.exited }
func (c *child) LastLine() string        { return c.out.lastLine() }

func (c *child) Status() error {
	<-c.exited
	return c.err
}

func (c *child) Signal(sig syscall.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pidfd < 0 {
		return os.ErrProcessDone
	}
	if err := unix.PidfdSendSignal(c.pidfd, sig, nil, 0); err != nil {
		return fmt.Errorf("signal process %d: %w", c.PID(), err)
	}
	return nil
}

func (c *child) Kill() {
	kids := openDescendants(c.PID())
	c.Signal(syscall.SIGKILL) //nolint:errcheck // gone is what is wanted
	for _, fd := range kids {
		unix.PidfdSendSignal(fd, syscall.SIGKILL, nil, 0) //nolint:errcheck // gone is what is wanted
		unix.Close(fd)                                    //nolint:errcheck // only a descriptor
	}
}

// Leave stops reading the output; the process lives on.
func (c *child) Leave() { c.out.close() }
