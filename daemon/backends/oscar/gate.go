// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/mk6i/open-oscar-server/wire"
)

// loginGate lets logins through one after the other, with a gap, for as long
// as the server complains about too many from one address. Users with
// addresses of their own do not wait for each other.
type loginGate struct {
	mu sync.Mutex
	// next is when the next login from an address may begin, until is how long
	// the server's complaint counts.
	closed map[netip.Addr]*gap
}

type gap struct{ next, until time.Time }

// refused notes a complaint.
func (g *loginGate) refused(err error, s *session) {
	var e *loginError
	if !errors.As(err, &e) || !isTooMany(e.code) {
		return
	}
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed == nil {
		g.closed = make(map[netip.Addr]*gap)
	}
	for a, c := range g.closed {
		if now.After(c.until) && now.After(c.next) {
			delete(g.closed, a)
		}
	}
	from := sourceOf(s.network.settings.bind, s.name)
	c := g.closed[from]
	if c == nil {
		c = &gap{}
		g.closed[from] = c
	}
	c.until = now.Add(10 * tooMany)
	if next := now.Add(tooMany); c.next.Before(next) {
		c.next = next
	}
}

// isTooMany reports whether a login error means that logins come too fast.
func isTooMany(code uint16) bool { return code == wire.LoginErrRateLimitExceeded || code == 0x18 }

// maxGate is how long a login may stand in line; a later one is a failure that
// the main process repeats.
const maxGate = 45 * time.Second

// wait waits for the turn of s.
func (g *loginGate) wait(ctx context.Context, s *session) error {
	d := g.turn(time.Now(), sourceOf(s.network.settings.bind, s.name))
	if d == 0 {
		return nil
	}
	if d > maxGate {
		return &loginError{wire.LoginErrRateLimitExceeded}
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// turn is how long a login from that address has to wait. One that can wait
// takes its place.
func (g *loginGate) turn(now time.Time, from netip.Addr) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.closed[from]
	if c == nil || now.After(c.until) {
		return 0
	}
	d := max(0, c.next.Sub(now))
	if d <= maxGate {
		c.next = now.Add(d + tooMany)
	}
	return d
}
