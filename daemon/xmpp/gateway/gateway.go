// SPDX-License-Identifier: GPL-2.0-or-later

// Package gateway is jabber:iq:gateway (XEP-0100 §6): from a legacy name that
// the user types to the contact's JID.
package gateway

import "spectrum.im/spectrum2/daemon/xmpp"

// NS is the namespace and the feature.
const NS = "jabber:iq:gateway"

// Prompt answers a get: what to type, in a sentence and in one word.
func Prompt(desc, prompt string) *xmpp.Element {
	q := xmpp.New(NS, "query")
	if desc != "" {
		q.Add(xmpp.NewText(NS, "desc", desc))
	}
	return q.Add(xmpp.NewText(NS, "prompt", prompt))
}

// JID answers a set. Older clients look for the address in <prompt/>, which
// XEP-0100 shows beside <jid/>; both are there.
func JID(jid string) *xmpp.Element {
	return xmpp.New(NS, "query").Add(xmpp.NewText(NS, "jid", jid), xmpp.NewText(NS, "prompt", jid))
}

// Name is the legacy name that a set carries, "" for none.
func Name(iq *xmpp.Element) string { return iq.Child(NS, "query").ChildText(NS, "prompt") }
