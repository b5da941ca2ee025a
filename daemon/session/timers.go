// SPDX-License-Identifier: GPL-2.0-or-later

package session

import "time"

// timers are the session's deadlines. They belong to its goroutine: a stopped
// timer never fires, not even when it was due already.
type timers struct {
	pending []*timer
	clock   *time.Timer
}

// timer is one deadline and what happens then.
type timer struct {
	at time.Time
	ev event
}

func newTimers() *timers {
	c := time.NewTimer(time.Hour)
	c.Stop()
	return &timers{clock: c}
}

// after lets ev happen in d.
func (t *timers) after(d time.Duration, ev event) *timer {
	n := &timer{at: time.Now().Add(d), ev: ev}
	t.pending = append(t.pending, n)
	t.arm()
	return n
}

// stop forgets n, which may be nil or have fired.
func (t *timers) stop(n *timer) {
	for i, p := range t.pending {
		if p == n {
			t.pending = append(t.pending[:i], t.pending[i+1:]...)
			return
		}
	}
}

// due removes and returns the earliest event whose time has come, nil if there
// is none, and sets the clock for the next.
func (t *timers) due() event {
	first := t.first()
	if first == nil {
		return nil
	}
	if time.Until(first.at) > 0 {
		t.arm()
		return nil
	}
	t.stop(first)
	return first.ev
}

func (t *timers) first() *timer {
	var first *timer
	for _, p := range t.pending {
		if first == nil || p.at.Before(first.at) {
			first = p
		}
	}
	return first
}

func (t *timers) arm() {
	if first := t.first(); first != nil {
		t.clock.Reset(max(0, time.Until(first.at)))
	}
}
