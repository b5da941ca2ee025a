// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/csi"
	"spectrum.im/spectrum2/daemon/xmpp/sm"
)

// Kind is how a client reaches the server.
type Kind string

// The kinds of listeners.
const (
	StartTLS  Kind = "starttls"  // RFC 6120 §5, required
	DirectTLS Kind = "tls"       // XEP-0368
	WebSocket Kind = "websocket" // RFC 7395 over TLS
)

// ErrGone is returned by Conn.Send after the end.
var ErrGone = errors.New("client is gone")

// Info is what there is to know about a connection.
type Info struct {
	JID       jid.JID // full; bare before the resource is bound
	Addr      netip.AddrPort
	Kind      Kind
	TLS       string // "TLS 1.3"
	Since     time.Time
	Resumable bool // the client may come back after a cut
	Detached  bool // it is away just now
}

// Conn is a client's session, from bind to end; with stream management it
// outlives the streams that carry it. Its methods are safe for any goroutine.
type Conn struct {
	s      *Server
	client Client // set by bind, before the first stream

	mu        sync.Mutex
	info      Info
	full      string // info.JID, as stanzas carry it
	mayResume bool   // the network authenticated the login
	state     state
	over      bool    // it ends with its stream, or has ended
	stream    *stream // nil while there is none
	changed   chan struct{}
	expiry    *time.Timer // of a detached session

	queue  []*xmpp.Element // not written yet, oldest first; nil if none
	weight int             // of queue, of window and of what is being written
	count  int             // of the same
	hold   *csi.Hold       // nil while the client is active
	quiet  string          // id of a request of our own, whose answer nobody waits for

	id     string     // of stream management; "" where it cannot be resumed
	window *sm.Window // nil without stream management
	in     uint32     // stanzas handled since it was enabled
	pinged string     // id of the server's own ping
	ending *xmpp.StreamError
}

type state uint8

const (
	binding  state = iota // no stream yet
	attached              // a stream carries it, or its reader is leaving
	detached              // it waits to be resumed
	gone
)

func newConn(t *stream, user jid.JID) *Conn {
	return &Conn{
		s: t.s, full: user.String(), mayResume: t.account.Resumable(),
		info: Info{JID: user, Addr: t.link.addr, Kind: t.kind, TLS: t.tls, Since: time.Now()},
	}
}

// named gives the session its full JID.
func (c *Conn) named(full jid.JID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.info.JID, c.full = full, full.String()
}

// JID is the client's full JID.
func (c *Conn) JID() jid.JID { return c.Info().JID }

// Info is a snapshot.
func (c *Conn) Info() Info {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.info
	i.Resumable, i.Detached = c.id != "", c.state == detached
	return i
}

// Send queues a stanza, which must not be changed afterwards, and never waits.
// The error is ErrGone after the end; a client that does not read is cut off.
func (c *Conn) Send(st *xmpp.Element) error {
	w := weigh(st)
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return ErrGone
	}
	if c.quiet != "" && st.Get("id") == c.quiet && st.Name == "iq" {
		c.quiet = ""
		c.mu.Unlock()
		return nil
	}
	end := c.queueLocked(st, w)
	c.mu.Unlock()
	if end != nil {
		end()
	}
	return nil
}

// queueLocked needs the lock. What it returns, if anything, has to be called
// without it.
func (c *Conn) queueLocked(st *xmpp.Element, w int) (end func()) {
	if c.hold != nil {
		if c.hold.Add(st) {
			return nil
		}
		for _, held := range c.hold.Take() {
			c.appendLocked(held, weigh(held))
		}
	}
	c.appendLocked(st, w)
	limits := c.s.limits.Load()
	if c.weight <= limits.QueueBytes && c.count <= limits.QueueStanzas {
		c.wakeLocked()
		return nil
	}
	return c.overflowLocked()
}

func (c *Conn) appendLocked(st *xmpp.Element, w int) {
	c.queue = append(c.queue, st)
	c.weight += w
	c.count++
}

// overflowLocked ends a session for which too much waits.
func (c *Conn) overflowLocked() (end func()) {
	c.over = true
	if t := c.stream; t != nil {
		return func() { t.cut("client does not read or acknowledge what it is sent") }
	}
	return c.endDetachedLocked()
}

// Close ends the session in an orderly way: what is queued is written, then a
// stream error ("" for none) and the stream's end. It cannot be resumed. It
// returns at once; Client.Ended follows from another goroutine.
func (c *Conn) Close(condition, text string) {
	var se *xmpp.StreamError
	if condition != "" {
		se = &xmpp.StreamError{Condition: condition, Text: text}
	}
	c.mu.Lock()
	if c.state == gone {
		c.mu.Unlock()
		return
	}
	c.over = true
	if c.ending == nil {
		c.ending = se
	}
	if c.stream != nil {
		c.endStreamLocked(c.stream, se, true)
	}
	end := c.endDetachedLocked()
	c.mu.Unlock()
	if end != nil {
		end()
	}
}

// endDetachedLocked takes a detached session for its end, if it is one.
func (c *Conn) endDetachedLocked() (end func()) {
	if c.state != detached {
		return nil
	}
	c.state = attached // nobody else may take it
	c.expiry.Stop()
	return func() { c.s.spawn(c.finish) }
}

// finish is the end. Who calls it is the only one who talks to the client.
func (c *Conn) finish() {
	c.mu.Lock()
	id, client := c.id, c.client
	unsent := c.restLocked()
	c.state, c.over, c.id = gone, true, ""
	c.tellLocked()
	c.mu.Unlock()
	c.s.dismiss(c, id)
	if client != nil {
		client.Ended(unsent)
	}
}

// restLocked returns what the client did not get, oldest first.
func (c *Conn) restLocked() []*xmpp.Element {
	var rest []*xmpp.Element
	if c.window != nil {
		rest = c.window.Unacked
	}
	for _, e := range c.queue {
		if xmpp.IsStanza(e) {
			rest = append(rest, e)
		}
	}
	if c.hold != nil {
		rest = append(rest, c.hold.Take()...)
	}
	c.queue, c.window, c.hold, c.weight, c.count = nil, nil, nil, 0, 0
	return rest
}

// waitLocked returns a channel that is closed when the session has lost its
// stream or ended.
func (c *Conn) waitLocked() <-chan struct{} {
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.changed
}

func (c *Conn) tellLocked() {
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// enableCarbons does for the client what it asked for inside its login
// (XEP-0280 §4, XEP-0386): its request reaches the Client as it would later,
// and the answer goes nowhere.
func (c *Conn) enableCarbons(ctx context.Context) {
	iq := xmpp.NewIQ("set", c.JID().String(), "", "").Add(xmpp.New(nsCarbons, "enable"))
	c.mu.Lock()
	c.quiet = iq.Get("id")
	c.mu.Unlock()
	c.client.Stanza(ctx, iq)
}
