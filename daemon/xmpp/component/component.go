// SPDX-License-Identifier: GPL-2.0-or-later

// Package component is the link with an XMPP server as one of its components
// (XEP-0114). It connects, connects again, and carries stanzas both ways; it
// knows nothing of what they mean. On the outside all stanzas are in
// jabber:client; the stream's own jabber:component:accept stays in here.
package component

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// Options configure a component. Addr, JID, Secret, Log and Handle are needed.
type Options struct {
	Addr   string // host:port of the server's component listener
	JID    string // the component's own domain
	Secret config.Secret
	Log    *slog.Logger

	// Handle is called for each stanza with valid addresses, in order, from
	// the one reader: while it runs nothing else is read. ctx is Run's. It may
	// call Send.
	Handle func(ctx context.Context, st *xmpp.Element)
	// State is told of each change, from Run's goroutine: a connected state
	// before the link's first stanza is handled, and a broken one after the
	// last and after Uncertain and Unsent.
	State func(State)
	// Uncertain gets the messages with a body that were written to a link that
	// broke before the server had confirmed them: it may have delivered them
	// or not.
	Uncertain func([]*xmpp.Element)
	// Unsent gets the messages with a body that were accepted by Send but not
	// written when the link broke; nil: they go to Uncertain.
	Unsent func([]*xmpp.Element)

	// Alias is an address that this component has alone where the server has
	// several for JID (more than one main process): a domain below JID. The
	// server has to deliver it too; "" where there is one component. The other
	// components' stanzas come to it from aliases of their own.
	Alias string
	// AliasWorks is told once for each link, from one of its goroutines,
	// whether the server delivers the alias.
	AliasWorks func(bool)

	// Limits of what the server sends; Skip is always on.
	Limits xmpp.Limits
	// Dial connects; nil is TCP.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
	// Times of the link; zero fields stand for those of DefaultTimes.
	Times Times
}

// Times are the link's deadlines.
type Times struct {
	Connect time.Duration // dialling and the handshake together
	Write   time.Duration // one write; then the server is not reading
	Idle    time.Duration // without writing, before the link is tried with a ping
	Fence   time.Duration // a ping's answer; then the server is gone
	Close   time.Duration // an orderly end of the stream
}

// DefaultTimes are right for a server on the same machine or across a network.
var DefaultTimes = Times{
	Connect: 15 * time.Second, Write: 30 * time.Second, Idle: time.Minute, Fence: time.Minute, Close: 3 * time.Second,
}

// State is what the link is doing.
type State struct {
	Connected bool
	Addr      string
	Text      string    // one sentence for STATUS=, true when it was made
	Reason    string    // why there is no link, a sentence for the operator; "" with one
	Next      time.Time // of the next try; zero while connected or trying
}

// ErrDown is returned by Send while there is no link with the server.
var ErrDown = errors.New("no link with the XMPP server")

// Component is one component of one server.
type Component struct {
	o    Options
	link atomic.Pointer[link]
	gate *gate
}

// New makes a component; Run connects it.
func New(o Options) *Component {
	if j, err := xmpp.ParseJID(o.JID); err == nil {
		o.JID = j.String()
	}
	o.Times = o.Times.withDefaults()
	o.Limits.Skip = true
	if o.Dial == nil {
		o.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		}
	}
	if o.State == nil {
		o.State = func(State) {}
	}
	if o.Uncertain == nil {
		o.Uncertain = func([]*xmpp.Element) {}
	}
	if o.Unsent == nil {
		o.Unsent = o.Uncertain
	}
	if o.AliasWorks == nil {
		o.AliasWorks = func(bool) {}
	}
	return &Component{o: o, gate: newGate()}
}

func (t Times) withDefaults() Times {
	for _, f := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&t.Connect, DefaultTimes.Connect}, {&t.Write, DefaultTimes.Write}, {&t.Idle, DefaultTimes.Idle},
		{&t.Fence, DefaultTimes.Fence}, {&t.Close, DefaultTimes.Close},
	} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	return t
}

// Send queues a stanza, which must not be changed afterwards. It waits only
// while the queue is full. ErrDown means that there is no link: the stanza is
// the caller's still. Safe from any goroutine.
func (c *Component) Send(ctx context.Context, st *xmpp.Element) error {
	l := c.link.Load()
	if l == nil {
		return ErrDown
	}
	return l.box.put(ctx, st)
}

// Run keeps the link up until ctx ends; then it writes what is queued, closes
// the stream and returns nil.
func (c *Component) Run(ctx context.Context) error {
	var b backoff
	c.o.State(State{Addr: c.o.Addr, Text: "connecting to " + c.o.Addr})
	for {
		if !c.admitted(ctx) {
			return nil
		}
		started := time.Now()
		open, end := c.gate.whileOpen(ctx)
		up, err := c.once(open)
		paused := open.Err() != nil
		end()
		if ctx.Err() != nil {
			return nil
		}
		if paused {
			c.o.State(State{Addr: c.o.Addr, Text: "connecting to " + c.o.Addr})
			continue
		}
		lasted := time.Duration(0)
		if up {
			lasted = time.Since(started)
		}
		delay := b.next(err, lasted)
		c.broken(err, delay)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(delay):
		}
		if delay > 0 {
			reason := c.explain(err)
			c.o.State(State{Addr: c.o.Addr, Reason: reason, Text: c.reconnecting() + ": " + reason})
		}
	}
}

func (c *Component) reconnecting() string { return "reconnecting to " + c.o.Addr }

// once connects and serves the link to its end. up tells whether the server
// accepted the component.
func (c *Component) once(ctx context.Context) (up bool, err error) {
	conn, dec, err := c.connect(ctx)
	if err != nil {
		return false, err
	}
	return true, c.serve(ctx, conn, dec)
}

// broken reports that the link is down and when it is tried again.
func (c *Component) broken(err error, delay time.Duration) {
	reason := c.explain(err)
	s := State{Addr: c.o.Addr, Reason: reason, Next: time.Now().Add(delay)}
	s.Text = c.reconnecting() + ": " + reason
	if delay > 0 {
		seconds := int((delay + time.Second - 1) / time.Second)
		s.Text = fmt.Sprintf("%s, next try in %d s: %s", c.reconnecting(), seconds, reason)
	}
	c.o.Log.Warn("no link with the XMPP server", "addr", c.o.Addr, "reason", reason, "error", err, "retry", delay)
	c.o.State(s)
}
