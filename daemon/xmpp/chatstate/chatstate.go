// SPDX-License-Identifier: GPL-2.0-or-later

// Package chatstate is chat state notifications (XEP-0085).
package chatstate

import "spectrum.im/spectrum2/daemon/xmpp"

// NS is the namespace and the feature.
const NS = "http://jabber.org/protocol/chatstates"

// The states.
const (
	Active    = "active"
	Composing = "composing"
	Paused    = "paused"
	Inactive  = "inactive"
	Gone      = "gone"
)

// Element is the element of a state.
func Element(state string) *xmpp.Element { return xmpp.New(NS, state) }

// Of is the state that a message carries, "" for none and for unknown ones.
func Of(message *xmpp.Element) string {
	c := message.Child(NS, "")
	if c == nil {
		return ""
	}
	switch c.Name {
	case Active, Composing, Paused, Inactive, Gone:
		return c.Name
	}
	return ""
}
