// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"context"
	"sync"
	"time"
)

// Bounds of the calls that wait for the network's answer.
const (
	maxLookups    = 4
	lookupTimeout = 60 * time.Second
)

// lookups are one session's calls that ask the network something, vCards and
// commands: they begin in order, a few at a time, and do not hold up the calls
// that come after them.
type lookups struct {
	mu      sync.Mutex
	running int
	waiting []call
	closed  bool
}

// lookup runs c now or when one of those before it is done.
func (s *seat) lookup(session Session, c call) {
	now, reason := s.asked.add(c)
	switch {
	case reason != "":
		c.refuse(reason)
	case now:
		s.user.Go(func() { s.work(session, c) })
	}
}

// add reports whether c is to be run at once; reason is why it cannot be.
func (l *lookups) add(c call) (now bool, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return false, notLoggedIn
	case l.running < maxLookups:
		l.running++
		return true, ""
	case len(l.waiting) >= maxCalls:
		return false, textBusy
	}
	l.waiting = append(l.waiting, c)
	return false, ""
}

// work runs c, then what waits.
func (s *seat) work(session Session, c call) {
	for ok := true; ok; c, ok = s.asked.next() {
		ctx, cancel := context.WithTimeout(s.ctx, lookupTimeout)
		c.run(ctx, session)
		cancel()
	}
}

func (l *lookups) next() (call, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		l.running--
		return call{}, false
	}
	c := l.waiting[0]
	l.waiting = l.waiting[1:]
	return c, true
}

// close takes what waits and lets nothing more in.
func (l *lookups) close() []call {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := l.waiting
	l.waiting, l.closed = nil, true
	return left
}
