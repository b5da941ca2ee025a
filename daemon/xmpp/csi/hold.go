// SPDX-License-Identifier: GPL-2.0-or-later

package csi

import (
	"slices"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/chatstate"
)

// maxHeld bounds what one inactive client makes us keep; beyond it has to be
// sent.
const maxHeld = 200

const nsMUCUser = "http://jabber.org/protocol/muc#user"

// Hold keeps what an inactive client need not see at once: of each sender the
// latest presence and the latest chat state. The zero value is empty.
type Hold struct{ held []*xmpp.Element }

// Add reports whether st was put aside. If not it has to be sent, behind what
// Take returns.
func (h *Hold) Add(st *xmpp.Element) bool {
	if !canWait(st) {
		return false
	}
	i := slices.IndexFunc(h.held, func(e *xmpp.Element) bool {
		return e.Name == st.Name && e.Get("from") == st.Get("from")
	})
	if i >= 0 {
		h.held = slices.Delete(h.held, i, i+1)
	}
	if len(h.held) >= maxHeld {
		return false
	}
	h.held = append(h.held, st)
	return true
}

// Take empties the hold, in the order of the stanzas' arrival.
func (h *Hold) Take() []*xmpp.Element {
	held := h.held
	h.held = nil
	return held
}

// canWait reports whether only the latest stanza of its kind matters. Presence
// of rooms with a status code tells of an event: it goes at once.
func canWait(st *xmpp.Element) bool {
	switch {
	case st.Is(xmpp.NSClient, "presence"):
		t := st.Get("type")
		return (t == "" || t == "unavailable") && st.Child(nsMUCUser, "x").Child(nsMUCUser, "status") == nil
	case st.Is(xmpp.NSClient, "message"):
		return st.Get("type") != "error" && chatstate.Of(st) != "" && onlyState(st)
	}
	return false
}

// onlyState reports whether a message carries nothing but its chat state, and
// hints about it (XEP-0334, XEP-0359).
func onlyState(st *xmpp.Element) bool {
	for c := range st.Children() {
		switch {
		case c.Space == chatstate.NS, c.Space == "urn:xmpp:hints", c.Space == "urn:xmpp:sid:0":
		case c.Is(xmpp.NSClient, "thread"):
		default:
			return false
		}
	}
	return true
}
