// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"context"
	"strings"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/carbons"
	"spectrum.im/spectrum2/daemon/xmpp/mam"
)

// arrived is a stanza for the user, or a copy of what he sent elsewhere.
type arrived struct{ st *xmpp.Element }

func (e arrived) apply(u *User) {
	st := e.st
	resource, mine := u.resourceOf(st.Get("to"))
	from := st.Get("from")
	switch {
	case !mine && bareOf(from) == u.bare:
		u.sentElsewhere(st)
		return
	case !mine:
		u.o.Log.Warn("stanza for somebody else dropped", "kind", st.Name, "to", st.Get("to"))
		return
	case st.Name != "iq" && u.blocked(bareOf(from)):
		return
	}
	switch st.Name {
	case "message":
		u.message(st, resource, nil)
	case "presence":
		u.presence(st, resource)
	case "iq":
		u.iq(st, resource)
	}
}

// bareOf is an address without its resource.
func bareOf(address string) string {
	bare, _, _ := strings.Cut(address, "/")
	return bare
}

// message delivers a message for the user (RFC 6121 §8.5.2, §8.5.3). sender is
// the client of his own that sent it, if any: it gets no carbon.
func (u *User) message(st *xmpp.Element, resource string, sender *Client) {
	var to []*Client
	typ := st.Get("type")
	if c := u.find(resource); resource != "" && c != nil {
		to = append(to, c)
	} else if resource == "" && typ != "groupchat" && typ != "error" || resource != "" && typ == "chat" {
		for _, c := range u.list {
			if c.willing() {
				to = append(to, c)
			}
		}
	}
	if len(to) == 0 {
		u.nobody(st, resource)
		return
	}
	// What is archived goes on as it was archived: it must not be so twice.
	if m := u.recorded(st, false); !u.give(to, m, sender) {
		u.nobody(m, resource)
	}
}

// give gives a message to clients, and copies to others. It is false where no
// client took it.
func (u *User) give(to []*Client, m *xmpp.Element, sender *Client) bool {
	taken := 0
	var had [8]*Client
	got := had[:0]
	for _, c := range to {
		if c.give(m) {
			taken++
			got = append(got, c)
		}
	}
	if taken == 0 {
		return false
	}
	if carbons.Eligible(m, true) {
		taken += u.copies(carbons.Received, m, func(c *Client) bool { return c == sender || contains(got, c) })
	}
	u.forks = u.forks.sent(m, taken)
	return true
}

func contains(list []*Client, c *Client) bool {
	for _, o := range list {
		if o == c {
			return true
		}
	}
	return false
}

// copies sends carbons of m to the clients that want them and returns to how
// many.
func (u *User) copies(direction string, m *xmpp.Element, without func(*Client) bool) (n int) {
	for _, c := range u.list {
		if c.carbons && !without(c) && c.give(carbons.Copy(direction, u.bare, c.full, m)) {
			n++
		}
	}
	return n
}

// nobody: no client takes a message. What is of a conversation is given back to
// the session to be kept; the rest is worth nothing later (RFC 6121 §8.5.2.2,
// §8.5.3.2).
func (u *User) nobody(st *xmpp.Element, resource string) {
	bounce := false
	switch st.Get("type") {
	case "chat":
	case "headline", "error":
		return
	case "groupchat":
		if resource != "" {
			return // whoever runs the room hears of the client's end anyway
		}
		bounce = true
	default:
		bounce = resource != ""
	}
	if bounce {
		reply := xmpp.ErrorReply(st, "", xmpp.ServiceUnavailable, "")
		u.later("error", func(ctx context.Context) { u.route(ctx, reply) })
		return
	}
	u.later("message that no client took", func(ctx context.Context) { u.undelivered(ctx, st) })
}

// sentElsewhere shows the clients what the user sent with another client of the
// legacy network.
func (u *User) sentElsewhere(st *xmpp.Element) {
	if st.Name != "message" {
		return
	}
	m := u.recorded(st, true)
	if carbons.Eligible(m, false) {
		u.copies(carbons.Sent, m, func(*Client) bool { return false })
	}
}

// recorded is a message as the archive has it. One that was recorded before and
// came back stays as it is.
func (u *User) recorded(st *xmpp.Element, sent bool) *xmpp.Element {
	s := u.kept()
	if s == nil || st.Get("type") == "error" || u.hasID(st) {
		return st
	}
	return s.Record(st, sent)
}

// hasID reports whether st carries an id of this account's archive.
func (u *User) hasID(st *xmpp.Element) bool {
	for c := range st.Children() {
		if c.Is(mam.NSStanzaID, "stanza-id") && c.Get("by") == u.bare {
			return true
		}
	}
	return false
}

// withoutID is st without ids that only this account's archive may give
// (XEP-0359 §5).
func (u *User) withoutID(st *xmpp.Element) *xmpp.Element {
	if !u.hasID(st) {
		return st
	}
	c := *st
	c.Nodes = nil
	for _, n := range st.Nodes {
		if !n.Element.Is(mam.NSStanzaID, "stanza-id") || n.Element.Get("by") != u.bare {
			c.Nodes = append(c.Nodes, n)
		}
	}
	return &c
}

// presence delivers presence for the user.
func (u *User) presence(st *xmpp.Element, resource string) {
	if resource != "" {
		if c := u.find(resource); c != nil {
			c.give(st)
		}
		return
	}
	switch st.Get("type") {
	case "probe":
		u.later("answer to a probe", func(ctx context.Context) { u.probed(ctx, st.Get("from")) })
	case "subscribed", "unsubscribe", "unsubscribed":
		for _, c := range u.list {
			if c.interested || c.there() {
				c.give(st)
			}
		}
	default:
		for _, c := range u.list {
			if c.there() {
				c.give(st)
			}
		}
	}
}

// probed tells who asks of the clients that are there (RFC 6121 §4.3.2).
func (u *User) probed(ctx context.Context, from string) {
	for _, c := range u.bound() {
		var p *xmpp.Element
		u.do(func() {
			if !c.invisible {
				p = c.presence
			}
		})
		if p != nil {
			if s := u.session.Load(); s != nil {
				_ = (*s).Stanza(ctx, addressed(p, "", from))
			}
		}
	}
}
