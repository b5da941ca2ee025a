// SPDX-License-Identifier: GPL-2.0-or-later

// Package supervisor looks after the backend processes of one instance: it
// starts them, makes sure who is at the other end, speaks the main process's
// side of the backend protocol (version 1 and level 1 of the extension) with
// them, gives each user a backend, and ends what hangs, crashes or is not
// needed. It knows users by their bare JID only, and neither accounts nor XMPP.
package supervisor

import (
	"context"
	"log/slog"
	"net"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/systemd"
)

// Level is the highest level of the extension that this package speaks.
const Level = 1

// Options is what a Manager needs.
type Options struct {
	// Config is the configuration in force, never nil. Run calls it now and
	// then, and after Reload; a reload makes it return another pointer.
	Config func() *config.Config
	// Args are the main process's own --section.key=value arguments. Those of
	// secrets are not handed on.
	Args []string
	// Listener is where backends that speak the extension connect: a unix
	// socket of mode 0600. The Manager closes it. Nil: a socket is made in
	// RuntimeDir.
	Listener net.Listener
	// RuntimeDir is the instance's own directory below /run: the key, the
	// copies of the configuration and the last backend's number are kept there.
	RuntimeDir string
	// Stub makes the command line that puts a backend into its scope and then
	// executes argv; it may change the spec. Nil: backends are plain children.
	Stub func(spec systemd.StubSpec, argv []string) []string
	// Build names our own build in HELLO; "" takes it from the executable.
	Build string
	// Libexec are the folders with the project's own backends. Nil means
	// /usr/libexec/spectrum2 and the folder of this executable.
	Libexec []string
	Log     *slog.Logger
	// OnLog gets each line that a backend writes to stdout or stderr, without
	// its level prefix. Nil: they go to Log with the attribute "backend".
	OnLog func(backend int, level slog.Level, line string)
}

// Receiver is the part of a session that a backend talks to.
type Receiver interface {
	// Frame hands one frame over. It returns when the frame is taken or ctx
	// has ended, and is called by the backend's one reader: while it blocks,
	// the backend's other users wait. A receiver that does not take a frame
	// within ten seconds is dropped with ErrStalled.
	Frame(ctx context.Context, f pbnetwork.Frame)
	// Lost says that the link is gone and why. It comes at most once, after
	// the last Frame, never after Release returned, and no other user
	// waits for it to return.
	Lost(reason error)
}

// BackendStatus is what is known about one backend process.
type BackendStatus struct {
	ID, PID int
	// Program is what the backend calls itself, Executable what was started.
	Program, Executable string
	// Level is that of the extension, 0 for version 1.
	Level int
	// State is starting, ready, draining (takes nobody new) or ending.
	State string
	Since time.Time
	Users int
	// UserNames are the users' bare JIDs, sorted.
	UserNames []string
	// RSS is the resident memory in bytes as the kernel counts it.
	RSS   int64
	Stats Stats
	// Scope is the unit's name, "" for a plain child.
	Scope    string
	Draining bool
	// Late counts frames for users whom the backend no longer had.
	Late uint64
}

// Stats is what a backend reported about its memory, in KiB.
type Stats struct {
	Res, InitRes, Shared int64
	Reported             bool
}

// timing holds every duration in one place; tests of real processes shorten
// some of them.
type timing struct {
	ping   time.Duration // between two PINGs; also how long an answer may take
	start  time.Duration // from the start of a process to its first PONG
	hello  time.Duration // from accepting a connection to its HELLO
	write  time.Duration // for one chunk of a joined write
	frame  time.Duration // for a receiver to take a frame
	ack    time.Duration // until what was taken over is acknowledged
	exit   time.Duration // from EXIT to SIGTERM
	term   time.Duration // from SIGTERM to SIGKILL
	abort  time.Duration // from SIGABRT to SIGKILL
	last   time.Duration // for the exit status after the connection's end, and the reverse
	idle   time.Duration // that a superfluous backend stays
	stable time.Duration // ready for so long, a crash is no failed start
	retry  time.Duration // first delay after a failed start
	retryX time.Duration // longest delay after a failed start
}

func defaultTiming() timing {
	return timing{
		ping: 20 * time.Second, start: 30 * time.Second, hello: 10 * time.Second, write: 10 * time.Second,
		frame: 10 * time.Second, ack: time.Second, exit: 5 * time.Second, term: 2 * time.Second, abort: 2 * time.Second,
		last: time.Second, idle: 30 * time.Second, stable: 10 * time.Second, retry: time.Second, retryX: time.Minute,
	}
}
