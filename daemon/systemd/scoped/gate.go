// SPDX-License-Identifier: GPL-2.0-or-later

package scoped

import (
	"context"
	"sync"
)

// gate counts calls and descriptors. Its zero value counts; init makes it let
// calls in.
type gate struct {
	once    sync.Once
	slots   chan struct{} // a token for each call that is being worked on
	used    chan struct{} // somebody asked
	tooMany chan struct{} // closed when strays are too many

	mu    sync.Mutex
	stray int
	shut  bool
}

func (g *gate) init() {
	g.once.Do(func() {
		g.slots = make(chan struct{}, maxCalls)
		g.used = make(chan struct{}, 1)
		g.tooMany = make(chan struct{})
	})
}

// enter waits for a slot; leave gives it back.
func (g *gate) enter(ctx context.Context) error {
	g.init()
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case g.used <- struct{}{}:
	default:
	}
	return nil
}

func (g *gate) leave() { <-g.slots }

// idle reports whether nothing is being worked on.
func (g *gate) idle() bool { return len(g.slots) == 0 }

// drain waits for what is being worked on; nothing enters afterwards.
func (g *gate) drain() {
	for range maxCalls {
		g.slots <- struct{}{}
	}
}

// descriptors counts n that came in, or, negative, that were closed.
func (g *gate) descriptors(n int) {
	g.init()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stray += n
	if g.stray > maxStray && !g.shut {
		g.shut = true
		close(g.tooMany)
	}
}
