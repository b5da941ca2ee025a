// SPDX-License-Identifier: GPL-2.0-or-later

package component

import (
	"context"
	"sync"
)

// gate is shut while the component has to stay away from its server.
type gate struct {
	mu     sync.Mutex
	reason string
	// moved is closed and replaced at each change.
	moved chan struct{}
}

func newGate() *gate { return &gate{moved: make(chan struct{})} }

// set shuts the gate for a reason, or opens it with "".
func (g *gate) set(reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reason == reason {
		return
	}
	g.reason = reason
	close(g.moved)
	g.moved = make(chan struct{})
}

func (g *gate) look() (reason string, moved <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reason, g.moved
}

// whileOpen returns a context that ends when the gate is shut.
func (g *gate) whileOpen(ctx context.Context) (open context.Context, end func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel()
		for {
			reason, moved := g.look()
			if reason != "" {
				return
			}
			select {
			case <-moved:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, func() {
		cancel()
		<-done
	}
}

// Pause closes the link in order, as the end of Run does, and keeps away from
// the server until Resume: a server with several components of one domain sends
// everything to the others then. reason is a sentence for STATUS=.
func (c *Component) Pause(reason string) { c.gate.set(reason) }

// Resume ends Pause.
func (c *Component) Resume() { c.gate.set("") }

// admitted waits while the component is paused. It reports false when ctx
// ended.
func (c *Component) admitted(ctx context.Context) bool {
	for {
		reason, moved := c.gate.look()
		if reason == "" {
			return ctx.Err() == nil
		}
		c.o.State(State{Addr: c.o.Addr, Reason: reason, Text: "not connected to " + c.o.Addr + ": " + reason})
		select {
		case <-moved:
		case <-ctx.Done():
			return false
		}
	}
}
