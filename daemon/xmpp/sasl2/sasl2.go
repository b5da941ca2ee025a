// SPDX-License-Identifier: GPL-2.0-or-later

// Package sasl2 is the extensible SASL profile (XEP-0388) with bind 2
// (XEP-0386): their elements.
package sasl2

import (
	"spectrum.im/spectrum2/daemon/xmpp"
)

// Namespaces of the profile, of bind 2 and of SASL's own conditions.
const (
	NS     = "urn:xmpp:sasl:2"
	NSBind = "urn:xmpp:bind:0"
	NSSASL = "urn:ietf:params:xml:ns:xmpp-sasl"
)

// Feature offers the mechanisms, and what may be asked for together with the
// login: bound are the features that bind 2 may enable, inline those of the
// login itself.
func Feature(mechanisms, bound []string, inline ...*xmpp.Element) *xmpp.Element {
	f := xmpp.New(NS, "authentication")
	for _, m := range mechanisms {
		f.Add(xmpp.NewText(NS, "mechanism", m))
	}
	features := xmpp.New(NSBind, "inline")
	for _, v := range bound {
		features.Add(xmpp.New(NSBind, "feature").Set("var", v))
	}
	return f.Add(xmpp.New(NS, "inline").Add(xmpp.New(NSBind, "bind").Add(features)).Add(inline...))
}

// Challenge asks for what the client did not send at once.
func Challenge() *xmpp.Element { return xmpp.New(NS, "challenge") }

// Failure refuses the login.
func Failure(condition, text string) *xmpp.Element {
	f := xmpp.New(NS, "failure").Add(xmpp.New(NSSASL, condition))
	if text != "" {
		f.Add(xmpp.NewText(NS, "text", text))
	}
	return f
}

// Success lets the user in; user is his JID, the full one once it is bound.
func Success(user string, inline ...*xmpp.Element) *xmpp.Element {
	return xmpp.New(NS, "success").Add(xmpp.NewText(NS, "authorization-identifier", user)).Add(inline...)
}

// Bound is the answer to <bind/>, with those to what it had asked for.
func Bound(inline ...*xmpp.Element) *xmpp.Element { return xmpp.New(NSBind, "bound").Add(inline...) }

// BindFailed is the answer to a <bind/> that was refused.
func BindFailed(condition string) *xmpp.Element {
	return xmpp.New(NSBind, "failed").Add(xmpp.New(xmpp.NSStanzas, condition))
}
