// SPDX-License-Identifier: GPL-2.0-or-later

// Package private is the payload of private XML storage (XEP-0049). It keeps
// nothing.
package private

import (
	"strings"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// NS is the namespace and the feature.
const NS = "jabber:iq:private"

// Query is <query/> around documents, which are shared.
func Query(documents ...*xmpp.Element) *xmpp.Element { return xmpp.New(NS, "query").Add(documents...) }

// Documents are the documents of a query, or the empty ones that ask for them.
func Documents(q *xmpp.Element) []*xmpp.Element {
	var all []*xmpp.Element
	for c := range q.Children() {
		all = append(all, c)
	}
	return all
}

// Reserved reports whether a namespace is not for clients to keep documents in
// (XEP-0049 §3).
func Reserved(space string) bool {
	return space == "" || space == NS || space == xmpp.NSClient || space == xmpp.NSServer || space == "vcard-temp" ||
		strings.HasPrefix(space, "jabber:iq:") || space == xmpp.NSStream || space == xmpp.NSStanzas
}
