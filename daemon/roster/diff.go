// SPDX-License-Identifier: GPL-2.0-or-later

package roster

import (
	"cmp"
	"slices"
)

// Kind says what a Change does.
type Kind int

// The kinds of changes.
const (
	Add Kind = iota
	Modify
	Remove
)

func (k Kind) String() string {
	switch k {
	case Add:
		return "add"
	case Modify:
		return "modify"
	}
	return "delete"
}

// Change is one difference between two lists. Contact is the new state, for
// Remove the last one.
type Change struct {
	Kind    Kind
	Contact Contact
}

// Diff returns what turns have into want, by name: removals first, then
// additions and modifications. Each list has a name at most once. Nothing is
// returned for contacts that are equal, so an unchanged list costs nobody a
// stanza.
func Diff(have, want []Contact) []Change {
	old := make(map[string]Contact, len(have))
	for _, c := range have {
		old[c.Name] = c
	}
	var changes []Change
	for _, c := range want {
		was, known := old[c.Name]
		delete(old, c.Name)
		switch {
		case !known:
			changes = append(changes, Change{Add, c})
		case !was.Equal(c):
			changes = append(changes, Change{Modify, c})
		}
	}
	for _, c := range old {
		changes = append(changes, Change{Remove, c})
	}
	slices.SortFunc(changes, func(a, b Change) int {
		if x, y := a.Kind == Remove, b.Kind == Remove; x != y {
			if x {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Contact.Name, b.Contact.Name)
	})
	return changes
}

// Apply carries changes out and returns the list, by name. have is not
// changed.
func Apply(have []Contact, changes []Change) []Contact {
	list := make(map[string]Contact, len(have))
	for _, c := range have {
		list[c.Name] = c
	}
	for _, ch := range changes {
		if ch.Kind == Remove {
			delete(list, ch.Contact.Name)
		} else {
			list[ch.Contact.Name] = ch.Contact
		}
	}
	out := make([]Contact, 0, len(list))
	for _, c := range list {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Contact) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
