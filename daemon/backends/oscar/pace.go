// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mk6i/open-oscar-server/wire"
)

// A server puts each kind of SNAC into a rate class, and keeps for each class
// a moving average of the milliseconds between SNACs:
//
//	level = (level*(window-1) + elapsed) / window, at most max
//
// Below limit it drops SNACs without a word until the level is above clear
// again; below disconnect it ends the session. We compute the same and hold
// back what would come near the limit.

// maxQueued is how many SNACs of a class may wait.
const maxQueued = 100

// Bounds of what a server may ask for, so that its numbers cannot overflow or
// silence a user for good.
const (
	maxWindow = 1000
	maxLevel  = 60_000
)

// errBusy: so much waits already that nothing more is taken.
var errBusy = errors.New("you send faster than the network allows; wait a little")

// class is a rate class.
type class struct {
	window, clear, alert, limit, max int64
	level                            int64
	last                             time.Time
	// limited: the server said that it drops.
	limited bool
	queue   []item
}

// item is a SNAC that waits for its turn.
type item struct {
	link *link
	kind kind
	snac []byte
	// sent gets the time when the SNAC goes out; may be nil.
	sent *atomic.Int64
}

// send writes the item to its link.
func (it item) send() error {
	if it.sent != nil {
		it.sent.Store(time.Now().UnixNano())
	}
	return it.link.write(wire.FLAPFrameData, it.snac)
}

// classMap says which class a kind of SNAC is in. It is shared by all users
// whose server says the same.
type classMap map[kind]uint16

// limiter keeps one user within his server's rate limits.
type limiter struct {
	// done ends with the connection that the limits are about; run starts a
	// goroutine of the user's.
	done <-chan struct{}
	run  func(func())

	mu      sync.Mutex
	classes map[uint16]*class
	of      classMap
	working bool
	paused  bool
	lifted  bool
	wake    chan struct{}
}

// submit sends a SNAC now or when the limits allow it, in order within its
// class. It returns how long that will take, about.
func (r *limiter) submit(it item) (time.Duration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.classes[r.of[it.kind]]
	if c == nil {
		return 0, it.send()
	}
	now := time.Now()
	if len(c.queue) == 0 && !r.paused && (r.lifted || c.wait(now) == 0) {
		c.spend(now)
		return 0, it.send()
	}
	if len(c.queue) >= maxQueued {
		return 0, errBusy
	}
	c.queue = append(c.queue, it)
	if !r.working {
		r.working = true
		r.wake = make(chan struct{}, 1)
		r.run(r.work)
	}
	return c.estimate(now), nil
}

// work sends what waits when its turn comes, and ends when nothing does.
func (r *limiter) work() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-r.wake:
		case <-r.done:
			r.abandon()
			return
		}
		next, more := r.flush(time.Now())
		if !more {
			return
		}
		timer.Reset(next)
	}
}

// flush sends what is due and says when the next SNAC is.
func (r *limiter) flush(now time.Time) (next time.Duration, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next = time.Minute
	for _, c := range r.classes {
		for len(c.queue) > 0 && !r.paused && (r.lifted || c.wait(now) == 0) {
			it := c.queue[0]
			c.queue[0] = item{}
			if c.queue = c.queue[1:]; len(c.queue) == 0 {
				c.queue = nil
			}
			c.spend(now)
			_ = it.send() // the link's end says more
		}
		if len(c.queue) > 0 {
			more = true
			if !r.paused {
				next = min(next, c.wait(now))
			}
		}
	}
	r.working = more
	return next, more
}

// abandon drops what waits.
func (r *limiter) abandon() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.classes {
		c.queue = nil
	}
	r.working = false
}

// set takes over the classes of a rate reply.
func (r *limiter) set(now time.Time, params []wire.RateParamsSNAC, of classMap) {
	r.mu.Lock()
	defer r.mu.Unlock()
	classes := make(map[uint16]*class, len(params))
	for _, p := range params {
		c := r.classes[p.ID]
		if c == nil {
			c = &class{}
		}
		c.set(p, now)
		classes[p.ID] = c
	}
	r.classes, r.of = classes, of
}

// change takes over what the server says about one class: new parameters, and
// whether it drops SNACs.
func (r *limiter) change(now time.Time, code uint16, p wire.RateParamsSNAC) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.classes[p.ID]
	if c == nil {
		return
	}
	c.set(p, now)
	switch code {
	case rateLimited:
		c.limited = true
	case rateClear, rateWarning:
		c.limited = false
	}
	r.wakeLocked()
}

// wakeLocked has the worker look again, if there is one.
func (r *limiter) wakeLocked() {
	if r.working {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// pause holds everything back, or goes on.
func (r *limiter) pause(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paused = on
	r.wakeLocked()
}

// lift ends all limits.
func (r *limiter) lift() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lifted = true
	r.wakeLocked()
}

// withdraw takes what waits, for another connection to send.
func (r *limiter) withdraw() []item {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []item
	for _, c := range r.classes {
		all = append(all, c.queue...)
		c.queue = nil
	}
	return all
}

// The codes of a rate change.
const (
	rateWarning = 2
	rateLimited = 3
	rateClear   = 4
)

func (c *class) set(p wire.RateParamsSNAC, now time.Time) {
	bound := func(v uint32, most int64) int64 { return min(int64(v), most) }
	c.window = bound(p.WindowSize, maxWindow)
	c.clear, c.alert = bound(p.ClearLevel, maxLevel), bound(p.AlertLevel, maxLevel)
	c.limit, c.max = bound(p.LimitLevel, maxLevel), bound(p.MaxLevel, maxLevel)
	c.level, c.last = bound(p.CurrentLevel, maxLevel), now
}

// floor is the level that the next SNAC must not go below: a little above the
// limit, for the network makes some SNACs arrive closer together than they
// were sent.
func (c *class) floor() int64 {
	if c.limited {
		return min(c.clear+(c.clear-c.alert)/2+1, c.max)
	}
	return min(c.limit+max(0, c.alert-c.limit)/10+10, c.max)
}

// wait is how long the next SNAC has to be held back.
func (c *class) wait(now time.Time) time.Duration {
	if c.window == 0 {
		return 0
	}
	needed := c.floor()*c.window - c.level*(c.window-1)
	return max(0, time.Duration(needed)*time.Millisecond-now.Sub(c.last))
}

// spend books a SNAC.
func (c *class) spend(now time.Time) {
	if c.window == 0 {
		return
	}
	elapsed := min(now.Sub(c.last).Milliseconds(), int64(maxWindow*maxLevel))
	c.level = min((c.level*(c.window-1)+elapsed)/c.window, c.max)
	c.last = now
	if c.limited && c.level >= c.clear {
		c.limited = false
	}
}

// estimate is how long the last in the queue has to wait, about: at the floor
// a class takes one SNAC in as many milliseconds as its level is.
func (c *class) estimate(now time.Time) time.Duration {
	return c.wait(now) + time.Duration(len(c.queue)-1)*time.Duration(c.floor())*time.Millisecond
}

// classMaps holds the last few maps that servers sent: those of one server's
// users are the same.
type classMaps struct {
	mu   sync.Mutex
	last []classMap
}

const keptMaps = 4

// share gives a map equal to m that others use too.
func (s *classMaps) share(m classMap) classMap {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.last {
		if maps.Equal(m, other) {
			return other
		}
	}
	s.last = append(s.last, m)
	if len(s.last) > keptMaps {
		s.last = s.last[1:]
	}
	return m
}
