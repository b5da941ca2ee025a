// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"context"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/sm"
)

// resume continues an earlier session of the same account (XEP-0198 §5). answer
// makes of <resumed/> what has to be written. failed is for the client; the log
// knows more.
func (t *stream) resume(ctx context.Context, e *xmpp.Element, answer func(*Conn, *xmpp.Element) *xmpp.Element) (done bool, failed *xmpp.Element, err error) {
	h, ok := sm.H(e)
	c := t.s.kept(e.Get("previd"))
	refused := ""
	switch {
	case !ok:
		refused = "resumption without a count"
	case c == nil:
		refused = "resumption of a session that is not kept"
	case !c.JID().Bare().Equal(t.account.User().Bare()):
		refused = "resumption of another's session"
	case !t.account.Resumable():
		refused = "resumption by a login that the network did not authenticate"
	}
	if refused == "" {
		ctx, cancel := context.WithDeadline(ctx, t.neg.deadline)
		defer cancel()
		if refused, err = c.reclaim(ctx, t, h, answer); err != nil {
			return false, nil, err
		}
	}
	if refused != "" {
		t.s.refuse.log("resumption refused", "addr", t.link.addr, "jid", t.account.User(), "reason", refused)
		return false, sm.Failed(xmpp.ItemNotFound), nil
	}
	t.account.Close()
	t.account = nil
	return true, nil, nil
}

// reclaim waits until the session has no other stream and takes it.
func (c *Conn) reclaim(ctx context.Context, t *stream, h uint32, answer func(*Conn, *xmpp.Element) *xmpp.Element) (refused string, err error) {
	for {
		changed, refused, err := c.claim(t, h)
		if changed == nil {
			if refused == "" && err == nil {
				c.client.Resumed()
				c.resumed(t, answer)
			}
			return refused, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "resumption of a session whose last stream does not end", nil
		}
	}
}

// claim takes a detached session for t. Where another stream carries it, that
// one is ended, and changed tells when to try again.
func (c *Conn) claim(t *stream, h uint32) (changed <-chan struct{}, refused string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.over || c.id == "":
		return nil, "resumption of a session that has ended", nil
	case c.state != detached:
		if old := c.stream; old != nil {
			old.out.replaced = true
			c.endStreamLocked(old, &xmpp.StreamError{Condition: xmpp.ConflictStream, Text: "resumed elsewhere"}, false)
		}
		return c.waitLocked(), "", nil
	}
	if err := c.ackLocked(h); err != nil {
		return nil, "", err
	}
	c.expiry.Stop()
	c.state = attached
	return nil, "", nil
}

// resumed gives a claimed session its new stream: first the answer, then again
// what was not acknowledged, then what was queued meanwhile. A resumed client
// is an active one.
func (c *Conn) resumed(t *stream, answer func(*Conn, *xmpp.Element) *xmpp.Element) {
	c.mu.Lock()
	first := sm.Resumed(c.id, c.in)
	c.releaseLocked()
	again := c.window.Unacked
	for _, e := range c.queue {
		if xmpp.IsStanza(e) {
			again = append(again, e)
		} else {
			c.forgetLocked(e) // it belonged to the broken stream
		}
	}
	c.queue, c.window.Unacked = again, nil
	c.mu.Unlock()
	c.attach(t, answer(c, first))
}

// detach keeps a session whose stream broke for as long as it may be resumed.
func (c *Conn) detach() {
	c.client.Detached()
	keep := c.s.limits.Load().Resume
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		c.finish()
		return
	}
	c.state = detached
	c.expiry = time.AfterFunc(keep, c.expire)
	c.tellLocked()
	c.mu.Unlock()
}

// expire ends a session that nobody resumed in time.
func (c *Conn) expire() {
	c.s.tasks.begin()
	defer c.s.tasks.end()
	c.mu.Lock()
	if c.state != detached {
		c.mu.Unlock()
		return
	}
	c.state, c.over = attached, true // nobody else may take it
	c.mu.Unlock()
	c.s.o.Log.Info("client did not come back", "jid", c.JID())
	c.finish()
}
