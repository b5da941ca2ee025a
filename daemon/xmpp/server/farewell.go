// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"errors"
	"io"
	"os"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// farewell tells the client why a stream ends that was never bound, where he can
// be told.
func (t *stream) farewell(err error) {
	se, ended := t.explain(err)
	if t.neg.said || t.wire == nil || !ended {
		return
	}
	t.neg.said = true
	// What fails here fails because the client is gone.
	_ = t.link.SetDeadline(time.Now().Add(min(t.s.limits.Load().Close, 2*time.Second)))
	var out [][]byte
	if !t.neg.opened {
		out = t.heading(nil)
	}
	if se != nil {
		out = append(out, t.piece(se.Element()))
	}
	_ = t.write(append(out, t.wire.footer(nil)))
	t.wire.closeWrite()
}

// explain is the stream error for err, if there is one, and whether the stream
// is ended in order.
func (t *stream) explain(err error) (*xmpp.StreamError, bool) {
	var se *xmpp.StreamError
	var up *hangup
	switch {
	case errors.As(err, &se):
		return se, true
	case errors.Is(err, io.EOF), errors.As(err, &up):
		return nil, true
	case t.s.gate.isShut():
		return &xmpp.StreamError{Condition: xmpp.SystemShutdown}, true
	case errors.Is(err, errTalksTooMuch):
		return &xmpp.StreamError{Condition: xmpp.PolicyViolation, Text: err.Error()}, true
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &xmpp.StreamError{Condition: xmpp.ConnectionTimeout}, true
	}
	return nil, false
}

// linger reads what the client has sent already: closing before would make its
// kernel throw away our last words. Its bound is that of farewell.
func (t *stream) linger() {
	const enough = 256 << 10
	if t.neg == nil || t.neg.said {
		t.link.read.Store(-1)
		_, _ = io.CopyN(io.Discard, t.link, enough)
	}
}
