// SPDX-License-Identifier: GPL-2.0-or-later

// Package relay is how main processes that share a domain hand stanzas to each
// other through their XMPP servers: inside a request from one's alias to the
// other's, which only a component of the domain can send, and whose result says
// that it was taken. It is a protocol of our own.
package relay

import (
	"spectrum.im/spectrum2/daemon/xmpp"
)

// NS is the namespace.
const NS = "urn:x-spectrum2:relay"

// New makes a request with a new id that hands st on. origin is the name of the
// main process that the XMPP server gave st to, which may hand it on by way of
// others.
func New(from, to, origin string, st *xmpp.Element) *xmpp.Element {
	return xmpp.NewIQ("set", from, to, "").Add(xmpp.New(NS, "relay").Set("origin", origin).Add(st))
}

// Of returns the stanza that a request hands on, nil if it hands none on.
func Of(iq *xmpp.Element) *xmpp.Element {
	p := iq.Child(NS, "relay")
	if p == nil {
		return nil
	}
	if st := p.First(); st != nil && xmpp.IsStanza(st) {
		return st
	}
	return nil
}

// Origin is that of the stanza that a request hands on.
func Origin(iq *xmpp.Element) string {
	if p := iq.Child(NS, "relay"); p != nil {
		return p.Get("origin")
	}
	return ""
}

// NewOffer makes a request that offers user to a main process that hands on his
// stanzas: none of his clients comes to the sender itself any more.
func NewOffer(from, to, user string) *xmpp.Element {
	return xmpp.NewIQ("set", from, to, "").Add(xmpp.New(NS, "offer").Set("user", user))
}

// OfferOf returns the user whom a request offers, "" if it offers none.
func OfferOf(iq *xmpp.Element) string {
	if p := iq.Child(NS, "offer"); p != nil {
		return p.Get("user")
	}
	return ""
}
