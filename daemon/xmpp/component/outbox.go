// SPDX-License-Identifier: GPL-2.0-or-later

package component

import (
	"context"
	"slices"
	"sync"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/ping"
)

// Bounds of an outbox: what waits to be written, and the messages written that
// the server has not confirmed. Of more than those the oldest count as
// delivered: waiting for the fence here could wait for ever, since the reader
// that has to see it may be waiting for room.
const (
	maxQueued    = 1 << 20 // bytes
	maxUncertain = 32768   // messages
)

// outbox is what one link has to write, encoded already so that its bytes can
// be counted, and what it has written but not fenced. A fence is a ping to
// ourselves: stanzas are processed in order, so when it comes back the server
// has taken everything before it. Only one is under way at a time.
type outbox struct {
	jid  string        // fences come from it
	wake chan struct{} // has one token if the writer has something to look at

	mu     sync.Mutex
	closed bool
	buf    []byte
	queued []*xmpp.Element // the messages in buf
	spare  []byte          // the buffer of the write before
	room   chan struct{}   // closed when buf was taken; nil if nobody waits

	written []*xmpp.Element // messages written and not fenced, oldest first
	covered int             // of them, how many the fence under way will confirm
	fence   string          // its id, "" if none is under way
	sent    time.Time       // when it was
	to      string          // where it goes to
}

func newOutbox(jid string) *outbox {
	return &outbox{jid: jid, to: jid, wake: make(chan struct{}, 1)}
}

// put queues a stanza, waiting while the queue is full.
func (o *outbox) put(ctx context.Context, st *xmpp.Element) error {
	for {
		room, err := o.tryPut(st)
		if room == nil {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tryPut returns a channel to wait for if the queue is full.
func (o *outbox) tryPut(st *xmpp.Element) (room <-chan struct{}, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
		return nil, ErrDown
	case len(o.buf) >= maxQueued:
		if o.room == nil {
			o.room = make(chan struct{})
		}
		return o.room, nil
	}
	o.buf = xmpp.Append(o.buf, st, xmpp.NSComponent)
	if st.Name == "message" && st.Child(xmpp.NSClient, "body") != nil {
		o.queued = append(o.queued, st)
	}
	o.wakeLocked()
	return nil, nil
}

func (o *outbox) wakeLocked() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take returns what has to be written now, with a fence behind it where one is
// due or wanted by the caller. The bytes are valid until the next call.
func (o *outbox) take(ping bool, now time.Time) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := o.buf
	o.buf, o.spare = o.spare[:0], out
	if cap(o.buf) > 2*maxQueued {
		o.buf = nil
	}
	o.written = append(o.written, o.queued...)
	clear(o.queued)
	o.queued = o.queued[:0]
	if n := len(o.written) - maxUncertain; n > 0 {
		o.confirmLocked(n)
	}
	o.releaseLocked()
	if o.fence == "" && (ping || len(o.written) > 0) {
		out = o.fenceLocked(out, now)
	}
	return out
}

func (o *outbox) fenceLocked(out []byte, now time.Time) []byte {
	iq := ping.New(o.jid, o.to)
	o.fence, o.sent, o.covered = iq.Get("id"), now, len(o.written)
	o.spare = xmpp.Append(out, iq, xmpp.NSComponent)
	return o.spare
}

// fenceBy changes the address that fences go to.
func (o *outbox) fenceBy(jid string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.to, o.fence, o.covered = jid, "", 0
	o.wakeLocked()
}

func (o *outbox) fencedBy(jid string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.to == jid
}

// confirmLocked lets go of the n oldest messages.
func (o *outbox) confirmLocked(n int) {
	o.written = slices.Delete(o.written, 0, n)
	o.covered = max(0, o.covered-n)
}

func (o *outbox) releaseLocked() {
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
}

// passed reports whether st is the fence come back, and lets go of what it
// confirms.
func (o *outbox) passed(st *xmpp.Element) bool {
	if st.Name != "iq" {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if st.Get("from") != o.jid || st.Get("to") != o.to || o.fence == "" || st.Get("id") != o.fence {
		return false
	}
	o.confirmLocked(o.covered)
	o.fence = ""
	o.wakeLocked()
	return true
}

// waiting is when the fence under way was sent; false if none is.
func (o *outbox) waiting() (time.Time, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sent, o.fence != ""
}

// shut refuses everything from now on; take still gives what is queued.
func (o *outbox) shut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.releaseLocked()
}

func (o *outbox) isShut() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closed
}

// rest returns the messages whose fate is unknown and those that were never
// written, after shut.
func (o *outbox) rest() (uncertain, unsent []*xmpp.Element) {
	o.mu.Lock()
	defer o.mu.Unlock()
	uncertain, unsent = o.written, o.queued
	o.written, o.queued, o.buf, o.spare = nil, nil, nil, nil
	return uncertain, unsent
}
