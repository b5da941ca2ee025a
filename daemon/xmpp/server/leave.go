// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"errors"
	"io"
	"os"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// leave ends a bound stream after its reader has stopped because of err: in
// order where that is possible. Then it ends the session, unless that may be
// resumed.
func (t *stream) leave(err error) {
	c := t.conn
	var se *xmpp.StreamError
	if errors.As(err, &se) || errors.Is(err, io.EOF) {
		c.endBecause(t, se)
	}
	c.mu.Lock()
	broken := t.out.end == nil
	t.out.dead = t.out.dead || broken
	c.mu.Unlock()
	if broken {
		t.link.Close() // wakes the writer
	}
	c.mu.Lock()
	// If the stream is ended in order the writer still has to say so.
	for t.out.writing {
		t.out.rested.Wait()
	}
	lingers := t.out.end != nil && !t.out.replaced && !broken && !errors.Is(err, io.EOF)
	t.out.dead = true
	t.out.timer.Stop()
	c.stream = nil
	resumable := c.id != "" && !c.over
	c.mu.Unlock()
	t.s.logEnd("client disconnected", t, err)
	if resumable {
		c.detach()
	} else {
		c.finish()
	}
	if lingers {
		t.linger()
	}
	t.link.Close()
}

// endBecause ends the session because the client ended the stream, or has to be
// told why we do.
func (c *Conn) endBecause(t *stream, se *xmpp.StreamError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !t.out.replaced {
		c.over = true
		c.endStreamLocked(t, se, true)
	}
}

// logEnd says why a connection ended: what our side said or did, or else what
// the client did.
func (s *Server) logEnd(msg string, t *stream, err error) {
	reason := t.link.why()
	var se *xmpp.StreamError
	var up *hangup
	switch {
	case reason != "":
	case errors.As(err, &up):
		reason = up.reason
	case errors.As(err, &se):
		reason = withText(se.Condition, se.Text)
	case errors.Is(err, io.EOF):
		reason = "client closed the stream"
	case errors.Is(err, os.ErrDeadlineExceeded):
		reason = "client is too slow"
	case err != nil:
		reason = "connection broke: " + err.Error()
	}
	attrs := []any{"addr", t.link.addr, "via", t.kind, "reason", reason}
	c := t.conn
	if c == nil {
		s.refuse.log(msg, attrs...)
		return
	}
	c.mu.Lock()
	if end := t.out.end; end != nil && end.err != nil {
		attrs[len(attrs)-1] = withText(end.err.Condition, end.err.Text)
	}
	i := c.info
	c.mu.Unlock()
	s.o.Log.Info(msg, append(attrs, "jid", i.JID, "after", time.Since(i.Since).Round(time.Second))...)
}
