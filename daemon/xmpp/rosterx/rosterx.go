// SPDX-License-Identifier: GPL-2.0-or-later

// Package rosterx is roster item exchange (XEP-0144): suggestions to add,
// change or remove contacts.
package rosterx

import "spectrum.im/spectrum2/daemon/xmpp"

// NS is the namespace and the feature.
const NS = "http://jabber.org/protocol/rosterx"

// Actions.
const (
	Add    = "add"
	Modify = "modify"
	Delete = "delete"
)

// Item is one suggestion.
type Item struct {
	Action, JID, Name string
	Groups            []string
}

// Element is <x/> with the items.
func Element(items []Item) *xmpp.Element {
	x := xmpp.New(NS, "x")
	for _, it := range items {
		e := xmpp.New(NS, "item").Set("action", it.Action).Set("jid", it.JID).Set("name", it.Name)
		for _, g := range it.Groups {
			e.Add(xmpp.NewText(NS, "group", g))
		}
		x.Add(e)
	}
	return x
}

// Of reads the items that st carries. An item without an action is to be added
// (XEP-0144 §3).
func Of(st *xmpp.Element) []Item {
	var items []Item
	for e := range st.Child(NS, "x").Children() {
		if !e.Is(NS, "item") {
			continue
		}
		it := Item{Action: e.Get("action"), JID: e.Get("jid"), Name: e.Get("name")}
		if it.Action == "" {
			it.Action = Add
		}
		for g := range e.Children() {
			if g.Is(NS, "group") {
				it.Groups = append(it.Groups, g.Text())
			}
		}
		items = append(items, it)
	}
	return items
}
