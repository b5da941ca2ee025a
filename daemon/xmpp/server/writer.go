// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/sm"
)

// chunk is about what one write carries: one record of TLS.
const chunk = 16 << 10

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// batch is what one write carries.
type batch struct {
	all []*xmpp.Element
	// all[from:to] came from the queue; counted: they are in the window now.
	from, to int
	counted  bool
	last     bool // the stream's end follows
}

// write writes what there is until there is nothing left.
func (c *Conn) write(t *stream) {
	buf := buffers.Get().(*[]byte)
	for {
		b, ok := c.take(t)
		if !ok {
			break
		}
		var n int
		var err error
		*buf, n, err = t.put((*buf)[:0], b)
		if c.wrote(t, b, n, err) {
			break
		}
	}
	if cap(*buf) <= 4*chunk {
		buffers.Put(buf)
	}
}

// take returns what has to be written next; with false there is nothing, and
// the writer has to go. With stream management what it returns is
// unacknowledged from now on.
func (c *Conn) take(t *stream) (batch, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := &t.out
	var b batch
	if c.stream == t && !o.dead {
		b.last = o.end != nil
		if !b.last || o.end.flush {
			c.fillLocked(t, &b)
		}
	}
	if len(b.all) == 0 && !b.last {
		o.writing = false
		o.rested.Broadcast()
		return b, false
	}
	return b, true
}

func (c *Conn) fillLocked(t *stream, b *batch) {
	o := &t.out
	if o.ack {
		b.all = append(b.all, sm.Ack(c.in))
		o.ack = false
	}
	b.from = len(b.all)
	c.takeQueueLocked(o, b)
	b.to = len(b.all)
	if o.blank {
		b.all = append(b.all, space)
		o.blank = false
	}
	b.last = b.last && c.queue == nil
	if e := c.questionLocked(t); e != nil {
		b.all = append(b.all, e)
	}
}

func (c *Conn) takeQueueLocked(o *outlet, b *batch) {
	n := 0
	for weight := 0; n < len(c.queue) && weight < chunk; n++ {
		weight += weigh(c.queue[n])
	}
	b.all = append(b.all, c.queue[:n]...)
	if b.counted = c.window != nil; b.counted {
		for _, e := range c.queue[:n] {
			if xmpp.IsStanza(e) {
				c.window.Sent(e)
				o.unasked++
				o.pressed = o.pressed || e.Name == "message" && e.Get("type") != "groupchat"
			} else {
				c.forgetLocked(e)
			}
		}
	}
	clear(c.queue[:n])
	if c.queue = c.queue[n:]; len(c.queue) == 0 {
		c.queue = nil
	}
}

// forgetLocked counts off what waits no more.
func (c *Conn) forgetLocked(e *xmpp.Element) {
	c.weight -= weigh(e)
	c.count--
}

// put writes a batch and returns how many of it were written whole.
func (t *stream) put(buf []byte, b batch) ([]byte, int, error) {
	ends := make([]int, 0, len(b.all)+2)
	for _, e := range b.all {
		if e == space {
			buf = append(buf, ' ')
		} else {
			buf = t.wire.encode(buf, e)
		}
		ends = append(ends, len(buf))
	}
	if b.last {
		if err := t.out.end.err; err != nil { // set once, before take saw it
			buf = t.wire.encode(buf, err.Element())
			ends = append(ends, len(buf))
		}
		buf = t.wire.footer(buf)
		ends = append(ends, len(buf))
	}
	if err := t.writeBy(len(buf)); err != nil {
		return buf, 0, err
	}
	n, err := t.wire.write(buf, ends)
	if err == nil && b.last {
		t.wire.closeWrite()
	}
	return buf, min(n, len(b.all)), err
}

// writeBy sets the deadline for writing n bytes.
func (t *stream) writeBy(n int) error {
	c := t.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	by := time.Now().Add(c.s.limits.Load().Write * time.Duration(1+n/chunk))
	if end := t.out.end; end != nil && end.by.Before(by) {
		by = end.by
	}
	return t.link.SetWriteDeadline(by)
}

// wrote takes what became of a batch, of which n were written, and reports
// whether nothing may follow.
func (c *Conn) wrote(t *stream, b batch, n int, err error) bool {
	c.mu.Lock()
	if !b.counted && b.to > b.from {
		done := max(b.from, min(n, b.to))
		for _, e := range b.all[b.from:done] {
			c.forgetLocked(e)
		}
		if done < b.to {
			c.queue = append(b.all[done:b.to:b.to], c.queue...)
		}
	}
	finished := err != nil || b.last
	if finished {
		t.out.dead, t.out.writing = true, false
		t.out.rested.Broadcast()
	}
	replaced := t.out.replaced
	c.mu.Unlock()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		t.cut("client does not read")
	case err != nil:
		t.cut(fmt.Sprintf("cannot write: %v", err))
	case b.last && replaced:
		t.cut("resumed elsewhere")
	}
	return finished
}
