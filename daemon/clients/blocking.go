// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"context"
	"maps"
	"slices"
	"sync"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/blocking"
)

// ownLimit bounds the addresses that one user blocks, cardLimit the bytes of
// his vCard.
const (
	ownLimit  = 1000
	cardLimit = 256 << 10
)

// own is what the account has while nothing keeps it: it lasts as long as the
// User.
type own struct {
	mu      sync.Mutex
	blocked map[string]bool
	card    *xmpp.Element
}

// blocked reports whether a bare JID is blocked.
func (u *User) blocked(jid string) bool {
	if s := u.kept(); s != nil {
		return s.Blocked(jid)
	}
	u.own.mu.Lock()
	defer u.own.mu.Unlock()
	return u.own.blocked[jid]
}

// refuseBlocked refuses what is for a blocked address (XEP-0191 §3.7).
func (c *Client) refuseBlocked(st *xmpp.Element) { c.reply(blocking.Blocked(st)) }

// blockRequest is XEP-0191, by Services where there are any.
func (c *Client) blockRequest(ctx context.Context, iq, payload *xmpp.Element) {
	if c.askServices(ctx, iq) {
		return
	}
	typ := iq.Get("type")
	switch {
	case typ == "get" && payload.Name == blocking.List:
		c.u.do(func() { c.blocklist = true })
		c.reply(xmpp.Result(iq).Add(blocking.Element(blocking.List, c.u.own.list())))
	case typ == "set" && (payload.Name == blocking.Block || payload.Name == blocking.Unblock):
		c.changeBlocked(ctx, iq, payload)
	default:
		c.refuse(iq, xmpp.BadRequest, "This is no request about blocked addresses")
	}
}

func (o *own) list() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Sorted(maps.Keys(o.blocked))
}

// changeBlocked blocks or unblocks addresses; to unblock without naming any is
// to unblock all (XEP-0191 §3.5).
func (c *Client) changeBlocked(ctx context.Context, iq, payload *xmpp.Element) {
	block := payload.Name == blocking.Block
	jids := blocking.JIDs(payload)
	if block && len(jids) == 0 {
		c.refuse(iq, xmpp.BadRequest, "An address has to be named")
		return
	}
	for i, j := range jids {
		address, err := xmpp.ParseJID(j)
		if err != nil {
			c.refuse(iq, xmpp.JIDMalformed, "This is not an address")
			return
		}
		jids[i] = address.Bare().String()
	}
	changed, ok := c.u.own.change(block, jids)
	if !ok {
		c.refuse(iq, xmpp.ResourceConstraint, "Too many addresses are blocked")
		return
	}
	for _, j := range changed {
		c.tellBlocked(ctx, j, block)
	}
	c.reply(xmpp.Result(iq))
	c.u.do(func() {
		for _, o := range c.u.list {
			if o.blocklist {
				o.give(xmpp.NewIQ("set", c.u.bare, o.full, "").Add(blocking.Element(payload.Name, jids)))
			}
		}
	})
}

// change returns the addresses that were not in that state before; ok is false
// where there is no room.
func (o *own) change(block bool, jids []string) (changed []string, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case block && len(o.blocked)+len(jids) > ownLimit:
		return nil, false
	case !block && len(jids) == 0:
		jids = slices.Sorted(maps.Keys(o.blocked))
	}
	for _, j := range jids {
		if o.blocked[j] == block {
			continue
		}
		changed = append(changed, j)
		if !block {
			delete(o.blocked, j)
			continue
		}
		if o.blocked == nil {
			o.blocked = make(map[string]bool)
		}
		o.blocked[j] = true
	}
	return changed, true
}

// tellBlocked tells the network, where it can block. Here the address is
// blocked in any case.
func (c *Client) tellBlocked(ctx context.Context, jid string, blocked bool) {
	s := c.u.session.Load()
	if s == nil {
		return
	}
	if err := (*s).Block(ctx, jid, blocked); err != nil {
		c.u.o.Log.Debug("network not told of a blocked address", "err", err)
	}
}
