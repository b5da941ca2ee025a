// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"maps"
	"slices"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/roster"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// userAdds: the user wants a contact in his roster.
func (s *Session) userAdds(ctx context.Context, t target) {
	c := s.userWants(ctx, t)
	if c == nil {
		s.send(ctx, xmpp.NewPresence("unsubscribed", t.jid.Bare().String(), s.user))
		return
	}
	s.send(ctx, xmpp.NewPresence("subscribed", c.bare, s.user))
	if c.mood.available() {
		s.showContact(ctx, c, "")
	}
}

// userAccepts: the user lets a contact see his presence, which answers the
// request of one that the network or the transport sent.
func (s *Session) userAccepts(ctx context.Context, t target) {
	if c := s.userWants(ctx, t); c != nil && c.mood.available() {
		s.showContact(ctx, c, "")
	}
}

// userWants makes a contact the user's own, and the network's where it does not
// know him.
func (s *Session) userWants(ctx context.Context, t target) *contact {
	c := t.contact
	isNew := c == nil
	if isNew {
		if c = s.newContact(t.name); c == nil {
			return nil
		}
	}
	was := c.Subscription
	c.Subscription = roster.Both
	if isNew || c.auth || was == roster.None {
		s.edit(ctx, edit{name: c.Name})
	}
	c.auth, c.authText = false, ""
	if c.told == nil || !c.told.Equal(c.Contact) {
		delete(s.contacts.dirty, c.Name)
		s.keepContact(ctx, c)
	}
	return c
}

// userRemoves: the user does not want a contact any more, or refuses one who
// asked.
func (s *Session) userRemoves(ctx context.Context, t target, typ string) {
	c := t.contact
	if c == nil {
		return
	}
	if typ == "unsubscribe" {
		s.send(ctx, xmpp.NewPresence("unsubscribed", c.bare, s.user))
	}
	s.send(ctx, xmpp.NewPresence("unavailable", c.full, s.user))
	refused := c.auth
	c.auth, c.authText = false, ""
	delete(s.contacts.dirty, c.Name)
	switch {
	case s.set.RemoveBuddy:
		s.edit(ctx, edit{name: c.Name, removed: true})
		s.forget(c)
		s.dropContact(ctx, c)
		return
	case refused:
		s.edit(ctx, edit{name: c.Name, removed: true})
	}
	// The network keeps him, so he is remembered as unwanted: otherwise the
	// next login would suggest him again.
	c.Subscription = roster.None
	s.keepContact(ctx, c)
}

// edit tells the backend of a change by the user, now or after the login.
func (s *Session) edit(ctx context.Context, e edit) {
	s.contacts.edits = slices.DeleteFunc(s.contacts.edits, func(o edit) bool { return o.name == e.name })
	if !s.online() {
		s.contacts.edits = append(s.contacts.edits, e)
		return
	}
	frame := &pbnetwork.Buddy{UserName: &s.user, BuddyName: &e.name}
	typ := pbnetwork.WrapperMessage_TYPE_BUDDY_REMOVED
	if !e.removed {
		typ = pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED
		if c := s.contacts.byName[e.name]; c != nil {
			frame = s.buddyFrame(c)
		}
	}
	if !s.toBackend(ctx, typ, frame) {
		s.contacts.edits = append(s.contacts.edits, e)
	}
}

func (s *Session) flushEdits(ctx context.Context) {
	edits := s.contacts.edits
	s.contacts.edits = nil
	for _, e := range edits {
		s.edit(ctx, e)
	}
}

// onAuthRequest: somebody on the network asks to see the user's presence. The
// request is the user's to answer, from any client and at any time.
func onAuthRequest(ctx context.Context, s *Session, b *pbnetwork.Buddy) {
	c := s.findContact(b.GetBuddyName())
	if c == nil {
		if c = s.newContact(b.GetBuddyName()); c == nil {
			return
		}
	}
	c.heard = s.contacts.login
	if b.GetAlias() != "" {
		c.Alias = b.GetAlias()
	}
	c.auth, c.authText = true, b.GetStatusMessage()
	s.askSubscription(ctx, c, c.authText)
}

// showAuthRequests repeats what was asked while the user was away.
func (s *Session) showAuthRequests(ctx context.Context) {
	for _, name := range slices.Sorted(maps.Keys(s.contacts.byName)) {
		if c := s.contacts.byName[name]; c.auth {
			s.askSubscription(ctx, c, c.authText)
		}
	}
}
