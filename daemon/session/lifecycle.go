// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"time"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// loginWanted: somebody wants the account logged in, presence or not.
type loginWanted struct{}

func (loginWanted) apply(ctx context.Context, s *Session) {
	s.arrived()
	s.account.pinned = s.clients.deserted()
	s.logIn(ctx)
	if !s.account.wanted {
		s.account.pinned = false
	}
}

// logoutWanted: somebody wants it logged out, until the user acts again.
type logoutWanted struct{ reason string }

func (e logoutWanted) apply(ctx context.Context, s *Session) {
	s.arrived()
	s.logOut(ctx, Offline, e.reason)
}

// stopWanted: the main process ends.
type stopWanted struct{}

func (stopWanted) apply(ctx context.Context, s *Session) {
	s.farewell(ctx)
	s.closing = true
}

// farewellTime bounds the goodbyes of a session whose context is over.
const farewellTime = 5 * time.Second

// farewell shows the user that the transport goes. The link is given up without
// a LOGOUT: whether the legacy session ends with it, or is taken up again after
// a restart, is not decided here.
func (s *Session) farewell(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewellTime)
	defer cancel()
	const reason = "The transport is being shut down"
	s.account.wanted, s.account.pinned = false, false
	s.unlink(ctx, reason)
	s.cancelAttempt()
	s.shutRooms(ctx, reason, false)
	s.contactsGone(ctx)
	if s.clients.none() {
		s.account.state, s.account.since = Offline, time.Now()
		return // nobody saw it come
	}
	s.setState(ctx, Offline, reason)
}

// accountChanged: the user registered again, or what was tried is kept.
type accountChanged struct{ user *store.User }

func (e accountChanged) apply(ctx context.Context, s *Session) {
	a := &s.account
	old := a.user
	a.user = e.user
	if old.Name == e.user.Name && old.Password == e.user.Password {
		s.adopted(ctx, old)
		return
	}
	a.user.Online = old.Online
	if s.linked() || a.attempt != nil || a.wanted {
		a.user.Name, old.Name = old.Name, a.user.Name // LOGOUT names the old one
		s.logOut(ctx, Offline, "Your registration has changed")
		a.user.Name, old.Name = old.Name, a.user.Name
	}
	a.legacyName = a.user.Name
	if old.Name != e.user.Name {
		for _, c := range s.contactsByName() { // of another account
			c.gone = true
			s.markDirty(c)
		}
	}
	if !s.clients.deserted() {
		s.logIn(ctx)
	}
}

// adopted: the account is the same, but has a place in the store now, or other
// settings.
func (s *Session) adopted(ctx context.Context, old *store.User) {
	a := &s.account
	if old.ID == 0 && s.kept() {
		a.user.Online = false
		s.markOnline(s.online())
		s.takeOver(ctx)
		return
	}
	a.user.Online = old.Online
	if !a.wanted && a.state == BadCredentials && !s.clients.deserted() {
		s.logIn(ctx)
	}
}

// takeOver makes a running session's own what the store has for its user, and
// keeps what it has itself.
func (s *Session) takeOver(ctx context.Context) {
	id := s.account.user.ID
	s.task(func() {
		contacts := s.readContacts(ctx, id)
		waiting, err := s.waiting(ctx, id, 1)
		_ = s.box.put(ctx, storeRead{contacts, err != nil || len(waiting) > 0})
	})
}

// storeRead is what the store has for a session that runs already.
type storeRead struct {
	contacts []store.Contact
	waiting  bool
}

func (e storeRead) apply(ctx context.Context, s *Session) {
	s.account.adopting = true
	for _, row := range e.contacts {
		s.loadContact(row)
	}
	s.account.adopting = false
	if e.waiting {
		s.queue.unread = true
		s.queue.news++
	}
	for _, m := range s.queue.memory {
		s.saveMessage(m)
	}
	if s.set.ServerMode {
		for _, c := range s.contacts.byLocal {
			if c.told != nil {
				s.markUnsaved(c)
			}
		}
	}
	for _, r := range s.rooms.sorted() {
		if r.phase == inside {
			s.keepRoom(r)
		}
	}
	s.syncRoster()
	if s.online() {
		s.rejoinRooms(ctx)
		s.sendContacts(ctx)
	}
	s.flushQueue(ctx)
}

// unregisterWanted: the user gives the transport up.
type unregisterWanted struct{}

func (unregisterWanted) apply(ctx context.Context, s *Session) {
	for _, c := range s.contactsByName() {
		s.takeBack(ctx, c.bare, c.full)
		c.mood = absent
	}
	s.logOut(ctx, Offline, "You are not registered any more")
	bare := s.set.Addresses.Transport
	s.takeBack(ctx, bare, bare)
	s.writes.discard()
	s.closing = true
}

// takeBack removes an address from the user's roster: both subscriptions end.
func (s *Session) takeBack(ctx context.Context, bare, from string) {
	s.send(ctx, xmpp.NewPresence("unsubscribe", bare, s.user))
	s.send(ctx, xmpp.NewPresence("unsubscribed", bare, s.user))
	s.send(ctx, xmpp.NewPresence("unavailable", from, s.user))
}
