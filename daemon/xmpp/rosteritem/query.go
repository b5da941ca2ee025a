// SPDX-License-Identifier: GPL-2.0-or-later

package rosteritem

import (
	"slices"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// Remove is the subscription that takes an item out of a roster.
const Remove = "remove"

// Query is <query/>: a client's request, the answer to it, or a push.
type Query struct {
	// Ver is the version of the roster (RFC 6121 §2.6); Versioned says that
	// the attribute is there, be it empty.
	Ver       string
	Versioned bool
	Items     []Item
}

// Parse reads <query/>. Items are taken as they are: the caller judges them.
func Parse(q *xmpp.Element) Query {
	out := Query{Ver: q.Get("ver")}
	for _, a := range q.Attrs {
		out.Versioned = out.Versioned || a.Space == "" && a.Name == "ver"
	}
	for c := range q.Children() {
		if c.Is(NS, "item") {
			out.Items = append(out.Items, parseItem(c))
		}
	}
	return out
}

func parseItem(e *xmpp.Element) Item {
	i := Item{
		JID: e.Get("jid"), Name: e.Get("name"), Subscription: e.Get("subscription"), Ask: e.Get("ask") == "subscribe",
	}
	for g := range e.Children() {
		if g.Is(NS, "group") {
			i.Groups = append(i.Groups, g.Text())
		}
	}
	return i
}

// Element is <query/>.
func (q Query) Element() *xmpp.Element {
	e := xmpp.New(NS, "query")
	if q.Versioned {
		e.Attrs = append(e.Attrs, xmpp.Attr{Name: "ver", Value: q.Ver})
	}
	e.Nodes = make([]xmpp.Node, 0, len(q.Items))
	for _, i := range q.Items {
		e.Add(i.Element())
	}
	return e
}

// Element is <item/>.
func (i Item) Element() *xmpp.Element {
	e := xmpp.New(NS, "item")
	e.Attrs = make([]xmpp.Attr, 0, 4)
	e.Set("jid", i.JID).Set("name", i.Name).Set("subscription", i.Subscription)
	if i.Ask {
		e.Set("ask", "subscribe")
	}
	for _, g := range i.Groups {
		e.Add(xmpp.NewText(NS, "group", g))
	}
	return e
}

// Equal reports whether both say the same; the order of groups says nothing.
func (i Item) Equal(o Item) bool {
	return i.JID == o.JID && i.Name == o.Name && i.Subscription == o.Subscription && i.Ask == o.Ask &&
		slices.Equal(sorted(i.Groups), sorted(o.Groups))
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}
