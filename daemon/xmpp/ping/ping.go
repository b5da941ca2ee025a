// SPDX-License-Identifier: GPL-2.0-or-later

// Package ping is XMPP ping (XEP-0199).
package ping

import "spectrum.im/spectrum2/daemon/xmpp"

// NS is the namespace and the feature.
const NS = "urn:xmpp:ping"

// New makes a ping with a new id.
func New(from, to string) *xmpp.Element {
	return xmpp.NewIQ("get", from, to, "").Add(xmpp.New(NS, "ping"))
}

// Is reports whether st is a ping, which xmpp.Result answers.
func Is(st *xmpp.Element) bool {
	return st.Is(xmpp.NSClient, "iq") && st.Get("type") == "get" && st.Child(NS, "ping") != nil
}
