// SPDX-License-Identifier: GPL-2.0-or-later

package personal

import (
	"context"
	"encoding/json"
	"fmt"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/bookmarks"
	"spectrum.im/spectrum2/daemon/xmpp/pubsub"
)

// Kinds of what is kept for nodes: their configurations, and their items.
const (
	kindNode = "node"
	kindItem = "pep"
)

// item is an item of a node with its place among the others.
type item struct {
	pubsub.Item
	order int64
}

// nodes are the user's nodes.
func (s *Services) nodes(ctx context.Context) (map[string]pubsub.Config, error) {
	kept, err := s.store.PersonalItems(ctx, s.id, kindNode, "")
	if err != nil {
		return nil, err
	}
	all := make(map[string]pubsub.Config, len(kept))
	for _, i := range kept {
		if all[i.Node], err = readConfig(i); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func readConfig(i store.Item) (pubsub.Config, error) {
	c := pubsub.Default()
	if err := json.Unmarshal(i.Value, &c); err != nil {
		return c, fmt.Errorf("read configuration of node %s: %w", i.Node, err)
	}
	return c, nil
}

// node is the configuration of one node.
func (s *Services) node(ctx context.Context, name string) (c pubsub.Config, there bool, err error) {
	kept, err := s.store.PersonalItems(ctx, s.id, kindNode, name)
	if err != nil || len(kept) == 0 {
		return c, false, err
	}
	c, err = readConfig(kept[0])
	return c, true, err
}

// existing is node for what needs one.
func (s *Services) existing(ctx context.Context, name string) (pubsub.Config, error) {
	if err := checkNode(name); err != nil {
		return pubsub.Config{}, err
	}
	c, there, err := s.node(ctx, name)
	if err == nil && !there {
		err = refuse(xmpp.ItemNotFound, "There is no such node")
	}
	return c, err
}

func checkNode(name string) error {
	switch {
	case name == "":
		return refuseWith("", xmpp.BadRequest, "The node has no name", pubsub.Error("nodeid-required", ""))
	case len(name) > store.KeyLength:
		return refuse(xmpp.NotAcceptable, fmt.Sprintf("A node's name has at most %d bytes", store.KeyLength))
	}
	return nil
}

// putNode keeps a node's configuration.
func putNode(name string, c pubsub.Config) store.Change {
	value, err := json.Marshal(c)
	if err != nil {
		panic(err) // there is nothing in it that can fail
	}
	return store.Change{Put: &store.Item{Kind: kindNode, Node: name, Value: value}}
}

// items are a node's items in the order of their publication. The bookmarks
// of XEP-0048 are made of those of XEP-0402.
func (s *Services) items(ctx context.Context, node string) ([]item, error) {
	if node == bookmarks.NSStorage {
		b, err := s.bookmarks(ctx)
		if err != nil || b.empty() {
			return nil, err
		}
		return []item{{Item: b.item()}}, nil
	}
	kept, err := s.store.PersonalItems(ctx, s.id, kindItem, node)
	if err != nil {
		return nil, err
	}
	all := make([]item, 0, len(kept))
	for _, k := range kept {
		i := item{Item: pubsub.Item{ID: k.Item}, order: k.Order}
		if len(k.Value) > 0 {
			if i.Payload, err = xmpp.Parse(k.Value); err != nil {
				return nil, fmt.Errorf("read item %s of node %s: %w", k.Item, node, err)
			}
		}
		all = append(all, i)
	}
	return all, nil
}

// newNode is the configuration of a node that nobody configured yet.
func newNode(name string) pubsub.Config {
	c := pubsub.Default()
	switch name {
	case bookmarks.NS: // XEP-0402 §3.1
		c.Access, c.MaxItems, c.Send = pubsub.Whitelist, maxItems, pubsub.SendNever
	case bookmarks.NSStorage: // XEP-0048 §3
		c.Access, c.Send = pubsub.Whitelist, pubsub.SendNever
	}
	return c
}

// checkNewNode refuses one node too many.
func (s *Services) checkNewNode(ctx context.Context) error {
	kept, err := s.store.PersonalItems(ctx, s.id, kindNode, "")
	if err == nil && len(kept) >= maxNodes {
		err = refuseWith("", xmpp.ResourceConstraint, fmt.Sprintf("At most %d nodes are kept", maxNodes), pubsub.Error("max-nodes-exceeded", ""))
	}
	return err
}

// delivered is an item as an event brings it.
func delivered(c pubsub.Config, i pubsub.Item) pubsub.Item {
	if !c.Payloads {
		i.Payload = nil
	}
	return i
}
