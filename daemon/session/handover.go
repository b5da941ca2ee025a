// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"errors"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// HandOver ends the session because another main process goes on with the user:
// the legacy session is logged out, and the network has seen that when HandOver
// returns, as far as it can be known. The user's clients see the rooms go, from
// which they know that they have to join again, and nothing else: he stays
// marked online, and the other session (Options.Inherited) corrects what is not
// true any more.
func (s *Session) HandOver(ctx context.Context) error {
	return s.part(ctx, partWanted{silent: true, reason: "The transport moves to another machine", limit: partTime})
}

// Fence ends the session because this main process may not keep the user any
// longer. It is HandOver, but nobody knows yet who goes on, so that the user
// sees transport and contacts go and reads why. The network gets no longer than
// limit to see the logout. Fence returns then; what is not written yet may keep
// the session for longer.
func (s *Session) Fence(ctx context.Context, reason string, limit time.Duration) error {
	return s.part(ctx, partWanted{reason: reason, limit: limit, parted: make(chan struct{})})
}

func (s *Session) part(ctx context.Context, e partWanted) error {
	parted := e.parted
	if err := s.box.put(ctx, e); err != nil && !errors.Is(err, ErrEnded) {
		return err
	}
	select {
	case <-parted:
		return nil
	case <-s.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// partTime is how long the network has to see the logout.
const partTime = 5 * time.Second

// partWanted: another main process has or may have the user.
type partWanted struct {
	silent bool
	// leaves: the user has gone offline, nobody has to go on.
	leaves bool
	reason string
	limit  time.Duration
	// parted is closed when the user is logged out; it may be nil.
	parted chan struct{}
}

func (e partWanted) apply(ctx context.Context, s *Session) {
	a := &s.account
	if a.parting != nil { // that one ends the session, but perhaps not soon enough
		if a.parting.parted == nil {
			a.parting.parted = e.parted
		}
		s.timers.after(e.limit, partLate{})
		return
	}
	a.parting = &e
	switch {
	case e.leaves:
		s.markOnline(false)
	case e.silent && a.wanted:
		s.markOnline(true) // whoever goes on has to know of a login under way
	}
	a.wanted, a.pinned, a.wasOnline = false, false, false
	s.timers.stop(a.retry)
	a.retry = nil
	s.cancelAttempt()
	if !s.linked() {
		s.parted(ctx)
		return
	}
	confirm := a.link.Level() > 0
	logout := &pbnetwork.Logout{User: &s.user, LegacyName: &a.user.Name}
	if confirm {
		logout.Confirm = &confirm
	}
	if !s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_LOGOUT, logout) || !confirm {
		s.parted(ctx)
		return
	}
	a.connected = false
	s.timers.stop(a.patience)
	a.patience = nil
	s.timers.after(e.limit, partLate{})
}

// partLate: the backend did not confirm the logout.
type partLate struct{}

func (partLate) apply(ctx context.Context, s *Session) {
	if s.closing {
		return
	}
	s.log.Warn("the network has perhaps not seen the logout", "after", s.account.parting.limit)
	s.parted(ctx)
}

func onLoggedOut(ctx context.Context, s *Session, _ *pbnetwork.LoggedOut) {
	if s.account.parting != nil {
		s.parted(ctx)
	}
}

// parted ends the session after its logout.
func (s *Session) parted(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewellTime)
	defer cancel()
	e := s.account.parting
	s.trialWent(ctx, &LoginError{pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR, e.reason})
	s.unlink(ctx, e.reason)
	s.shutRooms(ctx, e.reason, e.leaves)
	if e.silent {
		s.account.state, s.account.since = Offline, time.Now()
	} else {
		s.contactsGone(ctx)
		s.setState(ctx, Offline, e.reason)
	}
	s.closing = true
	if e.parted != nil {
		close(e.parted)
		e.parted = nil
	}
}

// maxLate bounds what comes for a session while it is handed over.
const maxLate = mailboxLimit

// tooLate keeps a stanza that another session of the user's has to have.
func (s *Session) tooLate(st *xmpp.Element) bool {
	e := s.account.parting
	if e == nil || !e.silent && !e.leaves || len(s.late) >= maxLate {
		return false
	}
	s.late = append(s.late, st)
	return true
}

// Late returns, after Run, what the user sent while he was handed over, in
// order: it is the next session's.
func (s *Session) Late() []*xmpp.Element { return s.late }

// leave logs out a user whose last client has gone. Where another main process
// may have him next, that waits until the network has seen it: he would be
// logged in twice. What he sends meanwhile is the next session's.
func (s *Session) leave(ctx context.Context) {
	if s.o.Shared && !s.set.ServerMode && s.linked() && s.account.link.Level() > 0 {
		partWanted{leaves: true, limit: partTime}.apply(ctx, s)
		return
	}
	s.logOut(ctx, Offline, "")
}

// fenced looks whether a write failed because the user is another main
// process's by now: then this session has nothing to say any more.
func (s *Session) fenced(err error) {
	if errors.Is(err, store.ErrFenced) && s.account.parting == nil {
		s.timers.after(0, partWanted{silent: true, reason: "The transport moved to another machine", limit: partTime})
	}
}
