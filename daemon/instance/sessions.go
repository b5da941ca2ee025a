// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"sync"
	"time"

	"spectrum.im/spectrum2/daemon/register"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/store"
)

// sessions is the table of running sessions, at most one for each user. Who
// finds none in it makes one; two who look at once wait for one another.
type sessions struct {
	inst *Instance
	caps *session.CapsCache

	mu     sync.Mutex
	byUser map[string]*seat
	closed bool
	wg     sync.WaitGroup
}

// seat is a user's place in the table. made is closed when s or err is set.
type seat struct {
	made  chan struct{}
	s     *session.Session
	token store.Token
	err   error
}

func newSessions(i *Instance) *sessions {
	return &sessions{inst: i, caps: session.NewCapsCache(), byUser: map[string]*seat{}}
}

// get returns the user's session, nil without one or while it is being made.
func (t *sessions) get(user string) *session.Session {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.byUser[user]; p != nil {
		select {
		case <-p.made:
			return p.s
		default:
		}
	}
	return nil
}

// errStopping answers who comes too late.
var errStopping = register.Refused("service-unavailable", "The transport is being stopped.")

// ensure returns the user's session and makes it if there is none. A user who
// is not registered gets a Refusal.
func (t *sessions) ensure(ctx context.Context, user string) (*session.Session, error) {
	p, mine, err := t.claim(user)
	if err != nil {
		return nil, err
	}
	if mine {
		p.err = t.load(ctx, p, user)
		t.settle(user, p)
	}
	select {
	case <-p.made:
		return p.s, p.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// with calls f with the user's session, and again with a new one if that has
// just ended.
func (t *sessions) with(ctx context.Context, user string, f func(*session.Session) error) error {
	for {
		s, err := t.ensure(ctx, user)
		if err != nil {
			return err
		}
		if err = f(s); !errors.Is(err, session.ErrEnded) {
			return err
		}
		t.forget(user, s)
	}
}

// start makes a session for a user who is not in the table: a trial.
func (t *sessions) start(ctx context.Context, u *store.User, trial func(error)) (*session.Session, error) {
	p, mine, err := t.claim(u.JID)
	if err != nil {
		return nil, err
	}
	if !mine {
		return nil, register.Refused("unexpected-request", "Another registration of yours is going on. Please wait until it is done.")
	}
	p.err = t.run(ctx, p, u, trial)
	t.settle(u.JID, p)
	return p.s, p.err
}

// claim returns the user's seat, and whether the caller has to fill it.
func (t *sessions) claim(user string) (p *seat, mine bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, false, errStopping
	}
	if p = t.byUser[user]; p != nil {
		return p, false, nil
	}
	p = &seat{made: make(chan struct{})}
	t.byUser[user] = p
	return p, true, nil
}

// settle makes the seat known; one that could not be filled is cleared.
func (t *sessions) settle(user string, p *seat) {
	if p.err != nil {
		t.mu.Lock()
		if t.byUser[user] == p {
			delete(t.byUser, user)
		}
		t.mu.Unlock()
	}
	close(p.made)
}

// errLoggedOut answers what still comes for a user of server mode: only a client
// that authenticates makes a session there.
var errLoggedOut = register.Refused("service-unavailable", "Your session has just ended. Please log in again.")

// load fills the seat with the session of a registered user.
func (t *sessions) load(ctx context.Context, p *seat, user string) error {
	if t.inst.side != nil {
		return errLoggedOut
	}
	u, err := t.inst.store.User(ctx, user)
	if errors.Is(err, store.ErrNotFound) {
		return register.Refused("registration-required", "You are not registered with this transport. Register first, for example by sending it the message \"help\".")
	}
	if err != nil {
		return fmt.Errorf("load %s: %w", user, err)
	}
	return t.run(ctx, p, u, nil)
}

// run fills the seat with a session, and empties it when that ends.
func (t *sessions) run(ctx context.Context, p *seat, u *store.User, trial func(error)) error {
	token, err := t.inst.store.Claim(ctx, u.JID)
	if err != nil {
		return fmt.Errorf("claim %s: %w", u.JID, err)
	}
	i := t.inst
	o := session.Options{
		User: u, Token: token, Store: i.store, Front: front{i}, Backends: backends{i.backends},
		Settings: i.sessionSettings, Limiter: i.logins, Log: i.logs.Logger("session").With("user", u.JID), Trial: trial,
		Caps: t.caps,
	}
	if i.side != nil {
		d := frontDoor{i.side, u.JID, p}
		o.Front, o.Roster, o.Refused = d, d, d.refused
	}
	s := session.New(o)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return errStopping
	}
	p.s, p.token = s, token
	t.wg.Add(1)
	go func() {
		defer t.wg.Done()
		// The session's context is the instance's, not the caller's; a session
		// logs its own errors, and its end alone matters here.
		_ = s.Run(i.ctx)
		if i.side != nil {
			i.side.leave(u.JID, s)
		}
		t.forget(u.JID, s)
		i.unclaim(u.JID, token)
	}()
	return nil
}

// token is the fencing token of the user's session, zero without one.
func (t *sessions) token(user string) store.Token {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.byUser[user]; p != nil && closed(p.made) {
		return p.token
	}
	return 0
}

// forget clears the user's seat if s still has it.
func (t *sessions) forget(user string, s *session.Session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.byUser[user]
	if p == nil {
		return
	}
	select {
	case <-p.made:
		if p.s == s {
			delete(t.byUser, user)
		}
	default:
	}
}

// stopLater ends a session that nobody waits for.
func (t *sessions) stopLater(user string, s *session.Session) {
	t.inst.spawn(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.inst.log.Warn("session did not stop in time", "user", user, "err", err)
		}
	})
}

// all returns the sessions that run, in no order.
func (t *sessions) all() []*session.Session {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]*session.Session, 0, len(t.byUser))
	for _, p := range t.byUser {
		select {
		case <-p.made:
			if p.s != nil {
				out = append(out, p.s)
			}
		default:
		}
	}
	return out
}

// statuses are snapshots of all sessions, by JID.
func (t *sessions) statuses() []session.Status {
	all := t.all()
	out := make([]session.Status, len(all))
	for i, s := range all {
		out[i] = s.Status()
	}
	sort.Slice(out, func(a, b int) bool { return out[a].User < out[b].User })
	return out
}

// online counts the users who are logged in to the network.
func (t *sessions) online() int {
	n := 0
	for _, s := range t.all() {
		if s.Status().State == session.Online {
			n++
		}
	}
	return n
}

// each calls f for all sessions, a bounded number at a time, and waits.
func (t *sessions) each(f func(*session.Session)) {
	slots := make(chan struct{}, 64)
	var wg sync.WaitGroup
	for _, s := range t.all() {
		slots <- struct{}{}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer func() { <-slots }()
			f(s)
		}()
	}
	wg.Wait()
}

// stop ends all sessions and refuses new ones.
func (t *sessions) stop(ctx context.Context) {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.each(func(s *session.Session) {
		if err := s.Stop(ctx); err != nil {
			t.inst.log.Warn("session did not stop in time", "user", s.Status().User, "err", err)
		}
	})
}
