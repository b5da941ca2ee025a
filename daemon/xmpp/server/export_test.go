// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// ServeSecured serves a connection as one whose TLS is done, and returns when
// its negotiation ends.
func (s *Server) ServeSecured(ctx context.Context, conn net.Conn) {
	l := newLink(s.gate, conn, addrOf(conn))
	if s.gate.enter(l) != "" {
		conn.Close()
		return
	}
	s.tasks.begin()
	defer s.tasks.end()
	t := s.newStream(l, DirectTLS)
	t.tls = "TLS 1.3"
	t.wire = newTCPWire(l, strangers)
	t.run(ctx, t.setDeadline(time.Now().Add(s.limits.Load().Negotiate)))
}

// HalfOpen is how many connections have not authenticated.
func (s *Server) HalfOpen() int {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	return s.gate.half.Len()
}

// HalfOpenFrom is how many of them come from one address.
func (s *Server) HalfOpenFrom(a netip.Addr) int {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	if v := s.gate.visitors[neighbourhood(a)]; v != nil {
		return v.half
	}
	return 0
}

// Brake is brake.
type Brake struct{ b *brake }

// NewBrake makes one.
func NewBrake() Brake { return Brake{newBrake()} }

// Attempt is attempt.
func (b Brake) Attempt(a netip.Addr, now time.Time) (time.Duration, bool) { return b.b.attempt(a, now) }

// Failed is failed.
func (b Brake) Failed(a netip.Addr, now time.Time) { b.b.failed(a, now) }
