// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"context"
	"slices"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
)

// Bounds of what a client may write into the roster; RFC 6121 §2.3.3 leaves
// them to the server. rosterLimit bounds the list that one answer carries.
const (
	nameLimit   = 1023 // bytes, of names and groups
	groupsLimit = 100
	rosterLimit = 20000
)

// rosterRequest is RFC 6121 §2.
func (c *Client) rosterRequest(ctx context.Context, iq, payload *xmpp.Element) {
	switch q := rosteritem.Parse(payload); {
	case payload.Name != "query":
		c.refuse(iq, xmpp.BadRequest, "This is no request for the roster")
	case iq.Get("type") == "get":
		c.rosterGet(ctx, iq, q)
	case len(q.Items) != 1:
		c.refuse(iq, xmpp.BadRequest, "One contact can be changed at a time")
	default:
		c.rosterSet(ctx, iq, q.Items[0])
	}
}

// rosterGet sends the list, or only says that the client's is the same (RFC
// 6121 §2.6.2). Changes from now on are pushed, but after the answer.
func (c *Client) rosterGet(ctx context.Context, iq *xmpp.Element, q rosteritem.Query) {
	c.u.do(func() { c.interested, c.reading = true, true })
	items, err := []rosteritem.Item(nil), error(&Error{xmpp.RecipientUnavailable, "You are not logged in to the network"})
	if s := c.u.session.Load(); s != nil {
		items, err = (*s).Roster(ctx)
	}
	if len(items) > rosterLimit {
		c.u.o.Log.Warn("roster cut", "items", len(items), "limit", rosterLimit)
		items = items[:rosterLimit]
	}
	c.u.post(rosterRead{c, iq, q, items, err})
}

// rosterRead: the session gave the list that a client asked for.
type rosterRead struct {
	c     *Client
	iq    *xmpp.Element
	query rosteritem.Query
	items []rosteritem.Item
	err   error
}

func (e rosterRead) apply(u *User) {
	c := e.c
	held := c.held
	c.reading, c.held = false, nil
	if e.err != nil {
		refused := refusal(e.err)
		c.give(xmpp.ErrorReply(e.iq, "", refused.Condition, refused.Text))
	} else {
		u.versions = newVersions(e.items)
		c.give(rosterReply(e.iq, e.query, u.versions.all.String(), e.items))
	}
	// What changed while the list was on its way may be in it already; said
	// again it does no harm.
	for _, i := range held {
		c.push(i, u.changed(i))
	}
}

// rosterReply is the list, or empty where the client has it already.
func rosterReply(iq *xmpp.Element, q rosteritem.Query, ver string, items []rosteritem.Item) *xmpp.Element {
	reply := xmpp.Result(iq)
	if q.Versioned && q.Ver == ver {
		return reply
	}
	return reply.Add(rosteritem.Query{Ver: ver, Versioned: true, Items: items}.Element())
}

// rosterSet changes one contact (RFC 6121 §2.3, §2.4, §2.5). The push comes
// from the session.
func (c *Client) rosterSet(ctx context.Context, iq *xmpp.Element, i rosteritem.Item) {
	j, refused := c.u.checkItem(i)
	if refused != nil {
		c.refuse(iq, refused.Condition, refused.Text)
		return
	}
	s := c.u.session.Load()
	if s == nil {
		c.refuse(iq, xmpp.RecipientUnavailable, "You are not logged in to the network")
		return
	}
	var err error
	if i.Subscription == rosteritem.Remove {
		err = (*s).RemoveContact(ctx, j.String())
	} else {
		err = (*s).EditContact(ctx, j.String(), i.Name, i.Groups)
	}
	if err != nil {
		c.failed(iq, err)
		return
	}
	c.reply(xmpp.Result(iq))
}

// checkItem judges what a client wants to write (RFC 6121 §2.3.3).
func (u *User) checkItem(i rosteritem.Item) (jid.JID, *Error) {
	if i.JID == "" {
		return jid.JID{}, &Error{xmpp.BadRequest, "A contact needs an address"}
	}
	j, where, fault := u.destination(i.JID)
	switch {
	case fault != "":
		return j, &Error{fault, "This is not an address"}
	case where == toAccount || where == toOwn:
		return j, &Error{xmpp.NotAllowed, "You cannot be your own contact"}
	case where != toContact:
		return j, &Error{xmpp.NotAcceptable, "Contacts have addresses like name@" + u.o.Domain}
	case len(i.Name) > nameLimit || len(i.Groups) > groupsLimit:
		return j, &Error{xmpp.NotAcceptable, "This name is too long, or there are too many groups"}
	}
	for n, g := range i.Groups {
		switch {
		case g == "" || len(g) > nameLimit:
			return j, &Error{xmpp.NotAcceptable, "A group needs a name, and one that is not too long"}
		case slices.Contains(i.Groups[:n], g):
			return j, &Error{xmpp.BadRequest, "A group is named twice"}
		}
	}
	return j.Bare(), nil
}
