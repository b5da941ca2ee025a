// SPDX-License-Identifier: GPL-2.0-or-later

// Package receipts is message delivery receipts (XEP-0184).
package receipts

import "spectrum.im/spectrum2/daemon/xmpp"

// NS is the namespace and the feature.
const NS = "urn:xmpp:receipts"

// Request asks for a receipt.
func Request() *xmpp.Element { return xmpp.New(NS, "request") }

// Received confirms the message with that id.
func Received(id string) *xmpp.Element { return xmpp.New(NS, "received").Set("id", id) }

// Requested reports whether a message asks for a receipt. One without id
// cannot be confirmed and does not count.
func Requested(message *xmpp.Element) bool {
	return message.Get("id") != "" && message.Child(NS, "request") != nil
}

// ReceivedID is the id that a message confirms, "" for none.
func ReceivedID(message *xmpp.Element) string { return message.Child(NS, "received").Get("id") }
