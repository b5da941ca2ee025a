// SPDX-License-Identifier: GPL-2.0-or-later

package component_test

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"log/slog"
	"net"
	"sync"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/component"
)

// harness runs a component whose server is the test.
type harness struct {
	c       *component.Component
	cancel  context.CancelFunc
	done    chan error
	dials   chan func(net.Conn, error) // each a try to connect, to be answered
	handled chan *xmpp.Element
	states  chan component.State
	handle  func(context.Context, *xmpp.Element)
	refuse  error
	alias   chan bool // what was said of the alias

	mu                sync.Mutex
	state             component.State
	uncertain, unsent []string
}

func start(t *testing.T) *harness { return startAs(t, "") }

// startAs starts a component that has an alias.
func startAs(t *testing.T, alias string) *harness {
	ctx, cancel := context.WithCancel(t.Context())
	h := &harness{
		cancel: cancel, done: make(chan error, 1), dials: make(chan func(net.Conn, error)),
		handled: make(chan *xmpp.Element, 100), states: make(chan component.State, 1000),
		alias: make(chan bool, 10),
	}
	h.c = component.New(component.Options{
		Addr: "server:5347", JID: "irc.example.org", Secret: config.NewSecret("geheim"), Log: slog.New(slog.DiscardHandler),
		Dial: h.dial, Alias: alias, AliasWorks: func(yes bool) { h.alias <- yes },
		Handle: func(ctx context.Context, st *xmpp.Element) {
			if h.handle != nil {
				h.handle(ctx, st)
				return
			}
			h.handled <- st
		},
		State: func(s component.State) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.state = s
			h.states <- s
		},
		Uncertain: func(m []*xmpp.Element) { h.uncertain = append(h.uncertain, bodies(m)...) },
		Unsent:    func(m []*xmpp.Element) { h.unsent = append(h.unsent, bodies(m)...) },
	})
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		h.done <- h.c.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-finished
	})
	return h
}

func bodies(m []*xmpp.Element) (b []string) {
	for _, st := range m {
		b = append(b, xmpp.Body(st))
	}
	return b
}

func (h *harness) dial(ctx context.Context, _ string) (net.Conn, error) {
	type answer struct {
		conn net.Conn
		err  error
	}
	answers := make(chan answer, 1)
	select {
	case h.dials <- func(c net.Conn, err error) { answers <- answer{c, err} }:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case a := <-answers:
		return a.conn, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// connect takes the next try to connect.
func (h *harness) connect(t *testing.T) *server {
	t.Helper()
	ours, theirs := net.Pipe()
	(<-h.dials)(ours, nil)
	t.Cleanup(func() { theirs.Close() })
	return newServer(theirs)
}

// accept takes the next try to connect, and the component.
func (h *harness) accept(t *testing.T) *server {
	t.Helper()
	s := h.connect(t)
	s.header(t)
	s.readHandshake(t)
	s.write(t, "<handshake/>")
	return s
}

func (h *harness) latest() component.State {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state
}

func (h *harness) wantState(t *testing.T, text string) {
	t.Helper()
	for s := range h.states {
		if s.Text == text {
			return
		}
	}
}

func (h *harness) send(t *testing.T, st *xmpp.Element) {
	t.Helper()
	if err := h.c.Send(t.Context(), st); err != nil {
		t.Fatal(err)
	}
}

func (h *harness) message(t *testing.T, body string) {
	t.Helper()
	h.send(t, xmpp.NewMessage("chat", "romeo@irc.example.org", "a@example.org").Add(xmpp.NewText(xmpp.NSClient, "body", body)))
}

// server is the other side of one link.
type server struct {
	conn net.Conn
	dec  *xmpp.Decoder
}

func newServer(conn net.Conn) *server {
	return &server{conn: conn, dec: xmpp.NewDecoder(conn, xmpp.Limits{Bytes: 4 << 20})}
}

func (s *server) header(t *testing.T) {
	t.Helper()
	h, err := s.dec.ReadHeader()
	if err != nil || h.Get("to") != "irc.example.org" {
		t.Fatal(h, err)
	}
	s.write(t, serverHeader)
}

func (s *server) readHandshake(t *testing.T) {
	t.Helper()
	sum := sha1.Sum([]byte("3BF96D32" + "geheim"))
	if e := s.next(t); e.Name != "handshake" || e.Text() != hex.EncodeToString(sum[:]) {
		t.Fatalf("handshake %v", e)
	}
}

func (s *server) refuse(t *testing.T, se *xmpp.StreamError) {
	t.Helper()
	s.next(t) // its handshake
	s.write(t, string(xmpp.Append(nil, se.Element(), xmpp.NSComponent))+"</stream:stream>")
	s.conn.Close()
}

func (s *server) write(t *testing.T, text string) {
	t.Helper()
	if _, err := s.conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func (s *server) next(t *testing.T) *xmpp.Element {
	t.Helper()
	e, err := s.dec.Next()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// serve hands each stanza to seen, and returns fences.
func (s *server) serve(seen func(*xmpp.Element)) {
	for {
		e, err := s.dec.Next()
		if err != nil {
			return
		}
		seen(e)
		if e.Get("from") != "irc.example.org" || e.Name != "iq" {
			continue
		}
		if _, err := s.conn.Write([]byte(fenceBack(e))); err != nil {
			return
		}
	}
}

func fenceBack(e *xmpp.Element) string { return string(xmpp.Append(nil, e, xmpp.NSComponent)) }
