// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"context"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// XEP-0186, and as it was before version 0.12, which clients still speak.
const (
	nsInvisible  = "urn:xmpp:invisible:1"
	nsInvisible0 = "urn:xmpp:invisible:0"
)

// visibility answers the requests of XEP-0186.
func (c *Client) visibility(ctx context.Context, iq, payload *xmpp.Element) {
	switch {
	case iq.Get("type") == "set" && payload.Name == "invisible":
		c.reply(xmpp.Result(iq))
		c.hide(ctx)
	case iq.Get("type") == "set" && payload.Name == "visible":
		c.reply(xmpp.Result(iq))
		c.unhide(ctx)
	default:
		c.refuse(iq, xmpp.BadRequest, "This is no request for invisibility")
	}
}

// hide makes the client invisible (XEP-0186 §3.1): whoever saw it sees it go,
// except those who got directed presence. It goes on to get what comes for the
// user, and before its initial presence it logs in that way.
func (c *Client) hide(ctx context.Context) {
	var p *xmpp.Element
	again := false
	c.u.do(func() {
		again = c.invisible
		if p = c.presence; p != nil && !again {
			gone := xmpp.NewPresence("unavailable", c.full, c.u.bare)
			for _, o := range c.u.list {
				if o != c && o.there() {
					o.give(gone)
				}
			}
		}
		c.invisible = true
		if p == nil && !again {
			c.seeOthers()
		}
	})
	if again {
		return
	}
	if p == nil {
		p = xmpp.NewPresence("", c.full, "")
	}
	c.toSession(ctx, c.u.forDomain(p, true))
}

// unhide ends it. The client sends presence of its own to be seen (XEP-0186
// §3.2); until then it is there for nobody.
func (c *Client) unhide(context.Context) {
	c.u.do(func() {
		if c.invisible {
			c.invisible, c.presence = false, nil
		}
	})
}
