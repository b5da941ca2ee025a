// SPDX-License-Identifier: GPL-2.0-or-later

// Package disco is service discovery (XEP-0030) and entity capabilities
// (XEP-0115): what an address is and can do, and what there is at it.
package disco

import (
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
)

// Namespaces.
const (
	NSInfo  = "http://jabber.org/protocol/disco#info"
	NSItems = "http://jabber.org/protocol/disco#items"
	NSCaps  = "http://jabber.org/protocol/caps"
)

// Identity says what an address is.
type Identity struct{ Category, Type, Name, Lang string }

// Info is the answer to a disco#info query.
type Info struct {
	Node       string
	Identities []Identity
	Features   []string
	Forms      []*dataform.Form // XEP-0128
}

// Has reports whether i has the feature.
func (i Info) Has(feature string) bool {
	for _, f := range i.Features {
		if f == feature {
			return true
		}
	}
	return false
}

// Element is i's <query/>.
func (i Info) Element() *xmpp.Element {
	q := xmpp.New(NSInfo, "query").Set("node", i.Node)
	for _, id := range i.Identities {
		e := xmpp.New(NSInfo, "identity").Set("category", id.Category).Set("type", id.Type).Set("name", id.Name)
		if id.Lang != "" {
			e.SetLang(id.Lang)
		}
		q.Add(e)
	}
	for _, f := range i.Features {
		q.Add(xmpp.New(NSInfo, "feature").Set("var", f))
	}
	for _, f := range i.Forms {
		q.Add(f.Element())
	}
	return q
}

// ParseInfo reads <query/>; what is not there stays empty.
func ParseInfo(q *xmpp.Element) Info {
	i := Info{Node: q.Get("node")}
	for c := range q.Children() {
		switch {
		case c.Is(NSInfo, "identity"):
			i.Identities = append(i.Identities, Identity{c.Get("category"), c.Get("type"), c.Get("name"), c.Lang()})
		case c.Is(NSInfo, "feature"):
			i.Features = append(i.Features, c.Get("var"))
		case c.Is(dataform.NS, "x"):
			i.Forms = append(i.Forms, dataform.Parse(c))
		}
	}
	return i
}

// InfoQuery makes the query of an address.
func InfoQuery(node string) *xmpp.Element { return xmpp.New(NSInfo, "query").Set("node", node) }

// Item is one thing at an address.
type Item struct{ JID, Node, Name string }

// Items is the answer to a disco#items query.
type Items struct {
	Node  string
	Items []Item
}

// ItemsQuery makes the query of an address.
func ItemsQuery(node string) *xmpp.Element { return xmpp.New(NSItems, "query").Set("node", node) }

// Element is the items' <query/>.
func (i Items) Element() *xmpp.Element {
	q := xmpp.New(NSItems, "query").Set("node", i.Node)
	for _, it := range i.Items {
		q.Add(xmpp.New(NSItems, "item").Set("jid", it.JID).Set("node", it.Node).Set("name", it.Name))
	}
	return q
}

// ParseItems reads <query/>.
func ParseItems(q *xmpp.Element) Items {
	i := Items{Node: q.Get("node")}
	for c := range q.Children() {
		if c.Is(NSItems, "item") {
			i.Items = append(i.Items, Item{c.Get("jid"), c.Get("node"), c.Get("name")})
		}
	}
	return i
}
