// SPDX-License-Identifier: GPL-2.0-or-later

package carbons

import (
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/chatstate"
	"spectrum.im/spectrum2/daemon/xmpp/muc"
	"spectrum.im/spectrum2/daemon/xmpp/receipts"
)

const (
	nsHints   = "urn:xmpp:hints"          // XEP-0334
	nsMarkers = "urn:xmpp:chat-markers:0" // XEP-0333
)

// Eligible reports whether other clients get a copy of st (XEP-0280 §6.1).
// received: st came for the user; otherwise one of his clients sent it.
func Eligible(st *xmpp.Element, received bool) bool {
	if st.Name != "message" || Private(st) {
		return false
	}
	if m, _ := Of(st); m != nil {
		return false // a copy of a copy
	}
	typ := st.Get("type")
	if typ == "groupchat" || typ == "error" {
		// To tell whether an error answers a message that was copied takes
		// tracking, which the XEP leaves to the server.
		return false
	}
	if x := st.Child(muc.NSUser, "x"); x != nil {
		if x.Child(muc.NSUser, "invite") != nil {
			return true
		}
		// Every client in the room has its own copy from there.
		if received {
			return false
		}
	}
	return typ == "chat" || conversation(st)
}

// conversation reports whether st carries what instant messaging is made of.
func conversation(st *xmpp.Element) bool {
	for c := range st.Children() {
		switch c.Space {
		case xmpp.NSClient:
			if c.Name == "body" && st.Get("type") != "headline" {
				return true
			}
		case receipts.NS, chatstate.NS, nsMarkers, muc.NSConference:
			return true
		}
	}
	return false
}

// Private reports whether the sender wants no copies of st (XEP-0280 §9, and
// <no-copy/> of XEP-0334).
func Private(st *xmpp.Element) bool {
	return st.Child(NS, "private") != nil || st.Child(nsHints, "no-copy") != nil
}

// Exposed is st without <private/>, which the sender's server removes; st
// itself where there is none.
func Exposed(st *xmpp.Element) *xmpp.Element {
	if st.Child(NS, "private") == nil {
		return st
	}
	c := *st
	c.Nodes = nil
	for _, n := range st.Nodes {
		if !n.Element.Is(NS, "private") {
			c.Nodes = append(c.Nodes, n)
		}
	}
	return &c
}
