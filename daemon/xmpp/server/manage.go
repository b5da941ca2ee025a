// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"crypto/rand"
	"errors"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/sm"
)

// manage takes an element of stream management on a bound stream (XEP-0198).
func (t *stream) manage(e *xmpp.Element) error {
	c := t.conn
	switch e.Name {
	case "enable":
		c.mu.Lock()
		defer c.mu.Unlock()
		c.firstLocked(c.manageLocked(e))
		c.wakeLocked()
		return nil
	case "r":
		return c.tellHandled(t)
	case "a":
		return c.acknowledged(t, e)
	}
	return c.unexpected()
}

// manageLocked enables stream management and returns the answer, which must go
// out before everything that is queued: that is what the client counts.
func (c *Conn) manageLocked(enable *xmpp.Element) *xmpp.Element {
	if c.window != nil || c.over {
		return sm.Failed(xmpp.UnexpectedRequest)
	}
	c.window, c.in = new(sm.Window), 0
	if c.mayResume && sm.WantsResume(enable) {
		c.id = rand.Text()
		c.s.keep(c, c.id)
	}
	return sm.Enabled(c.id, c.s.limits.Load().Resume)
}

func (c *Conn) unexpected() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.firstLocked(sm.Failed(xmpp.UnexpectedRequest))
	c.wakeLocked()
	return nil
}

func (c *Conn) tellHandled(t *stream) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.window == nil {
		return &xmpp.StreamError{Condition: xmpp.UnsupportedStanza, Text: "stream management is not enabled"}
	}
	t.out.ack = true
	c.wakeLocked()
	return nil
}

func (c *Conn) acknowledged(t *stream, a *xmpp.Element) error {
	h, ok := sm.H(a)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.window == nil:
		return &xmpp.StreamError{Condition: xmpp.UnsupportedStanza, Text: "stream management is not enabled"}
	case !ok:
		return &xmpp.StreamError{Condition: xmpp.BadFormat, Text: "an acknowledgement without a count"}
	}
	if err := c.ackLocked(h); err != nil {
		return err
	}
	c.answeredLocked(t)
	return nil
}

func (c *Conn) ackLocked(h uint32) error {
	done, err := c.window.Ack(h)
	var high *sm.TooHigh
	if errors.As(err, &high) {
		return high.StreamError()
	}
	for _, e := range done {
		c.forgetLocked(e)
	}
	clear(done)
	return nil
}
