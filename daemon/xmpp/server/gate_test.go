// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"net"
	"net/netip"
	"sync"
	"testing"
)

// mute is a connection that is there and nothing more.
type mute struct{ net.Conn }

func (mute) Close() error { return nil }

// TestConnectionsThatCameTogetherMadePlaceOnce: those that came at once all had
// the same oldest one make place for them, so that there were more and more of
// them that had not logged in.
func TestConnectionsThatCameTogetherMadePlaceOnce(t *testing.T) {
	const limit, workers, more = 10, 16, 500
	g := newGate(func() *Limits { return &Limits{HalfOpen: limit} })
	enter := func(n int) {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, byte(n >> 8), byte(n)}), 1)
		if refused := g.enter(newLink(g, mute{}, addr)); refused != "" {
			t.Errorf("connection %d was refused: %s", n, refused)
		}
	}
	for n := range limit {
		enter(n)
	}
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for n := range more {
				enter(limit + w*more + n)
			}
		})
	}
	all.Wait()
	if got, half := len(g.all()), g.half.Len(); got != limit || half != limit {
		t.Errorf("%d connections, %d of them half-open; want %d", got, half, limit)
	}
}
