// SPDX-License-Identifier: GPL-2.0-or-later

// Package room is one room of a legacy network as a user sees it: who is
// there, in which role, what the subject is, and what was said last. It is
// pure: it is told what happened and answers what changed; it knows nothing of
// stanzas or frames.
package room

import (
	"slices"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// Occupant is somebody in the room.
type Occupant struct {
	Nick        string
	Role        pbnetwork.Role
	Affiliation pbnetwork.Affiliation
	Status      pbnetwork.StatusType
	StatusText  string
	IconHash    string
	// Alias is what the room knows about who he really is, "" where nothing.
	Alias string
}

// Subject is the room's topic. By is the nick of who set it, "" where that is
// not known.
type Subject struct {
	Text string
	By   string
	At   time.Time
}

// Change says what an event did to the list of occupants.
type Change int

// The changes.
const (
	Unchanged Change = iota
	Entered
	Changed
)

// Room is the state of one room. The zero Room is empty and ready to use. It
// is not safe for concurrent use.
type Room struct {
	// Nick is the user's own.
	Nick string

	order     []string
	occupants map[string]Occupant
	seen      map[string]bool // during a resynchronisation
	subject   *Subject
	history   history
}

// Set says that o is there or is as o says.
func (r *Room) Set(o Occupant) Change {
	if r.seen != nil {
		r.seen[o.Nick] = true
	}
	was, here := r.occupants[o.Nick]
	if here && was == o {
		return Unchanged
	}
	if r.occupants == nil {
		r.occupants = make(map[string]Occupant)
	}
	r.occupants[o.Nick] = o
	if here {
		return Changed
	}
	r.order = append(r.order, o.Nick)
	return Entered
}

// Remove says that the occupant is gone and returns what he was last.
func (r *Room) Remove(nick string) (Occupant, bool) {
	o, here := r.occupants[nick]
	if !here {
		return o, false
	}
	delete(r.occupants, nick)
	r.order = slices.DeleteFunc(r.order, func(n string) bool { return n == nick })
	return o, true
}

// Rename says that an occupant has a new nick; he keeps his place. Somebody
// who had that nick already is replaced. It answers false if nobody is called
// old.
func (r *Room) Rename(old, nick string) (Occupant, bool) {
	o, here := r.occupants[old]
	if !here || nick == "" {
		return o, false
	}
	if nick != old {
		r.Remove(nick)
		delete(r.occupants, old)
		r.order[slices.Index(r.order, old)] = nick
	}
	o.Nick = nick
	r.occupants[nick] = o
	if r.seen != nil {
		r.seen[nick] = true
	}
	if r.Nick == old {
		r.Nick = nick
	}
	return o, true
}

// Occupant is who is called nick.
func (r *Room) Occupant(nick string) (Occupant, bool) {
	o, ok := r.occupants[nick]
	return o, ok
}

// Occupants are all in the order in which they came, the user himself last
// (XEP-0045 §7.2.2).
func (r *Room) Occupants() []Occupant {
	out := make([]Occupant, 0, len(r.order))
	for _, n := range r.order {
		if n != r.Nick {
			out = append(out, r.occupants[n])
		}
	}
	if me, ok := r.occupants[r.Nick]; ok {
		out = append(out, me)
	}
	return out
}

// Len is how many are in the room.
func (r *Room) Len() int { return len(r.order) }

// SetSubject keeps the subject; an empty text is a subject too.
func (r *Room) SetSubject(s Subject) { r.subject = &s }

// Subject is what was last set; false if nobody said yet.
func (r *Room) Subject() (Subject, bool) {
	if r.subject == nil {
		return Subject{}, false
	}
	return *r.subject, true
}

// Resync begins to compare: the network sends the whole list again, after a
// join that followed a lost connection. Everybody stays until Synced.
func (r *Room) Resync() { r.seen = make(map[string]bool, len(r.occupants)) }

// Syncing reports whether a Resync has not ended yet.
func (r *Room) Syncing() bool { return r.seen != nil }

// Synced ends the comparison and removes and returns those of whom nothing was
// heard since Resync, in order. Without a Resync nobody is.
func (r *Room) Synced() []Occupant {
	if r.seen == nil {
		return nil
	}
	seen := r.seen
	r.seen = nil
	var gone []Occupant
	for _, n := range slices.Clone(r.order) {
		if !seen[n] {
			o, _ := r.Remove(n)
			gone = append(gone, o)
		}
	}
	return gone
}
