// SPDX-License-Identifier: GPL-2.0-or-later

package muc

import (
	"strconv"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/delay"
)

// Join is <x/> in NS of a presence that enters a room (XEP-0045 §7.2).
type Join struct {
	Password string
	History  History
}

// History is how much of the past the user wants (XEP-0045 §7.2.13). The
// fields are -1, and Since zero, where he did not say.
type History struct {
	MaxChars, MaxStanzas, Seconds int
	Since                         time.Time
}

// AllHistory asks for whatever the room gives.
func AllHistory() History { return History{MaxChars: -1, MaxStanzas: -1, Seconds: -1} }

// JoinOf reads the <x/> of a presence; nil if the presence is no join but an
// occupant's or that of a client that lost its place in the room.
func JoinOf(presence *xmpp.Element) *Join {
	x := presence.Child(NS, "x")
	if x == nil {
		return nil
	}
	j := &Join{Password: x.ChildText(NS, "password"), History: AllHistory()}
	h := x.Child(NS, "history")
	for name, field := range map[string]*int{
		"maxchars": &j.History.MaxChars, "maxstanzas": &j.History.MaxStanzas, "seconds": &j.History.Seconds,
	} {
		if n, err := strconv.ParseUint(h.Get(name), 10, 31); err == nil {
			*field = int(n)
		}
	}
	if t, err := delay.ParseStamp(h.Get("since")); err == nil {
		j.History.Since = t
	}
	return j
}

// From is the time before which the user wants nothing, seen at now; zero
// where he set none.
func (h History) From(now time.Time) time.Time {
	t := h.Since
	if h.Seconds >= 0 {
		if s := now.Add(-time.Duration(h.Seconds) * time.Second); s.After(t) {
			t = s
		}
	}
	return t
}

// Element is <x/> of a join.
func (j Join) Element() *xmpp.Element {
	x := xmpp.New(NS, "x")
	if j.Password != "" {
		x.Add(xmpp.NewText(NS, "password", j.Password))
	}
	h := xmpp.New(NS, "history")
	for _, f := range [...]struct {
		name  string
		value int
	}{{"maxchars", j.History.MaxChars}, {"maxstanzas", j.History.MaxStanzas}, {"seconds", j.History.Seconds}} {
		if f.value >= 0 {
			h.Set(f.name, strconv.Itoa(f.value))
		}
	}
	if !j.History.Since.IsZero() {
		h.Set("since", delay.Stamp(j.History.Since))
	}
	if len(h.Attrs) > 0 {
		x.Add(h)
	}
	return x
}
