// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/roster"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/nick"
	"spectrum.im/spectrum2/daemon/xmpp/vcard"
)

// contactPresence is a contact's presence as it is now.
func (s *Session) contactPresence(c *contact, to string) *xmpp.Element {
	if to == "" {
		to = s.user
	}
	if !c.mood.available() {
		st := xmpp.NewPresence("unavailable", c.full, to)
		if c.mood.text != "" {
			st.Add(xmpp.NewText(xmpp.NSClient, "status", c.mood.text))
		}
		return st
	}
	st := xmpp.NewPresence("", c.full, to)
	if show := c.mood.show(); show != "" {
		st.Add(xmpp.NewText(xmpp.NSClient, "show", show))
	}
	if c.mood.text != "" {
		st.Add(xmpp.NewText(xmpp.NSClient, "status", c.mood.text))
	}
	if c.Alias != "" {
		st.Add(nick.Element(c.Alias))
	}
	return st.Add(s.contactCaps(), vcard.Update(c.IconHash))
}

// showContact sends a contact's presence, unless the user does not want him.
func (s *Session) showContact(ctx context.Context, c *contact, to string) {
	if c.Subscription.Visible() {
		s.send(ctx, s.contactPresence(c, to))
	}
}

// showContacts sends the presence of those who are there. Where the user was
// away altogether all are sent; a further client is sent only those that its
// server does not probe for it, because the user did not subscribe to them.
func (s *Session) showContacts(ctx context.Context, to string, all bool) {
	for _, c := range s.contactsByName() {
		if c.mood.available() && (all || c.Subscription == roster.Ask) {
			s.showContact(ctx, c, to)
		}
	}
}

// probed answers a presence probe.
func (s *Session) probed(ctx context.Context, t target, from string) {
	switch c := t.contact; {
	case c == nil || !c.Subscription.Visible():
		s.send(ctx, xmpp.NewPresence("unsubscribed", t.jid.Bare().String(), from))
	default:
		s.send(ctx, s.contactPresence(c, from))
	}
}

// Times that contacts keep their presence while the network is away, and that
// the network has to speak of them again afterwards.
const (
	contactGrace = 15 * time.Second
	returnGrace  = 30 * time.Second
)

// contactsUncertain: the legacy session broke. If it is back soon nobody needs
// to see his whole list blink.
func (s *Session) contactsUncertain() {
	s.timers.stop(s.contacts.grace)
	s.contacts.grace = s.timers.after(contactGrace, contactsLate{})
}

// contactsReturn: the legacy session stands. Whom it does not speak of soon is
// not there any more.
func (s *Session) contactsReturn(ctx context.Context) {
	s.timers.stop(s.contacts.grace)
	s.contacts.grace = s.timers.after(returnGrace, contactsLate{})
	s.flushEdits(ctx)
}

// contactsLate: whoever was not heard of since the login has gone.
type contactsLate struct{}

func (contactsLate) apply(ctx context.Context, s *Session) {
	for _, c := range s.contactsByName() {
		if !s.online() || c.heard < s.contacts.login {
			s.contactGone(ctx, c)
		}
	}
	if s.online() && s.contacts.inherited {
		s.contacts.inherited = false
		for _, c := range s.contactsByName() {
			if !c.mood.available() {
				s.showContact(ctx, c, "")
			}
		}
	}
}

// contactsGone: the legacy session is over for good.
func (s *Session) contactsGone(ctx context.Context) {
	s.timers.stop(s.contacts.grace)
	for _, c := range s.contactsByName() {
		s.contactGone(ctx, c)
		c.typing = false
	}
}

func (s *Session) contactGone(ctx context.Context, c *contact) {
	if !c.mood.available() {
		return
	}
	c.mood, c.since = mood{status: pbnetwork.StatusType_STATUS_NONE}, time.Now()
	s.showContact(ctx, c, "")
}
