// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/ping"
	"spectrum.im/spectrum2/daemon/xmpp/sm"
)

// askEvery is how many stanzas go out before an acknowledgement is asked for;
// of fewer it is asked when nothing followed for askAfter. Of a conversation's
// message it is asked at once: what is not acknowledged comes once more with
// the next login, which would show the user what he has read.
const (
	askEvery = 10
	askAfter = 2 * time.Second
)

// questionLocked is what asks the client, if that is due now, whether it has got
// what it was sent (XEP-0198 §4), or whether it is there at all.
func (c *Conn) questionLocked(t *stream) (e *xmpp.Element) {
	o := &t.out
	now := time.Now()
	switch {
	case !o.asked.IsZero():
		return nil // one at a time
	case c.window == nil && o.ask:
		e = ping.New(c.s.o.Domain, c.full)
		c.pinged = e.Get("id")
	case c.window == nil:
		return nil
	case o.ask || o.pressed || o.unasked >= askEvery:
		e = sm.Request()
		o.unasked, o.pressed = 0, false
	default:
		if len(c.window.Unacked) > 0 {
			o.askAt = now.Add(askAfter)
			o.ringLocked(now, askAfter)
		}
		return nil
	}
	o.ask, o.asked, o.askAt = false, now, time.Time{}
	o.ringLocked(now, c.s.limits.Load().Answer)
	return e
}

// answeredLocked takes an acknowledgement, and asks again where it did not
// cover everything.
func (c *Conn) answeredLocked(t *stream) {
	o := &t.out
	o.asked = time.Time{}
	switch {
	case len(c.window.Unacked) == 0:
		o.askAt = time.Time{}
	case o.pressed || o.unasked >= askEvery:
		o.ask = true
		c.wakeLocked()
	default:
		now := time.Now()
		o.askAt = now.Add(askAfter)
		o.ringLocked(now, askAfter)
	}
}

// ringLocked has watch called after d at the latest.
func (o *outlet) ringLocked(now time.Time, d time.Duration) {
	if at := now.Add(d); at.Before(o.rings) {
		o.rings = at
		o.timer.Reset(d)
	}
}

// watch looks after a silent client; it runs when the timer rings.
func (t *stream) watch() {
	c := t.conn
	now := time.Now()
	c.mu.Lock()
	if c.stream != t || t.out.dead {
		c.mu.Unlock()
		return
	}
	cut := c.watchLocked(t, now)
	c.mu.Unlock()
	if cut {
		t.cut("client does not answer")
	}
}

func (c *Conn) watchLocked(t *stream, now time.Time) (cut bool) {
	o := &t.out
	limits := c.s.limits.Load()
	silence := t.link.silence(now)
	if !o.asked.IsZero() {
		if silence < now.Sub(o.asked) {
			o.asked = time.Time{} // it is there
			o.ask = c.window != nil && len(c.window.Unacked) > 0
		} else if now.Sub(o.asked) >= limits.Answer {
			return true
		}
	}
	// A space costs the client nothing, but tells of a dead one only what TCP
	// learns; a question is asked twice as late where nobody answers it anyway.
	patience := limits.Idle
	spaces := c.window == nil && t.kind != WebSocket
	if spaces {
		patience *= 2
	}
	if o.asked.IsZero() {
		due := !o.askAt.IsZero() && !now.Before(o.askAt)
		o.ask = o.ask || due || silence >= patience
		o.blank = spaces && silence >= limits.Idle && !o.ask
	}
	next := patience - silence
	switch {
	case !o.asked.IsZero():
		next = limits.Answer - now.Sub(o.asked)
	case o.ask:
		next = limits.Answer
	case !o.askAt.IsZero():
		next = min(next, o.askAt.Sub(now))
	case spaces && silence < limits.Idle:
		next = limits.Idle - silence
	}
	next = max(next, time.Millisecond)
	o.rings = now.Add(next)
	o.timer.Reset(next)
	if o.ask || o.blank {
		c.wakeLocked()
	}
	return false
}
