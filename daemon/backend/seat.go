// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// maxCalls is how many calls may wait for one user's session; further ones
// are refused, each with its own answer.
const maxCalls = 512

// Why a session's context ended.
var (
	errLogout   = errors.New("the user logged out")
	errReplaced = errors.New("the user logged in again")
	errStop     = errors.New("the backend ends")
	errReturned = errors.New("the session has ended")
)

// panicked is a panic in an author's code.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// call is one thing that the user did. Exactly one of run and refuse is
// called.
type call struct {
	name string
	// asks: it waits for the network's answer, see lookups.
	asks   bool
	run    func(ctx context.Context, s Session)
	refuse func(reason string)
}

// seat is one user's place in the process, from LOGIN until nothing of the
// session is left. One goroutine (live) owns its life; one (serve) makes the
// calls in order; Session.Run has a third.
type seat struct {
	user  *User
	ctx   context.Context
	stop  context.CancelCauseFunc
	gone  chan struct{} // closed when the session is over
	ready chan struct{} // signals serve

	mu     sync.Mutex
	calls  []call
	full   bool // the last call was refused
	closed bool

	asked lookups
	// confirm: the main process wants LOGGED_OUT.
	confirm atomic.Bool
}

func newSeat(jid string, w *wire, c *config.Config, log *slog.Logger) *seat {
	ctx, stop := context.WithCancelCause(context.Background())
	s := &seat{
		ctx: ctx, stop: stop,
		gone:  make(chan struct{}),
		ready: make(chan struct{}, 1),
	}
	s.user = &User{
		jid: jid, log: log.With("user", jid), config: c, wire: w, over: ctx.Done(),
		fault: s.fault,
		rooms: make(map[string]*roomState),
		open:  make(map[*Message]struct{}),
		steps: make(map[string]chan *pbnetwork.StepAnswer),
	}
	return s
}

// end ends the session for a reason of the main process's: what it still says
// is not for anybody.
func (s *seat) end(reason error) {
	s.user.mute()
	s.stop(reason)
}

// logoutWait is how long what the user did before he logged out may still take.
const logoutWait = 2 * time.Second

// logOut ends the session after the calls that wait: whoever writes and leaves
// has written. Where the main process waits for the end, it hears what becomes
// of them.
func (s *seat) logOut(confirm bool) {
	if confirm {
		s.confirm.Store(true)
	} else {
		s.user.mute()
	}
	timer := time.AfterFunc(logoutWait, func() { s.end(errLogout) })
	last := func() {
		timer.Stop()
		s.end(errLogout)
	}
	s.post(call{name: "logout", run: func(context.Context, Session) { last() }, refuse: func(string) { last() }})
}

// fault ends the session after a panic in the author's code.
func (s *seat) fault(p any) {
	err := &panicked{p, debug.Stack()}
	s.user.log.Error("panic in the session", "panic", fmt.Sprint(p), "stack", string(err.stack))
	s.stop(err)
}

// guard runs f and turns a panic into the session's end.
func (s *seat) guard(f func()) {
	defer func() {
		if p := recover(); p != nil {
			s.fault(p)
		}
	}()
	f()
}

// post queues c, or refuses it.
func (s *seat) post(c call) {
	if reason := s.queue(c); reason != "" {
		c.refuse(reason)
	}
}

// queue appends c; the answer is why not.
func (s *seat) queue(c call) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return notLoggedIn
	case len(s.calls) >= maxCalls:
		if !s.full { // once, not for each
			s.user.log.Warn("the session does not keep up: calls are refused", "call", c.name)
		}
		s.full = true
		return textBusy
	}
	s.full = false
	s.calls = append(s.calls, c)
	select {
	case s.ready <- struct{}{}:
	default:
	}
	return ""
}

// next takes the oldest call that waits.
func (s *seat) next() (call, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.calls) == 0 {
		return call{}, false
	}
	c := s.calls[0]
	s.calls = s.calls[1:]
	return c, true
}

// serve makes the calls in order until the session ends.
func (s *seat) serve(session Session) {
	for s.ctx.Err() == nil {
		c, ok := s.next()
		switch {
		case !ok:
			select {
			case <-s.ready:
			case <-s.ctx.Done():
			}
		case c.asks:
			s.lookup(session, c)
		default:
			s.guard(func() { c.run(s.ctx, session) })
		}
	}
}

// live is the session's life: after the user's previous session, if there is
// one, until every trace of this one is gone. It returns how it ended, or nil
// when the main process ended it.
func (s *seat) live(n Network, login Login, previous *seat) error {
	if previous != nil {
		<-previous.gone
	}
	err := s.play(n, login)
	s.drain()
	s.user.giveUp("the session ended before the network confirmed the message")
	if s.ended() {
		return nil
	}
	return err
}

// play runs the session and its calls, and waits for both, within limits,
// once the session's context has ended.
func (s *seat) play(n Network, login Login) error {
	if s.ctx.Err() != nil {
		return nil
	}
	var session Session
	s.guard(func() { session = n.NewSession(s.user, login) })
	if session == nil {
		s.stop(errReturned)
		return s.cause(errors.New("NewSession gave no session"))
	}
	var err error
	var all sync.WaitGroup
	all.Go(func() { s.serve(session) })
	all.Go(func() {
		defer s.stop(errReturned)
		s.guard(func() { err = session.Run(s.ctx) })
	})
	done := make(chan struct{})
	go func() {
		all.Wait()
		s.user.work.Wait()
		close(done)
	}()
	if !s.await(done) {
		s.user.log.Error("the session does not end; it is left behind", "after", endWait)
		return s.cause(errors.New("the session did not end"))
	}
	return s.cause(err)
}

// await waits for done: as long as it takes while the session is on, and
// endWait from then on.
func (s *seat) await(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	case <-s.ctx.Done():
	}
	timer := time.NewTimer(endWait)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// drain refuses what waits and whatever still comes.
func (s *seat) drain() {
	s.mu.Lock()
	left := s.calls
	s.calls, s.closed = nil, true
	s.mu.Unlock()
	for _, c := range append(left, s.asked.close()...) {
		c.refuse("the session has ended")
	}
}

// cause is how the session ended: a panic comes before what Run made of it.
func (s *seat) cause(err error) error {
	var p *panicked
	if errors.As(context.Cause(s.ctx), &p) {
		return p
	}
	return err
}

// ended reports whether the main process ended the session.
func (s *seat) ended() bool {
	cause := context.Cause(s.ctx)
	return errors.Is(cause, errLogout) || errors.Is(cause, errReplaced) || errors.Is(cause, errStop)
}
