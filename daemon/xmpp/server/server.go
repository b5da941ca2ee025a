// SPDX-License-Identifier: GPL-2.0-or-later

// Package server is the wire of an XMPP server for clients: listeners, TLS,
// authentication, binding, stream management and client state (RFC 6120,
// RFC 7395, XEP-0198, XEP-0352, XEP-0368, XEP-0386, XEP-0388). It knows no
// users and routes nothing: a Handler decides who may come in, and each bound
// connection has a Client to talk to.
//
// An idle connection is one goroutine, its reader. A writer runs while there is
// something to write. One timer a stream looks after silence.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// Options configure a server. Domain, TLS, Handler and Log are needed.
type Options struct {
	Domain  string
	TLS     *tls.Config // with GetCertificate; ALPN is set here
	Handler Handler
	Limits  Limits
	Log     *slog.Logger
	// Features are further stream features for authenticated clients, such as
	// entity capabilities (XEP-0115 §6.3); may be nil.
	Features func() []*xmpp.Element
}

// Server serves the clients of one domain.
type Server struct {
	o      Options
	tls    map[Kind]*tls.Config
	limits atomic.Pointer[Limits]
	gate   *gate
	brake  *brake
	refuse refusals
	tasks  tasks

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[*Conn]struct{}
	resumable map[string]*Conn // by stream management's id
}

// New makes a server; Serve gives it listeners.
func New(o Options) *Server {
	if j, err := xmpp.ParseJID(o.Domain); err == nil {
		o.Domain = j.String()
	}
	s := &Server{
		o: o, tls: tlsConfigs(o.TLS), brake: newBrake(), refuse: newRefusals(o.Log),
		listeners: map[net.Listener]struct{}{}, conns: map[*Conn]struct{}{}, resumable: map[string]*Conn{},
	}
	s.gate = newGate(s.limits.Load)
	s.SetLimits(o.Limits)
	return s
}

// tlsConfigs makes each kind's own configuration: they differ in ALPN.
func tlsConfigs(base *tls.Config) map[Kind]*tls.Config {
	m := map[Kind]*tls.Config{}
	for kind, protos := range map[Kind][]string{StartTLS: nil, DirectTLS: {"xmpp-client"}, WebSocket: {"http/1.1"}} {
		c := base.Clone()
		c.NextProtos = protos
		c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
		m[kind] = c
	}
	return m
}

// SetLimits changes the limits; each connection takes them where it comes to
// them next.
func (s *Server) SetLimits(l Limits) {
	l = l.withDefaults()
	s.limits.Store(&l)
}

// Conns is how many sessions there are, detached ones included.
func (s *Server) Conns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Serve accepts clients of one kind until ctx ends or Shutdown is called, and
// closes ln. Connections live on until Shutdown.
func (s *Server) Serve(ctx context.Context, ln net.Listener, kind Kind) error {
	if !s.listen(ln) {
		return ln.Close()
	}
	defer s.unlisten(ln)
	stop := context.AfterFunc(ctx, func() { s.unlisten(ln) })
	defer stop()
	lasting := context.WithoutCancel(ctx)
	if kind == WebSocket {
		return s.serveHTTP(lasting, ln)
	}
	for {
		l, err := s.accept(ln)
		if err != nil {
			return err
		}
		if l == nil {
			return nil
		}
		s.spawn(func() { s.negotiate(lasting, l, kind) })
	}
}

// spawn runs f, which Shutdown waits for.
func (s *Server) spawn(f func()) {
	s.tasks.begin()
	go func() {
		defer s.tasks.end()
		f()
	}()
}

func (s *Server) listen(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gate.isShut() {
		return false
	}
	s.listeners[ln] = struct{}{}
	return true
}

// unlisten closes ln unless it was done before.
func (s *Server) unlisten(ln net.Listener) {
	s.mu.Lock()
	_, open := s.listeners[ln]
	delete(s.listeners, ln)
	s.mu.Unlock()
	if open {
		// Nothing depends on a listener that cannot be closed.
		_ = ln.Close()
	}
}

func (s *Server) isListening(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.listeners[ln]
	return ok
}

// accept returns the next connection that the gate lets in; nil once the
// listener is closed by us.
func (s *Server) accept(ln net.Listener) (*link, error) {
	pause := 5 * time.Millisecond
	for {
		c, err := ln.Accept()
		var temporary interface{ Temporary() bool }
		switch {
		case err == nil:
		case !s.isListening(ln):
			return nil, nil
		case errors.As(err, &temporary) && temporary.Temporary():
			// Out of descriptors, most likely: those of the clients that go will do.
			s.o.Log.Warn("cannot accept a client", "error", err, "retry", pause)
			select {
			case <-time.After(pause):
			case <-s.gate.down:
			}
			pause = min(2*pause, time.Second)
			continue
		default:
			return nil, fmt.Errorf("accept clients on %s: %w", ln.Addr(), err)
		}
		l := newLink(s.gate, c, addrOf(c))
		if why := s.gate.enter(l); why != "" {
			s.refuse.log("connection refused", "addr", l.addr, "reason", why)
			c.Close()
			continue
		}
		return l, nil
	}
}

// enroll counts a session in; false if there are as many as there may be.
func (s *Server) enroll(c *Conn) bool {
	limit := s.limits.Load().Sessions
	s.mu.Lock()
	defer s.mu.Unlock()
	if limit > 0 && len(s.conns) >= limit {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

// dismiss forgets a session. id is stream management's, "" without.
func (s *Server) dismiss(c *Conn, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if id != "" {
		delete(s.resumable, id)
	}
}

func (s *Server) keep(c *Conn, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resumable[id] = c
}

func (s *Server) kept(id string) *Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resumable[id]
}
