// SPDX-License-Identifier: GPL-2.0-or-later

// Package carbons is message carbons (XEP-0280): the copies that a user's other
// clients get of what one of them received or sent, and which messages are
// copied. It keeps no clients.
package carbons

import (
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/forward"
)

// Namespaces. NS is the feature; NSRules is the feature that says that the
// rules of XEP-0280 §6.1 are followed.
const (
	NS      = "urn:xmpp:carbons:2"
	NSRules = "urn:xmpp:carbons:rules:0"
)

// Directions of a copy.
const (
	Received = "received"
	Sent     = "sent"
)

// Copy is the message that brings one client the copy of st. user is the
// account's bare JID, which alone may send copies, to the client's full JID.
func Copy(direction, user, to string, st *xmpp.Element) *xmpp.Element {
	m := xmpp.New(xmpp.NSClient, "message")
	m.Attrs = []xmpp.Attr{{Name: "from", Value: user}, {Name: "to", Value: to}}
	if t := st.Get("type"); t != "" {
		m.Attrs = append(m.Attrs, xmpp.Attr{Name: "type", Value: t})
	}
	return m.Add(xmpp.New(NS, direction).Add(forward.Element(st, time.Time{})))
}

// Of is the message that a copy carries and its direction; nil if st is none.
// Whether its sender may send copies is for the caller to see.
func Of(st *xmpp.Element) (message *xmpp.Element, direction string) {
	for _, d := range [...]string{Received, Sent} {
		if c := st.Child(NS, d); c != nil {
			m, _ := forward.Of(c)
			return m, d
		}
	}
	return nil, ""
}
