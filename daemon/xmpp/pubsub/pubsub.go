// SPDX-License-Identifier: GPL-2.0-or-later

// Package pubsub is the payloads of publish-subscribe (XEP-0060), as far as a
// personal eventing service needs them (XEP-0163): items, events, and the
// configuration of nodes. It keeps no nodes.
package pubsub

import "spectrum.im/spectrum2/daemon/xmpp"

// Namespaces. NS is the feature.
const (
	NS               = "http://jabber.org/protocol/pubsub"
	NSEvent          = NS + "#event"
	NSOwner          = NS + "#owner"
	NSErrors         = NS + "#errors"
	NSNodeConfig     = NS + "#node_config"
	NSPublishOptions = NS + "#publish-options"
)

// Notify at the end of a feature says that a client wants to hear of the node
// that stands before it (XEP-0163 §4.3.2).
const Notify = "+notify"

// Features of a personal eventing service (XEP-0163 §6.1).
var Features = []string{
	NS + "#access-presence", NS + "#access-whitelist", NS + "#access-open",
	NS + "#auto-create", NS + "#auto-subscribe", NS + "#config-node", NS + "#config-node-max",
	NS + "#create-and-configure", NS + "#create-nodes", NS + "#delete-items", NS + "#delete-nodes",
	NS + "#filtered-notifications", NS + "#item-ids", NS + "#last-published", NS + "#meta-data", NS + "#multi-items",
	NS + "#persistent-items", NS + "#publish", NSPublishOptions, NS + "#purge-nodes",
	NS + "#retract-items", NS + "#retrieve-affiliations", NS + "#retrieve-default", NS + "#retrieve-items", NS + "#rsm",
}

// Item is one item of a node.
type Item struct {
	ID string
	// Payload is nil for an item that only signals.
	Payload *xmpp.Element
}

// Element is the item in NS or NSEvent. The payload is shared.
func (i Item) Element(space string) *xmpp.Element {
	return xmpp.New(space, "item").Set("id", i.ID).Add(i.Payload)
}

// ItemsOf reads the <item/> children of e; payloads beyond the first of an
// item are counted in extra.
func ItemsOf(e *xmpp.Element) (items []Item, extra int) {
	for c := range e.Children() {
		if !c.Is(e.Space, "item") {
			continue
		}
		i := Item{ID: c.Get("id")}
		for p := range c.Children() {
			if i.Payload != nil {
				extra++
				continue
			}
			i.Payload = p
		}
		items = append(items, i)
	}
	return items, extra
}

// Items is <items/> of a node in NS, as an answer.
func Items(node string, items []Item) *xmpp.Element {
	e := xmpp.New(NS, "items").Set("node", node)
	for _, i := range items {
		e.Add(i.Element(NS))
	}
	return e
}

// Published says that the item was published.
func Published(node string, i Item) *xmpp.Element {
	return event(xmpp.New(NSEvent, "items").Set("node", node).Add(i.Element(NSEvent)))
}

// Retracted says that items are gone.
func Retracted(node string, ids ...string) *xmpp.Element {
	e := xmpp.New(NSEvent, "items").Set("node", node)
	for _, id := range ids {
		e.Add(xmpp.New(NSEvent, "retract").Set("id", id))
	}
	return event(e)
}

// Deleted says that a node is gone, Purged that all its items are.
func Deleted(node string) *xmpp.Element { return event(xmpp.New(NSEvent, "delete").Set("node", node)) }

// Purged says that all items of a node are gone.
func Purged(node string) *xmpp.Element { return event(xmpp.New(NSEvent, "purge").Set("node", node)) }

func event(e *xmpp.Element) *xmpp.Element { return xmpp.New(NSEvent, "event").Add(e) }

// Error is the further condition of an error, in NSErrors; feature is for
// "unsupported".
func Error(condition, feature string) *xmpp.Element {
	return xmpp.New(NSErrors, condition).Set("feature", feature)
}
