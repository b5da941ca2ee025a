// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"sync"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// outlet is a stream's part of its session's writing, under the session's lock.
type outlet struct {
	writing bool      // the writer runs
	rested  sync.Cond // told when it stops
	dead    bool      // nothing may be written any more
	end     *ending   // nil while the stream goes on

	replaced bool // another stream takes the session over

	ack   bool // <a/> is due
	ask   bool // <r/> or a ping is due
	blank bool // a space is due

	unasked int       // stanzas written since <r/> was
	pressed bool      // a conversation's message is among them
	asked   time.Time // when it was, or a ping; zero if that was answered
	askAt   time.Time // when it is due if nothing happens; zero for never
	timer   *time.Timer
	rings   time.Time // when timer does
}

// ending is how a stream has to end.
type ending struct {
	err   *xmpp.StreamError // nil for none
	flush bool              // what is queued goes first
	by    time.Time         // the latest
}

// space stands for a single space among what is to be written.
var space = &xmpp.Element{}

// weigh is about what a stanza costs while it waits, in bytes.
func weigh(e *xmpp.Element) int {
	n := 100 + len(e.Name) + len(e.Space)
	for i := range e.Attrs {
		n += 50 + len(e.Attrs[i].Value)
	}
	for i := range e.Nodes {
		if c := e.Nodes[i].Element; c != nil {
			n += weigh(c)
		} else {
			n += len(e.Nodes[i].Text)
		}
	}
	return n
}

// attach gives the session its stream. first goes before everything queued.
func (c *Conn) attach(t *stream, first ...*xmpp.Element) {
	t.link.bound.Store(true)
	// Where this fails the connection is gone, which the reader finds.
	_ = t.link.SetDeadline(time.Time{})
	idle := c.s.limits.Load().Idle
	c.mu.Lock()
	t.conn, t.out.rested.L = c, &c.mu
	c.stream, c.state = t, attached
	c.info.Addr, c.info.Kind, c.info.TLS = t.link.addr, t.kind, t.tls
	c.firstLocked(first...)
	t.out.timer, t.out.rings = time.AfterFunc(idle, t.watch), time.Now().Add(idle)
	if c.over {
		c.endStreamLocked(t, c.ending, true)
	}
	c.wakeLocked()
	c.mu.Unlock()
	c.s.o.Log.Info("client connected", "jid", c.JID(), "addr", t.link.addr, "via", t.kind, "tls", t.tls)
}

// firstLocked queues what is no stanza before everything else.
func (c *Conn) firstLocked(e ...*xmpp.Element) {
	for _, e := range e {
		c.weight += weigh(e)
		c.count++
	}
	c.queue = append(e[:len(e):len(e)], c.queue...)
}

// wakeLocked has somebody write what there is to write.
func (c *Conn) wakeLocked() {
	t := c.stream
	if t == nil || t.out.writing || t.out.dead {
		return
	}
	t.out.writing = true
	go c.write(t) // leave waits for it
}

// endStreamLocked ends a stream, unless something has before.
func (c *Conn) endStreamLocked(t *stream, se *xmpp.StreamError, flush bool) {
	if t.out.end != nil {
		return
	}
	by := time.Now().Add(c.s.limits.Load().Close)
	if t.out.replaced {
		by = time.Now().Add(time.Second) // somebody waits for it
	}
	t.out.end = &ending{err: se, flush: flush, by: by}
	// Where it fails the connection is gone.
	_ = t.link.SetDeadline(by)
	c.wakeLocked()
}
