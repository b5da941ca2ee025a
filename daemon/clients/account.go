// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"context"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/blocking"
	"spectrum.im/spectrum2/daemon/xmpp/carbons"
	"spectrum.im/spectrum2/daemon/xmpp/disco"
	"spectrum.im/spectrum2/daemon/xmpp/entitytime"
	"spectrum.im/spectrum2/daemon/xmpp/last"
	"spectrum.im/spectrum2/daemon/xmpp/ping"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
	"spectrum.im/spectrum2/daemon/xmpp/vcard"
	"spectrum.im/spectrum2/daemon/xmpp/version"
)

const (
	nsSession = "urn:ietf:params:xml:ns:xmpp-session" // RFC 3921 §3
	nsBind    = "urn:ietf:params:xml:ns:xmpp-bind"
)

// accountHandlers say what the account answers a client of its own, by the
// payload's namespace. What is not here is for Services.
var accountHandlers = map[string]func(c *Client, ctx context.Context, iq, payload *xmpp.Element){
	rosteritem.NS: (*Client).rosterRequest,
	carbons.NS:    (*Client).carbonsRequest,
	nsInvisible:   (*Client).visibility,
	nsInvisible0:  (*Client).visibility,
	blocking.NS:   (*Client).blockRequest,
	vcard.NS:      (*Client).vcardRequest,
	disco.NSInfo:  getter((*Client).infoRequest),
	disco.NSItems: getter((*Client).itemsRequest),
	ping.NS:       getter(func(c *Client, _ context.Context, iq, _ *xmpp.Element) { c.reply(xmpp.Result(iq)) }),
	version.NS:    getter(func(c *Client, _ context.Context, iq, _ *xmpp.Element) { c.reply(c.u.version(iq)) }),
	entitytime.NS: getter(func(c *Client, _ context.Context, iq, _ *xmpp.Element) {
		c.reply(xmpp.Result(iq).Add(entitytime.Element(time.Now())))
	}),
	last.NS: getter(func(c *Client, _ context.Context, iq, _ *xmpp.Element) {
		c.reply(xmpp.Result(iq).Add(last.Element(0, ""))) // whoever asks is there himself
	}),
	nsSession: func(c *Client, _ context.Context, iq, _ *xmpp.Element) { c.reply(xmpp.Result(iq)) },
	nsBind: func(c *Client, _ context.Context, iq, _ *xmpp.Element) {
		c.refuse(iq, xmpp.NotAllowed, "This connection has its resource")
	},
}

// getter is a handler of requests that only ask.
func getter(f func(*Client, context.Context, *xmpp.Element, *xmpp.Element)) func(*Client, context.Context, *xmpp.Element, *xmpp.Element) {
	return func(c *Client, ctx context.Context, iq, payload *xmpp.Element) {
		if iq.Get("type") != "get" {
			c.notServed(iq)
			return
		}
		f(c, ctx, iq, payload)
	}
}

// accountRequest is a request to the user's own account.
func (c *Client) accountRequest(ctx context.Context, iq, payload *xmpp.Element) {
	if handle := accountHandlers[payload.Space]; handle != nil {
		handle(c, ctx, iq, payload)
	} else if !c.askServices(ctx, iq) {
		c.notServed(iq)
	}
}

func (c *Client) notServed(iq *xmpp.Element) {
	c.refuse(iq, xmpp.ServiceUnavailable, "This is not served here")
}

// carbonsRequest is XEP-0280 §4 and §5.
func (c *Client) carbonsRequest(_ context.Context, iq, payload *xmpp.Element) {
	if iq.Get("type") != "set" || payload.Name != "enable" && payload.Name != "disable" {
		c.refuse(iq, xmpp.BadRequest, "Carbons can be enabled and disabled")
		return
	}
	c.u.do(func() { c.carbons = payload.Name == "enable" })
	c.reply(xmpp.Result(iq))
}

// version is XEP-0092 of the server.
func (u *User) version(iq *xmpp.Element) *xmpp.Element {
	set := u.o.Settings()
	return xmpp.Result(iq).Add(version.Version{Name: set.Name, Version: set.Version}.Element())
}

// Features are what disco#info of the domain has to name because the user's
// account serves it.
func Features() []string {
	return []string{
		disco.NSInfo, disco.NSItems, rosteritem.NS, carbons.NS, nsInvisible, nsInvisible0, blocking.NS, vcard.NS,
		ping.NS, version.NS, entitytime.NS, last.NS,
	}
}

// info is what the account is and can (XEP-0030).
func (u *User) info(iq, query *xmpp.Element) *xmpp.Element {
	if query.Get("node") != "" {
		return xmpp.ErrorReply(iq, "", xmpp.ItemNotFound, "There is no such node")
	}
	i := disco.Info{
		Identities: []disco.Identity{{Category: "account", Type: "registered"}},
		Features:   Features(),
	}
	if s := u.kept(); s != nil {
		i.Identities = append(i.Identities, disco.Identity{Category: "pubsub", Type: "pep"})
		for _, f := range s.Features() {
			if !i.Has(f) {
				i.Features = append(i.Features, f)
			}
		}
	}
	return xmpp.Result(iq).Add(i.Element())
}

// infoRequest is the same for a client of the user's own, who also has nodes.
func (c *Client) infoRequest(ctx context.Context, iq, query *xmpp.Element) {
	if query.Get("node") == "" || !c.askServices(ctx, iq) {
		c.reply(c.u.info(iq, query))
	}
}

// itemsRequest names the user's clients (XEP-0030 §4), or what Services have
// there.
func (c *Client) itemsRequest(ctx context.Context, iq, payload *xmpp.Element) {
	if c.askServices(ctx, iq) {
		return
	}
	items := disco.Items{Node: payload.Get("node")}
	if items.Node == "" {
		c.u.do(func() {
			for _, o := range c.u.list {
				if o.presence != nil && !o.invisible {
					items.Items = append(items.Items, disco.Item{JID: o.full})
				}
			}
		})
	}
	c.reply(xmpp.Result(iq).Add(items.Element()))
}
