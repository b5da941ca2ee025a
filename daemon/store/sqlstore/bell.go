// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Bell is how one node makes another look at the database now instead of a
// little later. Rings may be lost: whoever waits for one looks anyway.
type Bell interface {
	// Listen calls ready when it hears, and heard with the name of each node
	// that is rung for, until the connection or ctx ends.
	Listen(ctx context.Context, ready func(), heard func(name string)) error
	// Ring is the statement that rings for a node.
	Ring(name string) (query string, args []any)
}

// everybody is the name to ring for when nodes come and go.
const everybody = ""

// bell is whom to ring for; many rings for one node are one.
type bell struct {
	mu    sync.Mutex
	names []string
}

// ring rings soon. It never waits.
func (n *node) ring(name string) {
	if n.d.o.Bell == nil {
		return
	}
	n.bell.mu.Lock()
	if !slices.Contains(n.bell.names, name) {
		n.bell.names = append(n.bell.names, name)
	}
	n.bell.mu.Unlock()
	n.wake()
}

func (n *node) ringNow(ctx context.Context) {
	n.bell.mu.Lock()
	names := n.bell.names
	n.bell.names = nil
	n.bell.mu.Unlock()
	for _, name := range names {
		query, args := n.d.o.Bell.Ring(name)
		if _, err := n.d.reserve.ExecContext(ctx, query, args...); err != nil && ctx.Err() == nil {
			n.d.log.Debug("bell not rung", "for", name, "err", err)
		}
	}
}

// wake makes watch look now.
func (n *node) wake() {
	select {
	case n.waked <- struct{}{}:
	default: // it will anyway
	}
}

// Between two connections of the bell.
const (
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 5 * time.Second
)

// listen hears the bell as long as the server lets it.
func (n *node) listen(ctx context.Context) {
	wait, failed := firstBackoff, false
	for ctx.Err() == nil {
		err := n.d.o.Bell.Listen(ctx, func() {
			wait, failed = firstBackoff, false
			n.listening.Store(true)
			n.others.Store(true)
			n.wake() // for what was missed
		}, n.heard)
		n.listening.Store(false)
		n.wake()
		if !failed && ctx.Err() == nil {
			level := slog.LevelInfo
			if !n.d.o.Member { // there are none
				level = slog.LevelDebug
			}
			n.d.log.Log(ctx, level, "not listening to other nodes; looking every second", "node", n.d.o.Node, "err", err)
		}
		failed = true
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		wait = min(2*wait, lastBackoff)
	}
}

func (n *node) heard(name string) {
	if name == everybody {
		n.others.Store(true)
	}
	if name == everybody || name == n.d.o.Node {
		n.wake()
	}
}
