// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/store"
)

// enter returns the user's house, and the context for the login where the
// caller has to fill it. A login under way with another password makes place
// for one who has proved his.
func (s *serverSide) enter(ctx context.Context, user jid.JID, secret digest, proven bool) (h *house, trial context.Context) {
	s.mu.Lock()
	old := s.houses[user.String()]
	if old != nil && (!proven || old.accepted || closed(old.made) || old.secret.equal(secret)) {
		s.mu.Unlock()
		return old, nil
	}
	h = &house{user: user, secret: secret, made: make(chan struct{})}
	trial, h.abandon = context.WithCancelCause(ctx)
	s.houses[user.String()] = h
	s.mu.Unlock()
	if old != nil {
		old.abandon(errOutvoted)
		<-old.made // soon: nothing in it outlasts its context
	}
	return h, trial
}

// settle fills a house by a login, or takes it down again, however it ends.
func (s *serverSide) settle(ctx context.Context, h *house, u *store.User) (*house, error) {
	defer h.abandon(nil)
	defer func() {
		if !closed(h.made) { // a panic: nobody may wait for ever
			s.fail(ctx, h, errBusyAccount)
		}
	}()
	ses, err := s.trial(ctx, u)
	if err == nil && !s.accept(h) {
		s.sessions.stopLater(u.JID, ses)
		err = errOutvoted
	}
	if err != nil {
		return nil, s.fail(ctx, h, err)
	}
	h.proven = ses.Status().Confirmation == pbnetwork.Confirmation_CONFIRMATION_AUTHENTICATED
	s.found(h, ses)
	s.keep(ctx, h, u)
	close(h.made)
	if s.sessions.get(u.JID) != ses { // it ended before the house stood
		s.leave(u.JID, ses)
		return nil, errBusyAccount
	}
	return h, nil
}

// accept reports whether the house still has the user's place, which is its own
// from then on.
func (s *serverSide) accept(h *house) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.accepted = s.houses[h.user.String()] == h
	return h.accepted
}

// fail takes down a house whose login did not succeed, and returns why.
func (s *serverSide) fail(ctx context.Context, h *house, err error) error {
	s.vacate(h)
	if context.Cause(ctx) == errOutvoted {
		err = errOutvoted
	}
	h.err, h.left = err, ctx.Err() != nil && err != errOutvoted
	close(h.made)
	return err
}

// vacate gives up the house's place, if it still has it.
func (s *serverSide) vacate(h *house) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.houses[h.user.String()] == h {
		delete(s.houses, h.user.String())
	}
}
