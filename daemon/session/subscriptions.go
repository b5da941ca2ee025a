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

// userAdds: the user wants a contact in his roster, and to see him. text is what
// he says with it.
func (s *Session) userAdds(ctx context.Context, t target, text string) {
	c := s.userWants(ctx, t, edit{kind: changed, asks: true, text: text})
	if c == nil {
		s.send(ctx, xmpp.NewPresence("unsubscribed", t.jid.Bare().String(), s.user))
		return
	}
	if c.Auth != roster.Allowed {
		return // the network says what the contact answers
	}
	s.send(ctx, xmpp.NewPresence("subscribed", c.bare, s.user))
	if c.mood.available() {
		s.showContact(ctx, c, "")
	}
}

// userAccepts: the user lets a contact see his presence, which answers the
// request of one that the network or the transport sent.
func (s *Session) userAccepts(ctx context.Context, t target) {
	if t.contact != nil && t.contact.auth && s.account.authorizes {
		s.userAnswers(ctx, t.contact, true)
		return
	}
	if s.set.ServerMode && (t.contact == nil || !t.contact.auth) {
		return // nobody asked
	}
	if c := s.userWants(ctx, t, edit{kind: changed}); c != nil && c.mood.available() {
		s.showContact(ctx, c, "")
	}
}

// userAnswers grants or refuses what a contact asked for.
func (s *Session) userAnswers(ctx context.Context, c *contact, grant bool) {
	c.auth, c.authText = false, ""
	if s.account.authorizes || !c.listed {
		s.edit(ctx, edit{name: c.Name, kind: answered, yes: grant})
	}
	switch {
	case !c.listed:
		s.forget(c)
	case grant && c.Subscription != roster.Both:
		c.Subscription = roster.Both
		s.changedByUser(ctx, c)
	}
}

// userWants makes a contact the user's own, and the network's where it does not
// know him.
func (s *Session) userWants(ctx context.Context, t target, e edit) *contact {
	c := t.contact
	if c == nil {
		if c = s.newContact(t.name); c == nil {
			return nil
		}
	}
	isNew := !c.listed
	was := c.Subscription
	c.Subscription, c.listed, c.gone = roster.Both, true, false
	if e.asks && s.account.authorizes && (isNew || c.Auth != roster.Allowed) {
		c.Auth = roster.Asked
	}
	if isNew || c.auth || was == roster.None || e.asks && c.Auth != roster.Allowed {
		e.name = c.Name
		s.edit(ctx, e)
	}
	c.auth, c.authText = false, ""
	if c.told == nil || !c.told.Equal(c.Contact) {
		s.changedByUser(ctx, c)
	}
	return c
}

// userRemoves: the user does not want a contact any more, or refuses one who
// asked.
func (s *Session) userRemoves(ctx context.Context, t target, typ string) {
	c := t.contact
	switch {
	case c == nil:
		return
	case typ == "unsubscribed" && c.auth && (s.account.authorizes || s.set.ServerMode):
		s.userAnswers(ctx, c, false)
		return
	case s.set.ServerMode:
		// The network's list knows no half of a contact: the roster says so.
		s.pushItems(ctx, []*contact{c})
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
		s.edit(ctx, edit{name: c.Name, kind: removed})
		s.forget(c)
		s.dropContact(c)
		return
	case refused:
		s.edit(ctx, edit{name: c.Name, kind: removed})
	}
	// The network keeps him, so he is remembered as unwanted: otherwise the
	// next login would suggest him again.
	c.Subscription = roster.None
	s.keepContact(c)
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
	s.askSubscription(ctx, c, c.authText, "")
}

// showAuthRequests repeats what was asked while the user was away, for one
// client or (to is empty) all.
func (s *Session) showAuthRequests(ctx context.Context, to string) {
	for _, name := range slices.Sorted(maps.Keys(s.contacts.byName)) {
		if c := s.contacts.byName[name]; c.auth {
			s.askSubscription(ctx, c, c.authText, to)
		}
	}
}

// authOf is what b says about the user's own request to see the contact, nil
// for nothing. Whom he sees has allowed it.
func authOf(b *pbnetwork.Buddy, now mood) *roster.Auth {
	a := roster.Allowed
	switch b.GetAuthorization() {
	case pbnetwork.Authorization_AUTHORIZATION_ASKED:
		a = roster.Asked
	case pbnetwork.Authorization_AUTHORIZATION_DENIED:
		a = roster.Denied
	case pbnetwork.Authorization_AUTHORIZATION_UNCHANGED:
		if !now.available() {
			return nil
		}
	}
	return &a
}

// authChanged tells the user what became of his request.
func (s *Session) authChanged(ctx context.Context, c *contact, was roster.Auth) {
	if c.Auth == was || was != roster.Asked {
		return
	}
	typ := "subscribed"
	if c.Auth == roster.Denied {
		typ = "unsubscribed"
	}
	s.send(ctx, xmpp.NewPresence(typ, c.bare, s.user))
}
