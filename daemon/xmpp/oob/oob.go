// SPDX-License-Identifier: GPL-2.0-or-later

// Package oob is out-of-band data (XEP-0066): a link to a file.
package oob

import "spectrum.im/spectrum2/daemon/xmpp"

// NS is the namespace of the links in stanzas.
const NS = "jabber:x:oob"

// OOB is a link.
type OOB struct{ URL, Desc string }

// Element is <x/>.
func (o OOB) Element() *xmpp.Element {
	x := xmpp.New(NS, "x").Add(xmpp.NewText(NS, "url", o.URL))
	if o.Desc != "" {
		x.Add(xmpp.NewText(NS, "desc", o.Desc))
	}
	return x
}

// Of reads the first link of e; its URL is empty if there is none.
func Of(e *xmpp.Element) OOB {
	x := e.Child(NS, "x")
	return OOB{URL: x.ChildText(NS, "url"), Desc: x.ChildText(NS, "desc")}
}

// All reads every link of e.
func All(e *xmpp.Element) []OOB {
	var all []OOB
	for x := range e.Children() {
		if x.Is(NS, "x") && x.ChildText(NS, "url") != "" {
			all = append(all, OOB{URL: x.ChildText(NS, "url"), Desc: x.ChildText(NS, "desc")})
		}
	}
	return all
}
