// SPDX-License-Identifier: GPL-2.0-or-later

package systemd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Notifier tells systemd how the service is doing (sd_notify(3)). Its methods
// may be called from any goroutine, never block for longer than the kernel
// takes to queue a datagram, and do nothing where no systemd listens.
type Notifier struct {
	addr     string
	watchdog time.Duration

	mu     sync.Mutex
	status string
}

// NewNotifier takes NOTIFY_SOCKET and WATCHDOG_USEC out of the environment, so
// that backends never inherit them. It is called once, early.
func NewNotifier() *Notifier {
	n := &Notifier{addr: os.Getenv("NOTIFY_SOCKET")}
	usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	pid := os.Getenv("WATCHDOG_PID")
	if err == nil && usec > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		n.watchdog = time.Duration(usec) * time.Microsecond
	}
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		os.Unsetenv(name)
	}
	return n
}

// Enabled reports whether somebody listens.
func (n *Notifier) Enabled() bool { return n.addr != "" }

// Ready says that start-up, or a reload, is complete.
func (n *Notifier) Ready() error { return n.send("READY=1") }

// Status sets the one sentence that systemctl status shows. Line breaks become
// spaces; the same sentence again is not sent again.
func (n *Notifier) Status(text string) error {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' }), " ")
	n.mu.Lock()
	defer n.mu.Unlock()
	if text == n.status {
		return nil
	}
	if err := n.send("STATUS=" + text); err != nil {
		return err
	}
	n.status = text
	return nil
}

// Reloading says that the configuration is being read again; Ready has to
// follow, whatever came of it.
func (n *Notifier) Reloading() error {
	return n.send(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", monotonic()/int64(time.Microsecond)))
}

// Stopping says that the process is on its way out.
func (n *Notifier) Stopping() error { return n.send("STOPPING=1") }

// ExtendTimeout asks for d more, from now on, for the start, reload or stop
// that is going on. It has to be repeated before d has passed.
func (n *Notifier) ExtendTimeout(d time.Duration) error {
	return n.send(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", d.Microseconds()))
}

// Watchdog is the sign of life. It must only be given after the main loop has
// answered.
func (n *Notifier) Watchdog() error { return n.send("WATCHDOG=1") }

// WatchdogInterval is how often Watchdog has to be called: half of the unit's
// WatchdogSec=. False: nobody waits for it.
func (n *Notifier) WatchdogInterval() (time.Duration, bool) {
	return n.watchdog / 2, n.watchdog > 0 && n.Enabled()
}

// Sync returns when systemd has read everything sent before: the end of what a
// process does before it exits, so that descriptors stored at the last moment
// are not lost.
func (n *Notifier) Sync(ctx context.Context) error {
	if !n.Enabled() {
		return nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make pipe: %w", err)
	}
	defer r.Close()
	err = n.sendFDs("BARRIER=1", int(w.Fd()))
	w.Close()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { r.SetReadDeadline(time.Now()) })
	defer stop()
	if _, err := r.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("wait for systemd: %w", context.Cause(ctx))
	}
	return nil
}

// send sends one message without descriptors.
func (n *Notifier) send(state string) error { return n.sendFDs(state) }

// sendFDs sends one datagram. Each has a socket of its own: it is sent a few
// times a minute, and this way nothing has to be kept or closed.
func (n *Notifier) sendFDs(state string, fds ...int) error {
	if !n.Enabled() {
		return nil
	}
	verb, _, _ := strings.Cut(state, "=")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("notify systemd (%s): %w", verb, err)
	}
	defer unix.Close(fd)
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	to := &unix.SockaddrUnix{Name: n.addr} // "@" at the start is an abstract name
	for {
		err = unix.Sendmsg(fd, []byte(state), rights, to, unix.MSG_NOSIGNAL)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("notify systemd (%s): %w", verb, &net.OpError{Op: "sendmsg", Net: "unixgram", Err: err})
	}
	return nil
}

// monotonic is CLOCK_MONOTONIC in nanoseconds.
func monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0
	}
	return ts.Nano()
}
