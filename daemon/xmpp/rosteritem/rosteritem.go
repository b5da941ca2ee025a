// SPDX-License-Identifier: GPL-2.0-or-later

// Package rosteritem is the payload of roster management (RFC 6121 §2):
// <query xmlns='jabber:iq:roster'/> and its items.
package rosteritem

// NS is the namespace of roster queries, NSVersioning that of the stream
// feature of roster versioning (RFC 6121 §2.6).
const (
	NS           = "jabber:iq:roster"
	NSVersioning = "urn:xmpp:features:rosterver"
)

// Item is one entry of a roster.
type Item struct {
	// JID is the contact's bare JID.
	JID  string
	Name string
	// Subscription is none, to, from, both, or (in a push) remove.
	Subscription string
	// Ask: the user's request to see the contact's presence is unanswered.
	Ask    bool
	Groups []string
}
