// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// stream is one connection's stream, from accept to close. Until a resource is
// bound it belongs to the goroutine of negotiate, and to that of a login while
// that runs; afterwards the fields of out are under its session's lock, and the
// rest belongs to its reader.
type stream struct {
	s    *Server
	link *link
	wire wire
	kind Kind
	tls  string // version; "" before TLS

	cancel  context.CancelFunc
	neg     *negotiation // nil once it is over
	account Account      // authenticated and not bound
	conn    *Conn        // bound

	out outlet
}

// negotiation is what a stream needs to know until it is bound.
type negotiation struct {
	deadline time.Time
	header   bool // the peer has to open the stream next
	opened   bool // we have
	said     bool // our end of the stream was written
	profile  profile
	auth     *xmpp.Element // SASL2's <authenticate/>, nil without
	tries    int
	trusted  bool // a login succeeded and its reader does not know yet
}

// hangup ends a stream whose peer was told already why.
type hangup struct{ reason string }

func (e *hangup) Error() string { return e.reason }

// negotiate serves a connection from its first byte until it is bound, and
// starts its reader then: in a new goroutine, because negotiation leaves a large
// stack behind.
func (s *Server) negotiate(ctx context.Context, l *link, kind Kind) {
	t := s.newStream(l, kind)
	err := t.setDeadline(time.Now().Add(s.limits.Load().Negotiate))
	switch {
	case kind == StartTLS:
		t.wire = newTCPWire(l, strangers)
	case err == nil:
		err = t.handshake(ctx)
	}
	t.run(ctx, err)
}

func (s *Server) newStream(l *link, kind Kind) *stream {
	return &stream{s: s, link: l, kind: kind, neg: &negotiation{header: true}}
}

// run negotiates, unless err has ended that before it began.
func (t *stream) run(ctx context.Context, err error) {
	ctx, cancel := context.WithCancel(ctx)
	t.cancel = cancel
	for err == nil && t.conn == nil {
		err = t.guarded(func() error { return t.step(ctx) })
	}
	if t.conn != nil {
		t.neg = nil
		t.s.spawn(func() {
			defer cancel()
			t.serve(ctx)
		})
		return
	}
	cancel()
	if t.account != nil {
		t.account.Close()
	}
	t.farewell(err)
	t.s.logEnd("stream refused", t, err)
	t.linger()
	t.link.Close()
}

// step takes the next thing that the client sends.
func (t *stream) step(ctx context.Context) error {
	if t.neg.header {
		return t.open()
	}
	e, err := t.wire.next()
	var bad *xmpp.BadStanza
	switch {
	case errors.As(err, &bad):
		return &xmpp.StreamError{Condition: xmpp.PolicyViolation, Text: bad.Text}
	case err != nil:
		return err
	}
	return t.negotiation(ctx, e)
}

// negotiation is what an element asks for that is not the session's own.
func (t *stream) negotiation(ctx context.Context, e *xmpp.Element) error {
	switch {
	case xmpp.StreamErrorOf(e) != nil:
		return io.EOF
	case e.Is(nsTLS, "starttls"):
		return t.startTLS(ctx)
	case e.Space == nsSASL || e.Space == nsSASL2:
		return t.sasl(ctx, e)
	case t.account == nil:
		return &xmpp.StreamError{Condition: xmpp.NotAuthorizedEnd, Text: "authenticate first"}
	}
	return t.authenticated(ctx, e)
}

// open reads the client's opening of the stream and answers with ours.
func (t *stream) open() error {
	h, content, err := t.wire.open()
	if err != nil {
		return err
	}
	t.neg.header = false
	out := t.heading(h)
	if err := t.checkHeader(h, content); err != nil {
		return errors.Join(t.write(out), err)
	}
	return t.write(append(out, t.piece(t.features())))
}

// heading makes our opening, as the first piece to write.
func (t *stream) heading(h *xmpp.Element) [][]byte {
	t.neg.opened = true
	to := ""
	if from, err := xmpp.ParseJID(h.Get("from")); err == nil && t.tls != "" {
		to = from.Bare().String()
	}
	return [][]byte{t.wire.header(nil, heading{from: t.s.o.Domain, to: to, id: rand.Text()})}
}

func (t *stream) checkHeader(h *xmpp.Element, content string) error {
	to, err := xmpp.ParseJID(h.Get("to"))
	switch {
	case content != xmpp.NSClient:
		return &xmpp.StreamError{Condition: xmpp.InvalidNamespace, Text: "this is a server for clients"}
	case err != nil || to.String() != t.s.o.Domain:
		return &xmpp.StreamError{Condition: xmpp.HostUnknown}
	case !strings.HasPrefix(h.Get("version"), "1."):
		return &xmpp.StreamError{Condition: xmpp.UnsupportedVersion}
	case h.Get("from") == "":
		return nil
	}
	from, err := xmpp.ParseJID(h.Get("from"))
	if err != nil || t.account != nil && !from.Bare().Equal(t.account.User().Bare()) {
		return &xmpp.StreamError{Condition: xmpp.InvalidFrom}
	}
	return nil
}

// piece is an element as it is written.
func (t *stream) piece(e *xmpp.Element) []byte { return t.wire.encode(nil, e) }

// say writes elements, before the session's writer does that.
func (t *stream) say(elements ...*xmpp.Element) error {
	var out [][]byte
	for _, e := range elements {
		out = append(out, t.piece(e))
	}
	return t.write(out)
}

func (t *stream) write(pieces [][]byte) error {
	var b []byte
	var ends []int
	for _, p := range pieces {
		b = append(b, p...)
		ends = append(ends, len(b))
	}
	_, err := t.wire.write(b, ends)
	return err
}

// setDeadline bounds the negotiation. Once the gate is shut there is none.
func (t *stream) setDeadline(at time.Time) error {
	t.neg.deadline = at
	if err := t.link.SetDeadline(at); err != nil {
		return err
	}
	if t.s.gate.isShut() {
		return &xmpp.StreamError{Condition: xmpp.SystemShutdown}
	}
	return nil
}

// cut closes a bound stream without a word, and wakes its reader from whatever
// it waits for.
func (t *stream) cut(reason string) {
	t.link.cut(reason)
	t.cancel()
}
