// SPDX-License-Identifier: GPL-2.0-or-later

package personal

import (
	"context"
	"fmt"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/bookmarks"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
	"spectrum.im/spectrum2/daemon/xmpp/pubsub"
)

// publish is XEP-0060 §7.1, with a node made where there is none.
func (s *Services) publish(ctx context.Context, r *request, e *xmpp.Element) (*xmpp.Element, error) {
	name := e.Get("node")
	if err := checkNode(name); err != nil {
		return nil, err
	}
	i, err := publishable(name, e)
	if err != nil {
		return nil, err
	}
	c, made, err := s.nodeToPublish(ctx, name, dataform.Of(r.payload.Child(pubsub.NS, "publish-options")))
	if err != nil {
		return nil, err
	}
	if name == bookmarks.NSStorage {
		err = s.publishStorage(ctx, c, made, i)
	} else {
		err = s.publishItem(ctx, r, name, c, made, i)
	}
	if err != nil {
		return nil, err
	}
	answer := xmpp.New(pubsub.NS, "publish").Set("node", name).Add(pubsub.Item{ID: i.ID}.Element(pubsub.NS))
	return xmpp.New(pubsub.NS, "pubsub").Add(answer), nil
}

// publishable is the one item that a client publishes.
func publishable(node string, e *xmpp.Element) (pubsub.Item, error) {
	items, extra := pubsub.ItemsOf(e)
	switch {
	case len(items) == 0:
		return pubsub.Item{}, refuseWith("", xmpp.BadRequest, "There is no item", pubsub.Error("item-required", ""))
	case len(items) > 1:
		return pubsub.Item{}, refuseWith("", xmpp.NotAllowed, "Publish one item at a time", pubsub.Error("max-items-exceeded", ""))
	case extra > 0:
		return pubsub.Item{}, refuseWith("", xmpp.BadRequest, "An item has one payload", pubsub.Error("invalid-payload", ""))
	case items[0].Payload == nil:
		return pubsub.Item{}, refuseWith("", xmpp.BadRequest, "The item has no payload", pubsub.Error("payload-required", ""))
	}
	i := items[0]
	if i.ID == "" {
		i.ID = xmpp.NewID()
	}
	if len(i.ID) > store.KeyLength {
		return i, refuse(xmpp.NotAcceptable, fmt.Sprintf("An item's id has at most %d bytes", store.KeyLength))
	}
	if node != bookmarks.NS {
		return i, nil
	}
	_, err := bareOf(i.ID)
	if _, ok := bookmarks.Parse(i.ID, i.Payload); !ok || err != nil {
		return i, refuseWith("", xmpp.BadRequest, "A bookmark is a conference, under the room's address", pubsub.Error("invalid-payload", ""))
	}
	return i, nil
}

// nodeToPublish is the node's configuration, after what the client presumes of
// it was found true (XEP-0060 §7.1.5); made says that there was none.
func (s *Services) nodeToPublish(ctx context.Context, name string, options *dataform.Form) (c pubsub.Config, made bool, err error) {
	c, there, err := s.node(ctx, name)
	if err != nil {
		return c, false, err
	}
	if !there {
		if err := s.checkNewNode(ctx); err != nil {
			return c, false, err
		}
		c = newNode(name)
	}
	wanted, err := c.With(options, maxItems)
	if err != nil {
		return c, false, refuseWith("", xmpp.Conflict, err.Error(), pubsub.Error("precondition-not-met", ""))
	}
	if there && wanted != c {
		return c, false, refuseWith("", xmpp.Conflict, "The node is configured otherwise", pubsub.Error("precondition-not-met", ""))
	}
	return wanted, !there, nil
}

// limit is how many items the node keeps.
func limit(c pubsub.Config) int {
	if !c.Persist {
		return 1 // the last one, for who logs in
	}
	return min(max(c.MaxItems, 1), maxItems)
}

func (s *Services) publishItem(ctx context.Context, r *request, name string, c pubsub.Config, made bool, i pubsub.Item) error {
	put, err := s.putItem(ctx, name, i)
	if err != nil {
		return err
	}
	kept, err := s.store.PersonalItems(ctx, s.id, kindItem, name)
	if err != nil {
		return err
	}
	var changes []store.Change
	if made {
		changes = append(changes, putNode(name, c))
	}
	changes = append(changes, put)
	changes = append(changes, tooMany(kept, i.ID, limit(c))...)
	if err := s.change(ctx, changes...); err != nil {
		return err
	}
	s.tell(ctx, name, pubsub.Published(name, delivered(c, i)))
	switch name {
	case bookmarks.NS:
		s.tellStorage(ctx)
	case nodeMetadata:
		r.later = append(r.later, func(ctx context.Context) { s.tellAvatar(ctx, i.Payload) })
	}
	return nil
}

// putItem keeps an item, if it is not too large.
func (s *Services) putItem(ctx context.Context, node string, i pubsub.Item) (store.Change, error) {
	value := xmpp.Append(nil, i.Payload, "")
	most := maxItem
	if node == nodePicture {
		most = maxPicture
	}
	if len(value) > most {
		return store.Change{}, refuseWith("", xmpp.NotAcceptable, fmt.Sprintf("An item has at most %d bytes", most), pubsub.Error("payload-too-big", ""))
	}
	if err := s.roomFor(ctx, len(value)); err != nil {
		return store.Change{}, err
	}
	return store.Change{Put: &store.Item{Kind: kindItem, Node: node, Item: i.ID, Order: s.nextOrder(), Value: value}}, nil
}

// tooMany forgets the oldest items beyond the limit; id is or becomes the
// newest.
func tooMany(kept []store.Item, id string, limit int) []store.Change {
	var changes []store.Change
	left := 1
	for _, k := range kept {
		if k.Item != id {
			left++
		}
	}
	for _, k := range kept {
		if left <= limit {
			break
		}
		if k.Item != id {
			changes = append(changes, store.Change{Kind: kindItem, Node: k.Node, Item: k.Item})
			left--
		}
	}
	return changes
}
