// SPDX-License-Identifier: GPL-2.0-or-later

// Package forward is stanza forwarding (XEP-0297): a stanza inside another, as
// carbons and archives have it.
package forward

import (
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/delay"
)

// NS is the namespace and the feature.
const NS = "urn:xmpp:forward:0"

// Element is <forwarded/> around st, which is shared, not copied. A zero time
// leaves the stamp out: st was sent just now.
func Element(st *xmpp.Element, sent time.Time) *xmpp.Element {
	f := xmpp.New(NS, "forwarded")
	if !sent.IsZero() {
		f.Add(delay.Element("", sent, ""))
	}
	return f.Add(st)
}

// Of is the stanza that the <forwarded/> child of parent carries, nil without
// one, and when it was sent, zero where that is not said.
func Of(parent *xmpp.Element) (*xmpp.Element, time.Time) {
	f := parent.Child(NS, "forwarded")
	at, _ := delay.Of(f)
	for c := range f.Children() {
		if xmpp.IsStanza(c) {
			return c, at
		}
	}
	return nil, at
}
