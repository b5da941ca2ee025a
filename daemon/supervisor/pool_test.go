// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestYoungestReadyBackendWithRoomIsChosen(t *testing.T) {
	r := rules{limit: 2, reuse: true}
	slots := []slot{
		{number: 1, ready: true}, {number: 2, ready: true, users: 1}, {number: 3, ready: true, users: 2},
		{number: 4, ready: true, closed: true}, {number: 5},
	}
	if i := r.choose(slots); i != 1 {
		t.Errorf("slot %d is chosen", i)
	}
	slots[1] = r.took(slots[1])
	if i := r.choose(slots); i != 0 {
		t.Errorf("slot %d is chosen when 2 is full", i)
	}
	slots[0].closed = true
	if i := r.choose(slots); i != -1 {
		t.Errorf("slot %d is chosen when there is no room", i)
	}
}

func TestFullBackendIsNotReusedWithoutReuse(t *testing.T) {
	for _, tt := range []struct {
		rules rules
		again bool
	}{{rules{limit: 2, reuse: true}, true}, {rules{limit: 2}, false}, {rules{limit: 1, reuse: true}, false}} {
		s := slot{number: 1, ready: true}
		for range tt.rules.limit {
			s = tt.rules.took(s)
		}
		s = tt.rules.left(s, time.Time{})
		if got := tt.rules.choose([]slot{s}) == 0; got != tt.again {
			t.Errorf("%+v: taken again: %v", tt.rules, got)
		}
	}
}

func TestSpareIsStartedWhenTheCurrentIsNearlyFull(t *testing.T) {
	r := rules{limit: 100, reuse: true}
	for _, tt := range []struct {
		slots   []slot
		waiting int
		want    int
	}{
		{nil, 0, 1},
		{nil, 250, 3},
		{nil, 2500, startsAtOnce},
		{[]slot{{number: 1, ready: true, users: 90}}, 0, 0},
		{[]slot{{number: 1, ready: true, users: 91}}, 0, 1},
		{[]slot{{number: 1, ready: true, users: 91}, {number: 2}}, 0, 0},
		{[]slot{{number: 1, ready: true, users: 10, closed: true}}, 0, 1},
		{[]slot{{number: 1}, {number: 2}, {number: 3}, {number: 4}}, 900, 0},
	} {
		if got := r.starts(tt.slots, tt.waiting); got != tt.want {
			t.Errorf("%+v, %d waiting: %d are started, not %d", tt.slots, tt.waiting, got, tt.want)
		}
	}
	if got := (rules{limit: 1}).starts([]slot{{ready: true, users: 1, closed: true}}, 0); got != 1 {
		t.Errorf("with one user a backend %d spares are started", got)
	}
}

func TestEmptyBackendsEnd(t *testing.T) {
	now := time.Now()
	r := rules{limit: 10, reuse: true, idle: time.Minute}
	old, fresh := now.Add(-time.Hour), now.Add(-time.Second)
	slots := []slot{
		{number: 1, ready: true, closed: true, empty: fresh}, // at once
		{number: 2, ready: true, empty: fresh},               // later
		{number: 3, ready: true, empty: old},                 // now
		{number: 4, ready: true, users: 3, empty: old},
		{number: 5, ready: true, closed: true, users: 1},
		{number: 6}, // still starting
	}
	end, next := r.surplus(slots, 0, now)
	if !slices.Equal(end, []int{1, 3}) || next != 59*time.Second {
		t.Errorf("%v end, next in %v", end, next)
	}
	if end, _ := r.surplus([]slot{{number: 1, ready: true, empty: old}}, 0, now); len(end) != 0 {
		t.Error("the last spare ends")
	}
}

// Whatever happens, a backend never has more users than allowed, one that is
// closed gets nobody, and what is started or ended leaves the reserve alone.
func TestAssignmentKeepsItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rules{limit: rapid.IntRange(1, 12).Draw(t, "limit"), reuse: rapid.Bool().Draw(t, "reuse")}
		var slots []slot
		number, waiting := 0, 0
		now := time.Unix(0, 0)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				waiting++
			case 1:
				for i := range slots {
					slots[i].ready = true
				}
			case 2:
				if i := slices.IndexFunc(slots, func(s slot) bool { return s.users > 0 }); i >= 0 {
					slots[i] = r.left(slots[i], now)
				}
			}
			for waiting > 0 {
				i := r.choose(slots)
				if i < 0 {
					break
				}
				if slots[i].closed || !slots[i].ready {
					t.Fatalf("%+v is chosen", slots[i])
				}
				if slots[i] = r.took(slots[i]); slots[i].users > r.limit {
					t.Fatalf("%+v is too full", slots[i])
				}
				waiting--
			}
			end, _ := r.surplus(slots, waiting, now)
			slots = slices.DeleteFunc(slots, func(s slot) bool {
				gone := slices.Contains(end, s.number)
				if gone && s.users > 0 {
					t.Fatalf("%+v ends with users", s)
				}
				return gone
			})
			starting := 0
			for n := r.starts(slots, waiting); n > 0; n-- {
				number++
				slots = append(slots, slot{number: number})
			}
			for _, s := range slots {
				if !s.ready {
					starting++
				}
			}
			if starting > startsAtOnce {
				t.Fatalf("%d start at once", starting)
			}
			room := 0
			for _, s := range slots {
				room += r.room(s)
			}
			if starting < startsAtOnce && room < waiting+r.reserve() {
				t.Fatalf("room for %d, %d wait, %+v", room, waiting, slots)
			}
			if end, _ := r.surplus(slots, waiting, now); len(end) > 0 && r.starts(slots, waiting) > 0 {
				t.Fatalf("%v end while others are started", end)
			}
		}
	})
}
