// SPDX-License-Identifier: GPL-2.0-or-later

package mam

import (
	"errors"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// Defaults of Prefs.
const (
	Always = "always"
	Never  = "never"
	Roster = "roster"
)

// Prefs say what a user wants to have archived (XEP-0441).
type Prefs struct {
	// Default is Always, Never or Roster.
	Default string
	// Always and Never are bare JIDs, as they were written.
	Always, Never []string
}

// Element is <prefs/>.
func (p Prefs) Element() *xmpp.Element {
	return xmpp.New(NS, "prefs").Set("default", p.Default).Add(addresses("always", p.Always), addresses("never", p.Never))
}

func addresses(name string, jids []string) *xmpp.Element {
	e := xmpp.New(NS, name)
	for _, j := range jids {
		e.Add(xmpp.NewText(NS, "jid", j))
	}
	return e
}

// ParsePrefs reads <prefs/>.
func ParsePrefs(e *xmpp.Element) (Prefs, error) {
	p := Prefs{Default: e.Get("default")}
	if p.Default != Always && p.Default != Never && p.Default != Roster {
		return p, errors.New("default is always, never or roster")
	}
	p.Always, p.Never = addressesOf(e.Child(NS, "always")), addressesOf(e.Child(NS, "never"))
	return p, nil
}

func addressesOf(e *xmpp.Element) []string {
	var jids []string
	for c := range e.Children() {
		if c.Is(NS, "jid") {
			jids = append(jids, c.Text())
		}
	}
	return jids
}
