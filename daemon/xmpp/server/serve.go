// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"context"
	"errors"
	"io"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/csi"
	"spectrum.im/spectrum2/daemon/xmpp/sm"
)

// serve reads a bound stream to its end.
func (t *stream) serve(ctx context.Context) {
	t.leave(t.guarded(func() error { return t.read(ctx) }))
}

func (t *stream) read(ctx context.Context) error {
	for {
		e, err := t.wire.next()
		var bad *xmpp.BadStanza
		skipped := errors.As(err, &bad)
		switch {
		case err != nil && !skipped:
			return err
		case t.isEnding():
			continue // nothing is taken any more
		case skipped:
			err = t.skipped(bad)
		default:
			err = t.take(ctx, e)
		}
		if err != nil {
			return err
		}
	}
}

func (t *stream) isEnding() bool {
	t.conn.mu.Lock()
	defer t.conn.mu.Unlock()
	return t.out.end != nil
}

// skipped answers a stanza that was too much.
func (t *stream) skipped(bad *xmpp.BadStanza) error {
	if !xmpp.IsStanza(bad.Stanza) {
		return &xmpp.StreamError{Condition: xmpp.PolicyViolation, Text: bad.Text}
	}
	if err := t.checkFrom(bad.Stanza); err != nil {
		return err
	}
	t.refuse(bad.Stanza, bad.Condition, bad.Text)
	t.conn.handled()
	return nil
}

// take handles one child of the stream; an error ends it.
func (t *stream) take(ctx context.Context, e *xmpp.Element) error {
	switch {
	case xmpp.IsStanza(e):
		err := t.stanza(ctx, e)
		if err == nil {
			t.conn.handled()
		}
		return err
	case e.Space == sm.NS:
		return t.manage(e)
	case e.Space == csi.NS:
		if active, ok := csi.State(e); ok {
			t.conn.setActive(active)
		}
		return nil
	case xmpp.StreamErrorOf(e) != nil:
		return io.EOF
	}
	return &xmpp.StreamError{Condition: xmpp.UnsupportedStanza}
}

// handled counts a stanza of the client's, before it is told (XEP-0198 §4).
func (c *Conn) handled() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.window != nil {
		c.in++
	}
}

// stanza checks a stanza and hands it on, with the client's full JID as from
// (RFC 6120 §8.1).
func (t *stream) stanza(ctx context.Context, st *xmpp.Element) error {
	if err := t.checkFrom(st); err != nil {
		return err
	}
	st.Set("from", t.conn.full)
	if to := st.Get("to"); to == "" {
		st.Set("to", "")
	} else if _, err := xmpp.ParseJID(to); err != nil {
		t.refuse(st, xmpp.JIDMalformed, "not a valid address")
		return nil
	}
	if st.Name == "iq" {
		if why := badIQ(st); why != "" {
			t.refuse(st, xmpp.BadRequest, why)
			return nil
		}
		if t.ownIQ(st) {
			return nil
		}
	}
	t.link.busy.Store(true)
	defer t.link.busy.Store(false)
	t.conn.client.Stanza(ctx, st)
	return nil
}

// checkFrom refuses a sender's address that is not the client's
// (RFC 6120 §8.1.2.1).
func (t *stream) checkFrom(st *xmpp.Element) error {
	from := st.Get("from")
	if from == "" || from == t.conn.full {
		return nil
	}
	j, err := xmpp.ParseJID(from)
	if me := t.conn.JID(); err != nil || !j.Equal(me) && !j.Equal(me.Bare()) {
		return &xmpp.StreamError{Condition: xmpp.InvalidFrom}
	}
	return nil
}

// badIQ is what is wrong with an IQ (RFC 6120 §8.2.3).
func badIQ(iq *xmpp.Element) string {
	children := 0
	for range iq.Children() {
		children++
	}
	switch iq.Get("type") {
	case "get", "set":
		if children != 1 {
			return "a request has exactly one child"
		}
	case "result", "error":
	default:
		return "not a type of an IQ"
	}
	if iq.Get("id") == "" {
		return "an IQ needs an id"
	}
	return ""
}

// ownIQ takes the IQs that are the stream's own business.
func (t *stream) ownIQ(iq *xmpp.Element) bool {
	request := xmpp.IsRequest(iq)
	switch {
	case request && iq.Child(nsBind, "bind") != nil:
		t.refuse(iq, xmpp.NotAllowed, "a resource is bound already")
	case request && iq.Child(nsSession, "session") != nil:
		t.reply(xmpp.New(xmpp.NSClient, "iq").Set("type", "result").Set("id", iq.Get("id")))
	case !request && t.conn.answered(t, iq.Get("id")):
	default:
		return false
	}
	return true
}

// refuse answers a stanza with an error of ours, where it may be answered.
func (t *stream) refuse(st *xmpp.Element, condition, text string) {
	t.s.refuse.log("stanza refused", "addr", t.link.addr, "jid", t.conn.full, "reason", withText(condition, text))
	r := xmpp.ErrorReply(st, "", condition, text)
	if r == nil {
		return
	}
	if _, err := xmpp.ParseJID(r.Get("from")); err != nil {
		r.Set("from", t.s.o.Domain)
	}
	t.reply(r.Set("to", t.conn.full))
}

func (t *stream) reply(r *xmpp.Element) {
	// A session that ended meanwhile needs no answer.
	_ = t.conn.Send(r)
}

// answered reports whether id is that of the server's own ping.
func (c *Conn) answered(t *stream, id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pinged == "" || id != c.pinged {
		return false
	}
	c.pinged, t.out.asked = "", time.Time{}
	return true
}

// setActive is client state (XEP-0352): while the client is not active what can
// wait is held back.
func (c *Conn) setActive(active bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case active:
		c.releaseLocked()
		c.wakeLocked()
	case c.hold == nil:
		c.hold = new(csi.Hold)
	}
}

// releaseLocked queues what was held back, and holds no more.
func (c *Conn) releaseLocked() {
	if c.hold == nil {
		return
	}
	for _, st := range c.hold.Take() {
		c.appendLocked(st, weigh(st))
	}
	c.hold = nil
}
