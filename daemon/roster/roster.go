// SPDX-License-Identifier: GPL-2.0-or-later

// Package roster is the arithmetic of contact lists: contacts with their
// groups and subscriptions, what an update makes of one, and the difference
// between two lists. It is pure: it knows nothing of stanzas, frames or
// databases.
package roster

import (
	"slices"
	"strings"
)

// Subscription is the state of a contact's entry in the user's XMPP roster, in
// the words that existing databases use.
type Subscription string

// The subscriptions. Ask: the user was asked and has not answered. None: he
// does not want the contact in his roster.
const (
	Ask  Subscription = "ask"
	Both Subscription = "both"
	To   Subscription = "to"
	From Subscription = "from"
	None Subscription = "none"
)

// Known reads a stored subscription; what no version ever wrote counts as ask.
func Known(s string) Subscription {
	switch k := Subscription(s); k {
	case Both, To, From, None:
		return k
	}
	return Ask
}

// Visible reports whether the user gets the contact's presence.
func (s Subscription) Visible() bool { return s != None }

// Auth says whether the user may see a contact's presence, on networks where
// people have to allow that.
type Auth uint8

// Allowed, which is every contact of a network that asks nobody; Asked: the
// contact has not answered; Denied: he refused.
const (
	Allowed Auth = iota
	Asked
	Denied
)

// Contact is an entry of a contact list, without presence. Groups are sorted
// and without duplicates (Groups).
type Contact struct {
	// Name on the legacy network; identifies the contact.
	Name         string
	Alias        string
	Groups       []string
	Subscription Subscription
	IconHash     string
	Blocked      bool
	Auth         Auth
}

// Update is what a network says about a contact. Empty Alias and Groups mean
// "unchanged"; a nil pointer too.
type Update struct {
	Alias    string
	Groups   []string
	IconHash *string
	Blocked  *bool
	Auth     *Auth
}

// Merge is c after u.
func (c Contact) Merge(u Update) Contact {
	if u.Alias != "" {
		c.Alias = u.Alias
	}
	if g := Groups(u.Groups); len(g) > 0 {
		c.Groups = g
	}
	if u.IconHash != nil {
		c.IconHash = *u.IconHash
	}
	if u.Blocked != nil {
		c.Blocked = *u.Blocked
	}
	if u.Auth != nil {
		c.Auth = *u.Auth
	}
	return c
}

// Equal reports whether two contacts are the same in everything.
func (c Contact) Equal(d Contact) bool {
	return c.Name == d.Name && c.Alias == d.Alias && slices.Equal(c.Groups, d.Groups) &&
		c.Subscription == d.Subscription && c.IconHash == d.IconHash && c.Blocked == d.Blocked &&
		c.Auth == d.Auth
}

// SameItem reports whether both look the same in a roster that the user keeps:
// in name and groups.
func (c Contact) SameItem(d Contact) bool {
	return c.Alias == d.Alias && slices.Equal(c.Groups, d.Groups)
}

// Groups is the normal form of a list of groups: sorted, each once, without
// empty ones and without the newlines that existing tables use to join them.
func Groups(groups []string) []string {
	var out []string
	for _, g := range groups {
		g = strings.TrimSpace(strings.ReplaceAll(g, "\n", " "))
		if g != "" {
			out = append(out, g)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
