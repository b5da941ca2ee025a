// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"context"
	"sync/atomic"
	"time"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/delay"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
)

// Client is the user's side of one bound connection. Its exported methods are
// for that connection: never two at once, Ended last.
type Client struct {
	u        *User
	conn     Conn
	resource string
	full     string
	// ended is closed when Ended has returned.
	ended chan struct{}
	// interests are the PEP nodes it wants to hear of, nil while unknown.
	interests atomic.Pointer[[]string]

	// What follows belongs to the connection's calls.

	questions []question
	caps      string // whose interests were asked for
	asked     bool   // for its version

	// What follows belongs to the worker.

	// presence is the last available presence as others see it; nil before the
	// first and after an unavailable one.
	presence  *xmpp.Element
	priority  int8
	invisible bool // XEP-0186
	carbons   bool // XEP-0280
	// interested: it asked for the roster (RFC 6121 §2.1.6); blocklist: for
	// the block list (XEP-0191 §3.2).
	interested, blocklist bool
	// away: the stream broke and may be resumed.
	away bool
	// handover: the resource goes to a new connection, so the session is not
	// told that it is gone.
	handover bool
	// reading: a roster request is under way; pushes wait in held meanwhile,
	// or they would come before an older list.
	reading bool
	held    []rosteritem.Item
	// directed are those that got directed presence (RFC 6121 §4.6).
	directed      []string
	name, version string
}

// there reports whether the client is available, be it invisibly.
func (c *Client) there() bool { return c.presence != nil || c.invisible }

// willing reports whether it takes messages to the bare JID (RFC 6121 §8.5.2).
func (c *Client) willing() bool { return c.there() && c.priority >= 0 }

// give hands a stanza to the connection. What a client gets later than it was
// sent, because its stream broke, says so.
func (c *Client) give(st *xmpp.Element) bool {
	if c.away && xmpp.Body(st) != "" {
		st = c.u.delayed(st)
	}
	return c.conn.Send(st) == nil
}

// delayed is st with the time when it came, unless it says that already.
func (u *User) delayed(st *xmpp.Element) *xmpp.Element {
	if _, ok := delay.Of(st); ok {
		return st
	}
	return with(st, delay.Element(u.o.Domain, time.Now(), ""))
}

// with is st and further children; the others are shared.
func with(st *xmpp.Element, children ...*xmpp.Element) *xmpp.Element {
	c := *st
	c.Nodes = append(make([]xmpp.Node, 0, len(st.Nodes)+len(children)), st.Nodes...)
	return c.Add(children...)
}

// addressed is st with other addresses; the children are shared. An empty from
// leaves the sender as he is.
func addressed(st *xmpp.Element, from, to string) *xmpp.Element {
	c := *st
	c.Attrs = append(make([]xmpp.Attr, 0, len(st.Attrs)+1), st.Attrs...)
	if from != "" {
		c.Set("from", from)
	}
	return c.Set("to", to)
}

// reply sends st to the client, behind what was sent before. nil is nothing.
func (c *Client) reply(st *xmpp.Element) {
	if st != nil {
		c.u.post(answer{c, st})
	}
}

// refuse answers st with an error, where one may be sent.
func (c *Client) refuse(st *xmpp.Element, condition, text string) {
	r := xmpp.ErrorReply(st, "", condition, text)
	if r != nil && r.Get("from") == "" {
		r.Set("from", c.u.bare)
	}
	c.reply(r)
}

// answer is a stanza for one client.
type answer struct {
	c  *Client
	st *xmpp.Element
}

func (e answer) apply(*User) { e.c.give(e.st) }

// Stanza takes a stanza from the client. It waits for the session where the
// stanza is for it.
func (c *Client) Stanza(ctx context.Context, st *xmpp.Element) {
	defer c.u.guard()
	if st.Get("from") != c.full {
		st = addressed(st, c.full, st.Get("to"))
	}
	to, where, fault := c.u.destination(st.Get("to"))
	if fault != "" {
		c.refuse(st, fault, "This is not an address")
		return
	}
	switch st.Name {
	case "presence":
		c.presenceTo(ctx, to, where, st)
	case "message":
		c.messageTo(ctx, to, where, st)
	case "iq":
		c.iqTo(ctx, to, where, st)
	}
}

// Detached says that the stream broke and may be resumed: the client stays
// where it is.
func (c *Client) Detached() { c.u.do(func() { c.away = true }) }

// Resumed says that it was.
func (c *Client) Resumed() { c.u.do(func() { c.away = false }) }

// destination is where a stanza of a client goes.
type destination int

const (
	toAccount destination = iota // no address, or the bare JID
	toOwn                        // one of the user's full JIDs
	toDomain                     // the transport itself
	toContact                    // whoever else is at the domain
	toForeign                    // another domain
)

// destination reads an address. fault is the condition of a stanza error.
func (u *User) destination(to string) (j jid.JID, d destination, fault string) {
	if to == "" || to == u.bare {
		return u.o.User, toAccount, ""
	}
	j, err := xmpp.ParseJID(to)
	switch {
	case err != nil:
		return j, toAccount, xmpp.JIDMalformed
	case j.Domainpart() != u.o.Domain:
		return j, toForeign, ""
	case j.Localpart() == "":
		return j, toDomain, ""
	case j.Localpart() != u.o.User.Localpart():
		return j, toContact, ""
	case j.Resourcepart() == "":
		return j, toAccount, ""
	}
	return j, toOwn, ""
}

// noServer refuses what is for another server: this one speaks to none.
func (c *Client) noServer(st *xmpp.Element) {
	c.refuse(st, xmpp.RemoteServerNotFound, "This server does not reach others; contacts are at "+c.u.o.Domain)
}

// toSession hands a stanza to the session and tells the client where that
// fails.
func (c *Client) toSession(ctx context.Context, st *xmpp.Element) {
	s := c.u.session.Load()
	var err error = &Error{xmpp.RecipientUnavailable, "You are not logged in to the network"}
	if s != nil {
		err = (*s).Stanza(ctx, st)
	}
	if err != nil && ctx.Err() == nil {
		c.failed(st, err)
	}
}

// failed tells the client that the session did not do what it asked for.
func (c *Client) failed(st *xmpp.Element, err error) {
	refused := refusal(err)
	c.u.o.Log.Debug("request of a client failed", "resource", c.resource, "kind", st.Name, "err", err)
	if st.Name != "presence" || st.Get("to") != c.u.o.Domain {
		c.refuse(st, refused.Condition, refused.Text)
	}
}
