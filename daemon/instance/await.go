// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/control"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/systemd"
)

const (
	// awaitMin and awaitMax are the pauses between two looks at a database that
	// is away.
	awaitMin, awaitMax = time.Second, 5 * time.Second
	// awaitLog is how often the log says so at most, where the reason changes.
	awaitLog = time.Minute
)

// opened is what came of one attempt.
type opened struct {
	store store.Store
	err   error
}

// wait is an instance whose database is being opened.
type wait struct {
	*Instance
	cfg *config.Config
	log *slog.Logger
	// why is the sentence for STATUS= and the control socket; "" while nothing
	// is wrong.
	why    atomic.Pointer[string]
	logged time.Time
	pause  time.Duration
	// said: systemd has READY=1.
	said bool
	// hangUp closes the control socket, if it is open.
	hangUp func()
}

// awaitStore opens the database and migrates it, for as long as that takes. A
// server that is away is waited for: at boot it may come up after us, or on
// another machine. Like an XMPP server that is away it must not hang boot, so
// systemd hears READY=1 meanwhile, and STATUS= and the control socket say what
// is missing. Errors that are not store.ErrUnavailable, and those of SQLite,
// are returned at once.
func (i *Instance) awaitStore(ctx context.Context, cfg *config.Config) (store.Store, error) {
	w := &wait{Instance: i, cfg: cfg, log: i.logs.Logger("store"), pause: awaitMin, hangUp: func() {}}
	w.why.Store(new(string))
	defer func() { w.hangUp() }()
	watchdog, watched := i.watchdog()
	defer watchdog.Stop()
	ready := time.NewTimer(readyWait)
	defer ready.Stop()
	patience := time.NewTicker(30 * time.Second)
	defer patience.Stop()
	attempt, again := w.open(ctx), (<-chan time.Time)(nil)
	for {
		select {
		case o := <-attempt:
			if o.err == nil {
				w.found()
				return o.store, nil
			}
			if ctx.Err() != nil || cfg.Database.Type == "sqlite3" || !errors.Is(o.err, store.ErrUnavailable) {
				return nil, o.err
			}
			attempt, again = nil, w.away(o.err)
		case <-again:
			attempt, again = w.open(ctx), nil
		case <-ready.C:
			w.sayWaiting()
		case <-patience.C:
			i.opts.Notifier.ExtendTimeout(time.Minute) // a large database takes its time to migrate
		case <-watchdog.C:
			if watched {
				i.opts.Notifier.Watchdog()
			}
		case <-ctx.Done():
			if attempt != nil { // it ends with ctx, too
				if o := <-attempt; o.err == nil {
					return nil, errors.Join(ctx.Err(), o.store.Close())
				}
			}
			return nil, ctx.Err()
		}
	}
}

// open makes one attempt.
func (w *wait) open(ctx context.Context) <-chan opened {
	c := make(chan opened, 1)
	go func() {
		s, err := openStore(ctx, w.cfg, w.log)
		c <- opened{s, err}
	}()
	return c
}

// away says why the database cannot be opened, and returns when to try again.
func (w *wait) away(err error) (again <-chan time.Time) {
	why := "waiting for the database: " + strings.Replace(err.Error(), store.ErrUnavailable.Error()+": ", "", 1)
	if *w.why.Load() == "" {
		w.serveControl()
	}
	if why != *w.why.Load() && time.Since(w.logged) >= awaitLog {
		w.log.Error("waiting for the database", "err", err)
		w.logged = time.Now()
	}
	w.why.Store(&why)
	w.opts.Notifier.Status(why)
	if time.Since(w.started) >= readyWait {
		w.sayWaiting()
	}
	again, w.pause = time.After(w.pause), min(w.pause*3/2, awaitMax)
	return again
}

// sayWaiting lets systemd go on without the database.
func (w *wait) sayWaiting() {
	if w.said || *w.why.Load() == "" { // nothing is known to be wrong; it may be migrating
		return
	}
	w.said = true
	if err := w.opts.Notifier.Ready(); err != nil {
		w.log.Warn("systemd was not told that the instance waits", "err", err)
	}
}

func (w *wait) found() {
	if *w.why.Load() != "" {
		w.log.Info("the database is there", "waited", time.Since(w.started).Round(time.Second))
	}
}

// serveControl answers on systemd's control socket, which stays open for the
// instance.
func (w *wait) serveControl() {
	l, err := sameSocket(w.opts.Inherited.Listeners[systemd.SocketControl])
	if err != nil {
		w.log.Warn("nobody answers on the control socket while the database is away", "err", err)
	}
	if l == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- control.Serve(ctx, l, waiting{w}, w.logs.Logger("control")) }()
	w.hangUp = func() {
		cancel()
		if err := <-done; err != nil {
			w.log.Error("control socket failed", "err", err)
		}
	}
}

// sameSocket is a second listener for the socket of the first of ls; nil if
// there is none.
func sameSocket(ls []net.Listener) (net.Listener, error) {
	if len(ls) == 0 {
		return nil, nil
	}
	unix, ok := ls[0].(*net.UnixListener)
	if !ok {
		return nil, fmt.Errorf("%v is no unix socket", ls[0].Addr())
	}
	f, err := unix.File()
	if err != nil {
		return nil, err
	}
	l, err := net.FileListener(f)
	return l, errors.Join(err, f.Close())
}
