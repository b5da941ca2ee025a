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
	// writers bounds what is written behind the users.
	writers *session.Writers

	mu     sync.Mutex
	byUser map[string]*seat
	closed bool
	wg     sync.WaitGroup
}

// seat is a user's place in the table. made is closed when s or err is set.
type seat struct {
	made chan struct{}
	// brief: there will be no session, the seat is free again soon.
	brief bool
	s     *session.Session
	token store.Token
	err   error
}

func newSessions(i *Instance) *sessions {
	t := &sessions{inst: i, caps: session.NewCapsCache(), byUser: map[string]*seat{}}
	if kind := i.Config().Database.Type; kind != "sqlite3" && kind != "none" {
		t.writers = session.NewWriters(backgroundWriters)
	}
	return t
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
// is not registered gets a Refusal. ask is claim's.
func (t *sessions) ensure(ctx context.Context, user string, ask asking) (*session.Session, error) {
	for {
		p, mine, err := t.claim(user)
		if err != nil {
			return nil, err
		}
		if mine {
			p.err = t.load(ctx, p, user, ask)
			t.settle(user, p)
		}
		select {
		case <-p.made:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if !p.brief {
			return p.s, p.err
		}
	}
}

// with calls f with the user's session, and again with a new one if that has
// just ended. One whom another machine has is requested.
func (t *sessions) with(ctx context.Context, user string, f func(*session.Session) error) error {
	return t.withOwn(ctx, user, always, f)
}

// withOwn is with, but for what becomes of a user whom another machine has.
func (t *sessions) withOwn(ctx context.Context, user string, ask asking, f func(*session.Session) error) error {
	for {
		s, err := t.ensure(ctx, user, ask)
		if err != nil {
			return err
		}
		if err = f(s); !errors.Is(err, session.ErrEnded) {
			return err
		}
		t.forget(user, s)
	}
}

// without calls f while the user has no session and gets none: one that his
// clients' answers have made meanwhile ends first.
func (t *sessions) without(ctx context.Context, user string, f func() error) error {
	for {
		p, mine, err := t.claim(user)
		if err != nil {
			return err
		}
		if mine {
			if err = f(); err == nil {
				p.err = errGone
			} else {
				p.err = err
			}
			t.settle(user, p)
			return err
		}
		select {
		case <-p.made:
		case <-ctx.Done():
			return ctx.Err()
		}
		if p.s != nil {
			if err := p.s.Stop(ctx); err != nil {
				return err
			}
			t.forget(user, p.s)
		}
	}
}

// vacantly calls f while the user has no session and gets none, and reports
// whether it did: where he has a place already it waits for that to be filled.
func (t *sessions) vacantly(ctx context.Context, user string, f func() error) (did bool, err error) {
	p, mine, err := t.place(user, true)
	if err != nil {
		return false, err
	}
	if mine {
		err = f()
		p.err = errBrief
		t.settle(user, p)
		return true, err
	}
	select {
	case <-p.made:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// errBrief empties a brief seat.
var errBrief = errors.New("the seat was taken for a moment only")

// errGone answers who waited for a session of a user who unregistered.
var errGone = register.Refused("registration-required", "You are not registered with this transport any more.")

// start makes a session for a user who is not in the table: a trial.
func (t *sessions) start(ctx context.Context, u *store.User, trial func(error)) (*session.Session, error) {
	p, mine, err := t.claim(u.JID)
	for err == nil && !mine && p.brief {
		<-p.made // soon
		p, mine, err = t.claim(u.JID)
	}
	if err != nil {
		return nil, err
	}
	if !mine {
		return nil, register.Refused("unexpected-request", "Another registration of yours is going on. Please wait until it is done.")
	}
	p.err = t.run(ctx, p, u, trial, always)
	t.settle(u.JID, p)
	return p.s, p.err
}

// claim returns the user's seat, and whether the caller has to fill it.
func (t *sessions) claim(user string) (p *seat, mine bool, err error) { return t.place(user, false) }

func (t *sessions) place(user string, brief bool) (p *seat, mine bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, false, errStopping
	}
	if p = t.byUser[user]; p != nil {
		return p, false, nil
	}
	p = &seat{made: make(chan struct{}), brief: brief}
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
	if p.err == nil {
		t.inst.cluster.check(p.s)
	}
}

// errLoggedOut answers what still comes for a user of server mode: only a client
// that authenticates makes a session there.
var errLoggedOut = register.Refused("service-unavailable", "Your session has just ended. Please log in again.")

// load fills the seat with the session of a registered user.
func (t *sessions) load(ctx context.Context, p *seat, user string, ask asking) error {
	if t.inst.side != nil {
		return errLoggedOut
	}
	u, err := t.registered(ctx, user)
	if err != nil {
		return err
	}
	return t.run(ctx, p, u, nil, ask)
}

func (t *sessions) registered(ctx context.Context, user string) (*store.User, error) {
	u, err := t.inst.store.User(ctx, user)
	if errors.Is(err, store.ErrNotFound) {
		return nil, register.Refused("registration-required", "You are not registered with this transport. Register first, for example by sending it the message \"help\".")
	}
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", user, err)
	}
	return u, nil
}

// run fills the seat with a session, and empties it when that ends.
func (t *sessions) run(ctx context.Context, p *seat, u *store.User, trial func(error), ask asking) error {
	i := t.inst
	token, had, err := i.claimFrom(ctx, u.JID, ask)
	if err != nil {
		return fmt.Errorf("claim %s: %w", u.JID, err)
	}
	if trial == nil && i.cluster.isMember() { // another machine may have changed him until just now
		fresh, err := t.registered(ctx, u.JID)
		if err != nil {
			i.spawn(func(context.Context) { i.unclaim(u.JID, token) })
			return err
		}
		u = fresh
	}
	i.cluster.took(u.JID)
	o := session.Options{
		User: u, Token: token, Store: i.store, Front: front{i}, Backends: backends{i.backends},
		Settings: i.sessionSettings, Limiter: i.logins, Log: i.logs.Logger("session").With("user", u.JID), Trial: trial,
		Caps: t.caps, Writers: t.writers, Stored: i.storeWatch.answered, Inherited: (had || u.Online) && i.cluster.isMember(), Shared: i.cluster.isMember(),
	}
	if i.side != nil {
		d := frontDoor{i.side, u.JID, p}
		o.Front, o.Roster, o.Refused = d, d, d.refused
	}
	s := session.New(o)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		i.spawn(func(context.Context) { i.unclaim(u.JID, token) })
		return errStopping
	}
	p.s, p.token = s, token
	if trial == nil && i.cluster.isMember() {
		i.spawn(func(ctx context.Context) { i.probe(ctx, u.JID) }) // another machine may know of clients
	}
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
		i.cluster.left(u.JID)
		i.unclaim(u.JID, token)
		for _, st := range s.Late() {
			i.router.toSession(i.ctx, u.JID, incoming{st: st, again: true})
		}
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

// vacant reports whether the user has no place, not even one that is being
// filled.
func (t *sessions) vacant(user string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byUser[user] == nil
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

// stop ends all sessions and refuses new ones. Where other machines go on, they
// get the users.
func (t *sessions) stop(ctx context.Context) {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	if t.inst.cluster.another() != "" && t.inst.side == nil {
		t.inst.cluster.handOverAll(ctx)
	}
	t.each(func(s *session.Session) {
		if err := s.Stop(ctx); err != nil {
			t.inst.log.Warn("session did not stop in time", "user", s.Status().User, "err", err)
		}
	})
	if t.inst.cluster.isMember() {
		t.given(ctx)
	}
}

// given waits until the users were given back, and what came for them meanwhile
// is on its way to other machines.
func (t *sessions) given(ctx context.Context) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		t.wg.Wait()
	}()
	select {
	case <-over:
		t.inst.cluster.flush(ctx)
	case <-ctx.Done():
	}
}
