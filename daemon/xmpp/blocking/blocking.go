// SPDX-License-Identifier: GPL-2.0-or-later

// Package blocking is the payloads of the blocking command (XEP-0191). It
// blocks nobody.
package blocking

import "spectrum.im/spectrum2/daemon/xmpp"

// NS is the namespace and the feature, NSErrors that of the error that a
// blocked stanza is answered with.
const (
	NS       = "urn:xmpp:blocking"
	NSErrors = "urn:xmpp:blocking:errors"
)

// Names of the payloads.
const (
	List    = "blocklist"
	Block   = "block"
	Unblock = "unblock"
)

// Element is one of the payloads with its addresses.
func Element(name string, jids []string) *xmpp.Element {
	e := xmpp.New(NS, name)
	for _, j := range jids {
		e.Add(xmpp.New(NS, "item").Set("jid", j))
	}
	return e
}

// JIDs are the addresses of a payload, as they were written; one that an item
// does not have is "".
func JIDs(e *xmpp.Element) []string {
	var jids []string
	for c := range e.Children() {
		if c.Is(NS, "item") {
			jids = append(jids, c.Get("jid"))
		}
	}
	return jids
}

// Blocked is what a stanza to a blocked address is refused with
// (XEP-0191 §3.7).
func Blocked(st *xmpp.Element) *xmpp.Element {
	r := xmpp.ErrorReply(st, "cancel", xmpp.NotAcceptable, "You have blocked this address")
	if e := r.Child(xmpp.NSClient, "error"); e != nil {
		e.Add(xmpp.New(NSErrors, "blocked"))
	}
	return r
}
