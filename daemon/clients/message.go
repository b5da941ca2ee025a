// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"context"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/carbons"
)

// messageTo is a message that the client sends.
func (c *Client) messageTo(ctx context.Context, to jid.JID, where destination, st *xmpp.Element) {
	u := c.u
	st = u.withoutID(st)
	if m, _ := carbons.Of(st); m != nil {
		c.refuse(st, xmpp.BadRequest, "Only the server makes copies")
		return
	}
	switch where {
	case toForeign:
		c.noServer(st)
		return
	case toAccount, toOwn:
		if st.Get("type") != "error" { // also what a carbon bounced with (XEP-0280 §10.3)
			u.post(fromOwn{c, addressed(st, "", to.String())})
		}
		return
	}
	if u.blocked(to.Bare().String()) {
		c.refuseBlocked(st)
		return
	}
	if st.Get("type") != "groupchat" {
		u.post(sentBy{c, st})
	}
	st = carbons.Exposed(st)
	if where == toDomain {
		u.o.Transport(ctx, st)
		return
	}
	c.toSession(ctx, st)
}

// sentBy is a message of one client, which the others may see. It is archived
// here and not where it was sent: so the archive has the order that they see.
type sentBy struct {
	c *Client
	m *xmpp.Element
}

func (e sentBy) apply(u *User) {
	m := u.recorded(e.m, true)
	if carbons.Eligible(m, false) {
		u.copies(carbons.Sent, m, func(c *Client) bool { return c == e.c })
	}
}

// fromOwn is a message of one client to the user himself.
type fromOwn struct {
	c *Client
	m *xmpp.Element
}

func (e fromOwn) apply(u *User) {
	resource, _ := u.resourceOf(e.m.Get("to"))
	u.message(e.m, resource, e.c)
}
