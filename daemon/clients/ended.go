// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"context"
	"slices"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/carbons"
	"spectrum.im/spectrum2/daemon/xmpp/muc"
)

// endTimeout bounds what the session is told of the end of one client.
const endTimeout = 30 * time.Second

// Ended says that the connection is over: the client is unavailable to
// everybody who saw it, and the messages among unsent go to the user's other
// clients or back to the session.
func (c *Client) Ended(unsent []*xmpp.Element) {
	defer close(c.ended)
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	u := c.u
	var bye goodbye
	var handover bool
	u.do(func() {
		u.list = slices.DeleteFunc(u.list, func(o *Client) bool { return o == c })
		u.leaving = append(u.leaving, c)
		handover = c.handover
		bye = c.leave()
		if !slices.ContainsFunc(u.list, func(o *Client) bool { return o.interested }) {
			u.versions = nil
		}
	})
	c.sayGoodbye(ctx, bye, nil)
	if s := u.kept(); s != nil {
		s.Gone(c.resource)
	}
	c.redeliver(ctx, unsent)
	if !handover {
		u.tellDetached(ctx, c.resource)
	}
	u.do(func() {
		u.leaving = slices.DeleteFunc(u.leaving, func(o *Client) bool { return o == c })
	})
}

// redeliver sees to what the client did not get.
func (c *Client) redeliver(ctx context.Context, unsent []*xmpp.Element) {
	u := c.u
	var back, requests []*xmpp.Element
	u.do(func() {
		for _, st := range unsent {
			switch {
			case st.Name == "message" && !u.redirect(c, st):
				back = append(back, u.delayed(original(st)))
			case xmpp.IsRequest(st):
				requests = append(requests, st)
			}
		}
	})
	for _, st := range back {
		u.undelivered(ctx, st)
	}
	for _, iq := range requests {
		u.bounce(ctx, iq, xmpp.RecipientUnavailable)
	}
}

// redirect finds out what becomes of a message that c did not get. It is false
// where nobody has it and nobody takes it.
func (u *User) redirect(c *Client, st *xmpp.Element) bool {
	m := original(st)
	if !keepable(m) || bareOf(m.Get("from")) == u.bare {
		return true
	}
	if u.forks.returned(m) {
		return true // another client has it, or may still say that it has not
	}
	m = u.delayed(addressed(m, "", u.bare))
	taken := 0
	for _, o := range u.list {
		if o.willing() && o.give(m) {
			taken++
		}
	}
	u.forks = u.forks.sent(m, taken)
	return taken > 0
}

// original is the message itself where st is a carbon.
func original(st *xmpp.Element) *xmpp.Element {
	if m, _ := carbons.Of(st); m != nil {
		return m
	}
	return st
}

// keepable reports whether a message is worth keeping for later (RFC 6121
// §8.5.2.2): a conversation's, with content.
func keepable(st *xmpp.Element) bool {
	switch st.Get("type") {
	case "groupchat", "error", "headline":
		return false
	}
	return xmpp.Body(st) != "" || st.Child(muc.NSConference, "x") != nil || st.Child(muc.NSUser, "x").Child(muc.NSUser, "invite") != nil
}

// undelivered gives a message back to the session.
func (u *User) undelivered(ctx context.Context, st *xmpp.Element) {
	s := u.session.Load()
	if s == nil {
		u.o.Log.Warn("message lost: nobody to keep it", "from", st.Get("from"))
		return
	}
	if err := (*s).Undelivered(ctx, st); err != nil {
		u.o.Log.Warn("message lost: the session does not take it back", "from", st.Get("from"), "err", err)
	}
}

// bounce tells whoever sent a request to a client that it is not there.
func (u *User) bounce(ctx context.Context, iq *xmpp.Element, condition string) {
	u.route(ctx, xmpp.ErrorReply(iq, "", condition, ""))
}

// route hands an answer of the account's, or for a client that is gone, to
// whom it is for. nil is nothing.
func (u *User) route(ctx context.Context, st *xmpp.Element) {
	if st == nil {
		return
	}
	switch _, where, fault := u.destination(st.Get("to")); {
	case fault != "" || where == toForeign || where == toAccount:
	case where == toOwn:
		u.post(arrived{st})
	case where == toDomain:
		u.o.Transport(ctx, st)
	default:
		if s := u.session.Load(); s != nil {
			if err := (*s).Stanza(ctx, st); err != nil {
				u.o.Log.Debug("answer not taken by the session", "err", err)
			}
		}
	}
}
