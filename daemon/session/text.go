// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"strings"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// withText appends the reason, if there is one.
func withText(what, reason string) string {
	if reason == "" {
		return what
	}
	return what + ": " + reason
}

// sentence is a remote text as a part of a sentence of ours: one line, without
// the full stop, not endless.
func sentence(text string) string {
	const longest = 500
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > longest {
		cut := longest
		for cut > 0 && text[cut]&0xC0 == 0x80 { // inside a character
			cut--
		}
		text = text[:cut] + "…"
	}
	return strings.TrimRight(text, ".!")
}

// conditions are the stanza errors that a backend may choose (RFC 6120
// §8.3.3); anything else in its place is not put on the wire.
var conditions = map[string]bool{
	xmpp.BadRequest: true, xmpp.Conflict: true, xmpp.FeatureNotImplemented: true, xmpp.Forbidden: true,
	xmpp.Gone: true, xmpp.InternalServerError: true, xmpp.ItemNotFound: true, xmpp.JIDMalformed: true,
	xmpp.NotAcceptable: true, xmpp.NotAllowed: true, xmpp.NotAuthorized: true, xmpp.RecipientUnavailable: true,
	xmpp.RegistrationRequired: true, xmpp.RemoteServerNotFound: true, xmpp.RemoteServerTimeout: true,
	xmpp.ResourceConstraint: true, xmpp.ServiceUnavailable: true, xmpp.SubscriptionRequired: true,
	xmpp.UndefinedCondition: true, xmpp.UnexpectedRequest: true,
}

// condition is c if it is one, else fallback.
func condition(c, fallback string) string {
	if conditions[c] {
		return c
	}
	return fallback
}
