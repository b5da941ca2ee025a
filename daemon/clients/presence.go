// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// directedLimit bounds whom one client may send directed presence to.
const directedLimit = 500

// presenceTo is presence that the client sends.
func (c *Client) presenceTo(ctx context.Context, to jid.JID, where destination, st *xmpp.Element) {
	typ := st.Get("type")
	switch typ {
	case "", "unavailable", "subscribe", "subscribed", "unsubscribe", "unsubscribed", "error":
	case "probe":
		return // the server's own business (RFC 6121 §4.3)
	default:
		c.refuse(st, xmpp.BadRequest, "There is no such type of presence")
		return
	}
	switch {
	case st.Get("to") == "" && typ == "":
		c.available(ctx, st)
	case st.Get("to") == "" && typ == "unavailable":
		c.unavailable(ctx, st)
	case st.Get("to") == "" && typ != "error":
		c.refuse(st, xmpp.BadRequest, "A subscription needs a contact's address")
	case where == toForeign:
		c.noServer(st)
	case where == toDomain || where == toContact:
		c.presenceOut(ctx, to, where, st)
	case typ == "" || typ == "unavailable":
		c.u.post(arrived{st}) // to the user's own clients
	}
}

// presenceOut is presence to a contact, a room or the transport.
func (c *Client) presenceOut(ctx context.Context, to jid.JID, where destination, st *xmpp.Element) {
	switch typ := st.Get("type"); {
	case typ == "error" && where == toDomain:
		// To the session it would mean that the client is gone.
	case typ == "error":
		c.toSession(ctx, st)
	case typ == "" || typ == "unavailable":
		if c.u.blocked(to.Bare().String()) && typ == "" {
			c.refuseBlocked(st)
			return
		}
		if where == toContact && !c.direct(to.String(), typ == "") {
			c.refuse(st, xmpp.ResourceConstraint, "You have sent presence to too many addresses")
			return
		}
		c.toSession(ctx, st)
	default:
		// Subscriptions are the user's, whichever client asks (RFC 6121 §3.1.2).
		c.toSession(ctx, addressed(st, c.u.bare, to.Bare().String()))
	}
}

// direct notes whether to has directed presence of the client's. It is false
// where too many have it.
func (c *Client) direct(to string, available bool) (ok bool) {
	c.u.do(func() {
		i := slices.Index(c.directed, to)
		switch {
		case available && i < 0 && len(c.directed) >= directedLimit:
			return
		case available && i < 0:
			c.directed = append(c.directed, strings.Clone(to))
		case !available && i >= 0:
			c.directed = slices.Delete(c.directed, i, i+1)
		}
		ok = true
	})
	return ok
}

// available is presence for everybody who may see the user (RFC 6121 §4.2,
// §4.4).
func (c *Client) available(ctx context.Context, st *xmpp.Element) {
	first, invisible := false, false
	c.u.do(func() {
		first = c.presence == nil
		invisible = c.invisible
		c.show(st)
	})
	c.toSession(ctx, c.u.forDomain(st, invisible))
	if first {
		c.askVersion()
	}
	c.learnInterests(ctx, st)
}

// show takes the client's presence and shows it to the user's other clients,
// and their presence to one that just came.
func (c *Client) show(st *xmpp.Element) {
	first := c.presence == nil
	c.presence, c.priority = compact(st), priorityOf(st)
	if c.invisible {
		return
	}
	shown := addressed(c.presence, "", c.u.bare)
	for _, o := range c.u.list {
		if o.there() {
			o.give(shown) // itself included (RFC 6121 §4.2.2)
		}
	}
	if first {
		c.seeOthers()
	}
}

// seeOthers sends the client the presence of the user's other clients.
func (c *Client) seeOthers() {
	for _, o := range c.u.list {
		if o != c && o.presence != nil && !o.invisible {
			c.give(addressed(o.presence, "", c.full))
		}
	}
}

// compact is st without text between its elements, which would be kept as long
// as the client is there.
func compact(st *xmpp.Element) *xmpp.Element {
	c := *st
	c.Nodes = nil
	for child := range st.Children() {
		c.Nodes = append(c.Nodes, xmpp.Node{Element: child})
	}
	c.Nodes = slices.Clip(c.Nodes)
	return &c
}

// forDomain is a client's presence as the session takes it: sent to the domain,
// and of the type invisible where nobody else may see it.
func (u *User) forDomain(st *xmpp.Element, invisible bool) *xmpp.Element {
	p := addressed(st, "", u.o.Domain)
	if invisible {
		p.Set("type", "invisible")
	}
	return p
}

// unavailable: the client does not want to be seen any more, but stays bound.
func (c *Client) unavailable(ctx context.Context, st *xmpp.Element) {
	var bye goodbye
	c.u.do(func() { bye = c.leave() })
	c.sayGoodbye(ctx, bye, st)
	c.caps = ""
	if s := c.u.kept(); s != nil && c.interests.Swap(nil) != nil {
		s.Subscribe(c.resource, nil)
	}
}

// goodbye says whom the session has to tell of a client's end.
type goodbye struct {
	directed []string
	there    bool
}

// leave makes the client unavailable for the user's other clients.
func (c *Client) leave() goodbye {
	bye := goodbye{c.directed, c.there()}
	seen := c.presence != nil && !c.invisible
	c.directed, c.presence, c.invisible, c.priority = nil, nil, false, 0
	if seen {
		gone := xmpp.NewPresence("unavailable", c.full, c.u.bare)
		for _, o := range c.u.list {
			if o != c && o.there() {
				o.give(gone)
			}
		}
	}
	return bye
}

// sayGoodbye tells the session: those who got directed presence (RFC 6121
// §4.6.3), and the transport. st is the client's own unavailable presence, nil
// where it did not get to send one.
func (c *Client) sayGoodbye(ctx context.Context, bye goodbye, st *xmpp.Element) {
	if st == nil {
		st = xmpp.NewPresence("unavailable", c.full, "")
	}
	for _, to := range bye.directed {
		c.toSession(ctx, addressed(st, "", to))
	}
	if bye.there {
		c.toSession(ctx, addressed(st, "", c.u.o.Domain))
	}
}

// priorityOf reads the priority; what is no number from -128 to 127 is 0
// (RFC 6121 §4.7.2.3).
func priorityOf(st *xmpp.Element) int8 {
	n, err := strconv.ParseInt(strings.TrimSpace(st.ChildText(xmpp.NSClient, "priority")), 10, 8)
	if err != nil {
		return 0
	}
	return int8(n)
}

// announce tells a new session of the clients that are there. A client may
// change its presence meanwhile: then it is told once more, so that the last
// that the session hears is true.
func (u *User) announce(ctx context.Context) {
	s := u.session.Load()
	if s == nil {
		return
	}
	u.do(func() { u.versions = nil }) // its list may be another one
	for _, c := range u.bound() {
		if err := (*s).Attached(ctx, c.resource); err != nil {
			u.o.Log.Warn("client not announced to the session", "resource", c.resource, "err", err)
			continue
		}
		u.announcePresence(ctx, *s, c)
	}
}

func (u *User) announcePresence(ctx context.Context, s Session, c *Client) {
	var last *xmpp.Element
	for told := false; ctx.Err() == nil; told = true {
		var p *xmpp.Element
		var invisible bool
		u.do(func() { p, invisible = c.presence, c.invisible })
		if p == last {
			return
		}
		if last = p; p == nil {
			if !told {
				return
			}
			p = xmpp.NewPresence("unavailable", c.full, "")
		}
		if err := s.Stanza(ctx, u.forDomain(p, invisible && last != nil)); err != nil {
			u.o.Log.Warn("presence not announced to the session", "resource", c.resource, "err", err)
			return
		}
	}
}
