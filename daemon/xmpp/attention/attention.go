// SPDX-License-Identifier: GPL-2.0-or-later

// Package attention is XEP-0224: a message that calls for attention.
package attention

import "spectrum.im/spectrum2/daemon/xmpp"

// NS is the namespace and the feature.
const NS = "urn:xmpp:attention:0"

// Element is <attention/>.
func Element() *xmpp.Element { return xmpp.New(NS, "attention") }

// Is reports whether a message calls for attention.
func Is(message *xmpp.Element) bool { return message.Child(NS, "attention") != nil }
