// SPDX-License-Identifier: GPL-2.0-or-later

package personal

import (
	"context"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/bookmarks"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
	"spectrum.im/spectrum2/daemon/xmpp/pubsub"
)

// setNodes is what changes nodes and items (XEP-0060 §7 and §8.1).
func (s *Services) setNodes(ctx context.Context, r *request) (*xmpp.Element, error) {
	for e := range r.payload.Children() {
		if e.Space != pubsub.NS {
			continue
		}
		switch e.Name {
		case "publish":
			return s.publish(ctx, r, e)
		case "retract":
			return nil, s.retract(ctx, r, e)
		case "create":
			return s.create(ctx, r, e)
		case "publish-options", "configure":
			continue
		}
		return nil, unsupported(e.Name)
	}
	return nil, refuse(xmpp.BadRequest, "There is nothing to do in this request")
}

func unsupported(feature string) error {
	return refuseWith("cancel", xmpp.FeatureNotImplemented, "", pubsub.Error("unsupported", feature))
}

// create is XEP-0060 §8.1.
func (s *Services) create(ctx context.Context, r *request, e *xmpp.Element) (*xmpp.Element, error) {
	name := e.Get("node")
	instant := name == ""
	if instant {
		name = xmpp.NewID()
	}
	if err := checkNode(name); err != nil {
		return nil, err
	}
	if _, there, err := s.node(ctx, name); err != nil {
		return nil, err
	} else if there {
		return nil, refuse(xmpp.Conflict, "There is such a node already")
	}
	if err := s.checkNewNode(ctx); err != nil {
		return nil, err
	}
	c, err := configured(newNode(name), dataform.Of(r.payload.Child(pubsub.NS, "configure")))
	if err != nil {
		return nil, err
	}
	if err := s.change(ctx, putNode(name, c)); err != nil || !instant {
		return nil, err
	}
	return xmpp.New(pubsub.NS, "pubsub").Add(xmpp.New(pubsub.NS, "create").Set("node", name)), nil
}

func configured(c pubsub.Config, f *dataform.Form) (pubsub.Config, error) {
	c, err := c.With(f, maxItems)
	if err != nil {
		return c, refuse(xmpp.NotAcceptable, err.Error())
	}
	return c, nil
}

// retract is XEP-0060 §7.2.
func (s *Services) retract(ctx context.Context, r *request, e *xmpp.Element) error {
	name := e.Get("node")
	c, err := s.existing(ctx, name)
	if err != nil {
		return err
	}
	items, _ := pubsub.ItemsOf(e)
	if len(items) != 1 || items[0].ID == "" {
		return refuseWith("", xmpp.BadRequest, "Name one item to retract", pubsub.Error("item-required", ""))
	}
	id := items[0].ID
	if name == bookmarks.NSStorage {
		if id != currentItem {
			return refuse(xmpp.ItemNotFound, "There is no such item")
		}
		return s.setStorage(ctx, bookmarks.Storage(nil, nil))
	}
	kept, err := s.items(ctx, name)
	if err != nil {
		return err
	}
	there := false
	for _, k := range kept {
		there = there || k.ID == id
	}
	if !there {
		return refuse(xmpp.ItemNotFound, "There is no such item")
	}
	if err := s.change(ctx, store.Change{Kind: kindItem, Node: name, Item: id}); err != nil {
		return err
	}
	if notify := e.Get("notify"); notify == "1" || notify == "true" || c.NotifyRetract {
		s.tell(ctx, name, pubsub.Retracted(name, id))
	}
	if name == bookmarks.NS {
		s.tellStorage(ctx)
	}
	return nil
}

// setOwn is what the owner does with nodes (XEP-0060 §8).
func (s *Services) setOwn(ctx context.Context, r *request) (*xmpp.Element, error) {
	e := r.payload.First()
	if e == nil || e.Space != pubsub.NSOwner {
		return nil, refuse(xmpp.BadRequest, "There is nothing to do in this request")
	}
	name := e.Get("node")
	switch e.Name {
	case "configure":
		return nil, s.configure(ctx, name, dataform.Of(e))
	case "purge":
		return nil, s.empty(ctx, name, false)
	case "delete":
		return nil, s.empty(ctx, name, true)
	}
	return nil, unsupported(e.Name)
}

// configure is XEP-0060 §8.2. What does not fit any more is forgotten.
func (s *Services) configure(ctx context.Context, name string, f *dataform.Form) error {
	old, err := s.existing(ctx, name)
	if err != nil || f != nil && f.Type == dataform.TypeCancel {
		return err
	}
	if f == nil {
		return refuse(xmpp.BadRequest, "There is no form")
	}
	c, err := configured(old, f)
	if err != nil {
		return err
	}
	kept, err := s.store.PersonalItems(ctx, s.id, kindItem, name)
	if err != nil {
		return err
	}
	changes := []store.Change{putNode(name, c)}
	if len(kept) > 0 {
		changes = append(changes, tooMany(kept, kept[len(kept)-1].Item, limit(c))...)
	}
	return s.change(ctx, changes...)
}

// empty forgets a node's items, and the node itself if it is to be deleted
// (XEP-0060 §8.4 and §8.5).
func (s *Services) empty(ctx context.Context, name string, deleted bool) error {
	c, err := s.existing(ctx, name)
	if err != nil {
		return err
	}
	if name == bookmarks.NSStorage {
		if err := s.setStorage(ctx, bookmarks.Storage(nil, nil)); err != nil {
			return err
		}
	}
	changes := []store.Change{{Kind: kindItem, Node: name}}
	event := pubsub.Purged(name)
	if deleted {
		changes = append(changes, store.Change{Kind: kindNode, Node: name})
		event = pubsub.Deleted(name)
	}
	if err := s.change(ctx, changes...); err != nil {
		return err
	}
	if c.NotifyRetract && !deleted || c.NotifyDelete && deleted {
		s.tell(ctx, name, event)
	}
	if name == bookmarks.NS {
		s.tellStorage(ctx)
	}
	return nil
}

// getOwn is what the owner asks of nodes.
func (s *Services) getOwn(ctx context.Context, r *request) (*xmpp.Element, error) {
	e := r.payload.First()
	if e == nil || e.Space != pubsub.NSOwner {
		return nil, refuse(xmpp.BadRequest, "Nothing is asked in this request")
	}
	name := e.Get("node")
	answer := xmpp.New(pubsub.NSOwner, e.Name).Set("node", name)
	switch e.Name {
	case "default":
		answer.Add(pubsub.Default().Form().Element())
	case "configure":
		c, err := s.existing(ctx, name)
		if err != nil {
			return nil, err
		}
		answer.Add(c.Form().Element())
	case "affiliations":
		if _, err := s.existing(ctx, name); err != nil {
			return nil, err
		}
		answer.Add(xmpp.New(pubsub.NSOwner, "affiliation").Set("jid", s.bare).Set("affiliation", "owner"))
	default:
		return nil, unsupported(e.Name)
	}
	return xmpp.New(pubsub.NSOwner, "pubsub").Add(answer), nil
}
