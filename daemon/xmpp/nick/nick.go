// SPDX-License-Identifier: GPL-2.0-or-later

// Package nick is user nicknames (XEP-0172).
package nick

import "spectrum.im/spectrum2/daemon/xmpp"

// NS is the namespace and the feature.
const NS = "http://jabber.org/protocol/nick"

// Element is <nick/>.
func Element(nick string) *xmpp.Element { return xmpp.NewText(NS, "nick", nick) }

// Of is the nickname that st carries, "" for none.
func Of(st *xmpp.Element) string { return st.ChildText(NS, "nick") }
