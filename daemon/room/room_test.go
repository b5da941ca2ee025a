// SPDX-License-Identifier: GPL-2.0-or-later

package room_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/room"
)

// TestRoomAgainstAModel does anything that can happen and compares with the
// simplest thing that could be right: an ordered list of nicks.
func TestRoomAgainstAModel(t *testing.T) {
	nicks := rapid.SampledFrom([]string{"a", "b", "c", "d"})
	rapid.Check(t, func(t *rapid.T) {
		var r room.Room
		r.Nick = "a"
		var order []string
		var heard map[string]bool
		without := func(n string) { order = slices.DeleteFunc(order, func(o string) bool { return o == n }) }
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				n := nicks.Draw(t, "nick")
				known := slices.Contains(order, n)
				change := r.Set(room.Occupant{Nick: n, Role: pbnetwork.Role(rapid.IntRange(0, 3).Draw(t, "role"))})
				if (change == room.Entered) == known {
					t.Fatalf("%s known %v, change %v", n, known, change)
				}
				if !known {
					order = append(order, n)
				}
				if heard != nil {
					heard[n] = true
				}
			},
			"remove": func(t *rapid.T) {
				n := nicks.Draw(t, "nick")
				if _, was := r.Remove(n); was != slices.Contains(order, n) {
					t.Fatalf("removed %s: %v", n, was)
				}
				without(n)
			},
			"rename": func(t *rapid.T) {
				old, n := nicks.Draw(t, "old"), nicks.Draw(t, "new")
				_, ok := r.Rename(old, n)
				if ok != slices.Contains(order, old) {
					t.Fatalf("renamed %s: %v", old, ok)
				}
				if ok {
					if old != n {
						without(n)
						order[slices.Index(order, old)] = n
					}
					if heard != nil {
						heard[n] = true
					}
				}
			},
			"resync": func(t *rapid.T) { r.Resync(); heard = map[string]bool{} },
			"synced": func(t *rapid.T) {
				for _, o := range r.Synced() {
					if heard[o.Nick] || !slices.Contains(order, o.Nick) {
						t.Fatalf("%s removed", o.Nick)
					}
					without(o.Nick)
				}
				if heard != nil {
					for _, n := range order {
						if !heard[n] {
							t.Fatalf("%s not removed", n)
						}
					}
				}
				heard = nil
			},
			"": func(t *rapid.T) {
				want := slices.Clone(order)
				if i := slices.Index(want, r.Nick); i >= 0 {
					want = append(slices.Delete(want, i, i+1), r.Nick) // oneself last
				}
				var got []string
				for _, o := range r.Occupants() {
					got = append(got, o.Nick)
				}
				if !slices.Equal(got, want) || r.Len() != len(order) {
					t.Fatalf("occupants %v, want %v", got, want)
				}
			},
		})
	})
}

func TestHistoryIsBoundedAndCutAtTheOldEnd(t *testing.T) {
	var r room.Room
	for i := range 80 {
		r.Said(room.Message{Nick: "a", Text: fmt.Sprint(i), At: time.Unix(int64(i), 0)})
	}
	all := r.History(room.Everything)
	if len(all) != 50 || all[0].Text != "30" || all[49].Text != "79" {
		t.Errorf("%d kept, %q to %q", len(all), all[0].Text, all[len(all)-1].Text)
	}
	r.Said(room.Message{Text: strings.Repeat("x", 40<<10), At: time.Unix(100, 0)})
	if got := r.History(room.Everything); len(got) != 1 {
		t.Errorf("%d kept beside a huge one", len(got))
	}
}

func TestHistoryAsWanted(t *testing.T) {
	var r room.Room
	for i := range 5 {
		r.Said(room.Message{Text: "four", At: time.Unix(int64(i), 0)})
	}
	cases := []struct {
		w    room.Wanted
		want int
	}{
		{room.Everything, 5},
		{room.Wanted{}, 0},
		{room.Wanted{Stanzas: 2, Chars: -1}, 2},
		{room.Wanted{Stanzas: -1, Chars: 9}, 2},
		{room.Wanted{Stanzas: -1, Chars: -1, Since: time.Unix(3, 0)}, 2},
		{room.Wanted{Stanzas: 9, Chars: 99}, 5},
	}
	for _, c := range cases {
		if got := len(r.History(c.w)); got != c.want {
			t.Errorf("%+v gives %d, want %d", c.w, got, c.want)
		}
	}
}

func TestRepeatedHistoryIsKeptOnce(t *testing.T) {
	var r room.Room
	if !r.Said(room.Message{RemoteID: "1"}) || r.Said(room.Message{RemoteID: "1"}) || !r.Said(room.Message{}) || !r.Said(room.Message{}) {
		t.Error("the id does not decide")
	}
	if n := len(r.History(room.Everything)); n != 3 {
		t.Errorf("%d kept", n)
	}
}

func TestSubjectIsKnownOnceItWasSaid(t *testing.T) {
	var r room.Room
	if _, known := r.Subject(); known {
		t.Error("known before it was said")
	}
	r.SetSubject(room.Subject{})
	if s, known := r.Subject(); !known || s.Text != "" {
		t.Error("an empty subject is one too")
	}
}
