// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"container/list"
	"net/netip"
	"sync"
)

// gate counts connections and decides which may come in. It holds no lock
// while it closes one.
type gate struct {
	limits func() *Limits

	down chan struct{} // closed when nobody is let in any more

	mu       sync.Mutex
	links    map[*link]struct{}
	half     list.List // of *link: those that have not authenticated, oldest first
	visitors map[netip.Prefix]*visitor
}

// visitor is an address with connections.
type visitor struct{ links, half int }

// place is a link's at the gate, under its lock.
type place struct {
	visitor *visitor
	half    *list.Element // nil once it has authenticated
}

func newGate(limits func() *Limits) *gate {
	return &gate{limits: limits, down: make(chan struct{}), links: map[*link]struct{}{}, visitors: map[netip.Prefix]*visitor{}}
}

// enter lets a connection in, or returns why not. Where there are too many
// half-open ones the oldest is cut for it.
func (g *gate) enter(l *link) (refused string) {
	limits := g.limits()
	oldest, refused := g.admit(l, limits)
	if oldest != nil {
		oldest.cut("too many connections that do not log in")
	}
	return refused
}

func (g *gate) admit(l *link, limits *Limits) (oldest *link, refused string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := neighbourhood(l.addr.Addr())
	v := g.visitors[key]
	switch {
	case g.isShut():
		return nil, "server is shutting down"
	case v == nil:
		v = &visitor{}
	case limits.PerAddress > 0 && v.links >= limits.PerAddress:
		return nil, "too many connections from this address"
	case limits.HalfOpenPerAddress > 0 && v.half >= limits.HalfOpenPerAddress:
		return nil, "too many connections from this address that have not logged in"
	}
	if g.half.Len() >= limits.HalfOpen {
		oldest = g.half.Front().Value.(*link)
		g.settleLocked(oldest) // at once: two who come together must not pick the same one
	}
	g.visitors[key] = v
	v.links++
	v.half++
	g.links[l] = struct{}{}
	l.place = place{visitor: v, half: g.half.PushBack(l)}
	return oldest, ""
}

// trust counts l among those that have authenticated.
func (g *gate) trust(l *link) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.settleLocked(l)
}

func (g *gate) settleLocked(l *link) {
	if l.place.half != nil {
		g.half.Remove(l.place.half)
		l.place.half = nil
		l.place.visitor.half--
	}
}

// leave forgets l.
func (g *gate) leave(l *link) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.links[l]; !ok {
		return
	}
	delete(g.links, l)
	g.settleLocked(l)
	if l.place.visitor.links--; l.place.visitor.links == 0 {
		delete(g.visitors, neighbourhood(l.addr.Addr()))
	}
}

// close lets nobody in any more.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.isShut() {
		close(g.down)
	}
}

func (g *gate) isShut() bool {
	select {
	case <-g.down:
		return true
	default:
		return false
	}
}

// all returns the connections there are.
func (g *gate) all() []*link {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]*link, 0, len(g.links))
	for l := range g.links {
		out = append(out, l)
	}
	return out
}
