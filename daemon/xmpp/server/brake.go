// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"net/netip"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// An address may be wrong freeFailures times; then each attempt comes a delay
// after the one before, which doubles with each failure up to maxDelay. Every
// forgiveAfter takes one failure back. An attempt that would have to wait for
// longer than maxWait is refused at once.
const (
	freeFailures = 3
	firstDelay   = time.Second
	maxDelay     = time.Minute
	maxWait      = 20 * time.Second
	forgiveAfter = 2 * time.Minute

	brakedAddresses = 8192 // the least recent are forgotten
)

// brake slows down addresses that guess passwords. A good password does not
// release it: one account of his own would let an attacker go on.
type brake struct {
	mu     sync.Mutex
	guests *lru.Cache[netip.Prefix, *guest]
}

type guest struct {
	failures int
	since    time.Time // of the failures, less what was taken back
	next     time.Time // when the next attempt may come
}

func newBrake() *brake {
	c, err := lru.New[netip.Prefix, *guest](brakedAddresses)
	if err != nil {
		panic(err) // the size is a constant above zero
	}
	return &brake{guests: c}
}

// attempt takes the address's next turn: how long to wait for it. false means
// that it is too far away.
func (b *brake) attempt(a netip.Addr, now time.Time) (time.Duration, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g, ok := b.guests.Get(neighbourhood(a))
	if !ok {
		return 0, true
	}
	g.forgive(now)
	delay := g.delay()
	if delay == 0 {
		return 0, true
	}
	turn := g.next
	if turn.Before(now) {
		turn = now
	}
	wait := turn.Sub(now)
	if wait > maxWait {
		return wait, false
	}
	g.next = turn.Add(delay)
	return wait, true
}

// failed counts a wrong password.
func (b *brake) failed(a netip.Addr, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := neighbourhood(a)
	g, ok := b.guests.Get(key)
	if !ok {
		g = &guest{since: now}
		b.guests.Add(key, g)
	}
	g.forgive(now)
	g.failures++
	if next := now.Add(g.delay()); g.next.Before(next) {
		g.next = next
	}
}

func (g *guest) forgive(now time.Time) {
	n := int(now.Sub(g.since) / forgiveAfter)
	g.since = g.since.Add(time.Duration(n) * forgiveAfter)
	g.failures = max(0, g.failures-n)
}

// delay is the time between two attempts.
func (g *guest) delay() time.Duration {
	n := g.failures - freeFailures
	switch {
	case n < 0:
		return 0
	case n > 6:
		return maxDelay
	}
	return min(firstDelay<<n, maxDelay)
}
