// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"cmp"
	"slices"
	"time"
)

// startsAtOnce bounds how many backends are starting at the same time.
const startsAtOnce = 4

// slot is what assignment knows of one backend. A higher number is a younger
// one.
type slot struct {
	number int
	ready  bool
	// closed: it takes nobody new (it was full once, is drained, or ends).
	closed bool
	users  int
	// used: it had a user.
	used bool
	// empty is since when it has been ready without users.
	empty time.Time
}

// rules are the keys that govern assignment.
type rules struct {
	limit int  // service.users_per_backend
	reuse bool // service.reuse_old_backends
	idle  time.Duration
}

// room is how many more users s takes, or will take once it is ready.
func (r rules) room(s slot) int {
	if s.closed {
		return 0
	}
	return max(0, r.limit-s.users)
}

// reserve is how much room is to be kept for users who are still to come: a
// tenth of a backend, at least one user.
func (r rules) reserve() int { return max(1, r.limit/10) }

// choose picks the backend for a new user: the youngest ready one with room;
// its index, or -1.
func (r rules) choose(slots []slot) int {
	best := -1
	for i, s := range slots {
		if s.ready && r.room(s) > 0 && (best < 0 || s.number > slots[best].number) {
			best = i
		}
	}
	return best
}

// took is s with one user more.
func (r rules) took(s slot) slot {
	s.users++
	s.used = true
	if s.users >= r.limit && (!r.reuse || r.limit == 1) {
		s.closed = true
	}
	return s
}

// left is s with one user less.
func (r rules) left(s slot, now time.Time) slot {
	s.users--
	s.empty = now
	return s
}

// starts is how many backends have to be started for those who wait and the
// reserve.
func (r rules) starts(slots []slot, waiting int) int {
	room, starting := 0, 0
	for _, s := range slots {
		room += r.room(s)
		if !s.ready && !s.closed {
			starting++
		}
	}
	missing := waiting + r.reserve() - room
	if missing <= 0 {
		return 0
	}
	need := (missing + r.limit - 1) / r.limit
	return max(0, min(need, startsAtOnce-starting))
}

// surplus names the backends that are to end: empty ones that take nobody new,
// at once, and empty ones that the reserve does not need, oldest first, after
// a while. next is when there may be more, 0 for not before something happens.
func (r rules) surplus(slots []slot, waiting int, now time.Time) (end []int, next time.Duration) {
	room := 0
	for _, s := range slots {
		room += r.room(s)
	}
	byAge := slices.SortedFunc(slices.Values(slots), func(a, b slot) int { return cmp.Compare(a.number, b.number) })
	for _, s := range byAge {
		switch {
		case s.users > 0:
		case s.closed:
			end = append(end, s.number)
		case s.ready && room-r.room(s) >= waiting+r.reserve():
			if rest := s.empty.Add(r.idle).Sub(now); rest > 0 {
				if next == 0 || rest < next {
					next = rest
				}
				continue
			}
			end = append(end, s.number)
			room -= r.room(s)
		}
	}
	return end, next
}
