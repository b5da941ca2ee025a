// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Shutdown ends every stream in order, with the stream error condition
// (xmpp.SystemShutdown), and waits until all is over; when ctx ends first, what
// is left is cut.
func (s *Server) Shutdown(ctx context.Context, condition, text string) {
	s.gate.close()
	s.mu.Lock()
	listeners := slices.Collect(maps.Keys(s.listeners))
	s.mu.Unlock()
	for _, ln := range listeners {
		s.unlisten(ln)
	}
	s.endAll(condition, text)
	if s.tasks.wait(ctx) {
		return
	}
	for _, l := range s.gate.all() {
		l.cut("server is shutting down")
	}
	for _, c := range s.endAll(condition, text) {
		c.cut()
	}
	s.tasks.wait(context.WithoutCancel(ctx))
}

func (s *Server) endAll(condition, text string) []*Conn {
	s.mu.Lock()
	conns := slices.Collect(maps.Keys(s.conns))
	s.mu.Unlock()
	for _, c := range conns {
		c.Close(condition, text)
	}
	for _, l := range s.gate.all() {
		l.wakeUnbound()
	}
	return conns
}

// cut closes the session's stream, if it has one.
func (c *Conn) cut() {
	c.mu.Lock()
	t := c.stream
	c.mu.Unlock()
	if t != nil {
		t.cut("server is shutting down")
	}
}

// wakeUnbound makes the reader of a connection without a session look up, and
// find that the gate is shut.
func (l *link) wakeUnbound() {
	if !l.bound.Load() {
		// Where it fails the connection is gone.
		_ = l.SetReadDeadline(time.Unix(1, 0))
	}
}

// tasks counts goroutines; unlike a sync.WaitGroup it may be added to while
// somebody waits.
type tasks struct {
	mu   sync.Mutex
	n    int
	none chan struct{} // closed when there are none; nil if nobody waits
}

func (t *tasks) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n++
}

func (t *tasks) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n--; t.n == 0 && t.none != nil {
		close(t.none)
		t.none = nil
	}
}

// wait reports whether all ended before ctx.
func (t *tasks) wait(ctx context.Context) bool {
	t.mu.Lock()
	if t.n == 0 {
		t.mu.Unlock()
		return true
	}
	if t.none == nil {
		t.none = make(chan struct{})
	}
	none := t.none
	t.mu.Unlock()
	select {
	case <-none:
		return true
	case <-ctx.Done():
		return false
	}
}
