// SPDX-License-Identifier: GPL-2.0-or-later

package personal

import (
	"context"
	"fmt"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/bookmarks"
	"spectrum.im/spectrum2/daemon/xmpp/pubsub"
)

// kindRest is for what a document of XEP-0048 has beside rooms.
const kindRest = "storage"

// currentItem is the id of the only item of a node that has one.
const currentItem = "current"

// marks are the user's bookmarks. They are kept as XEP-0402 has them; the
// document of XEP-0048, in private storage and as a node, is made of them.
type marks struct {
	all  []mark
	rest []*xmpp.Element
}

type mark struct {
	bookmarks.Bookmark
	order int64
}

func (b *marks) empty() bool { return len(b.all)+len(b.rest) == 0 }

func (b *marks) storage() *xmpp.Element {
	if b == nil {
		return nil
	}
	list := make([]bookmarks.Bookmark, 0, len(b.all))
	for _, m := range b.all {
		list = append(list, m.Bookmark)
	}
	return bookmarks.Storage(list, b.rest)
}

func (b *marks) item() pubsub.Item { return pubsub.Item{ID: currentItem, Payload: b.storage()} }

func (s *Services) bookmarks(ctx context.Context) (*marks, error) {
	items, err := s.items(ctx, bookmarks.NS)
	if err != nil {
		return nil, err
	}
	b := &marks{}
	for _, i := range items {
		if m, ok := bookmarks.Parse(i.ID, i.Payload); ok {
			b.all = append(b.all, mark{m, i.order})
		}
	}
	rest, err := s.store.PersonalItems(ctx, s.id, kindRest, bookmarks.NSStorage)
	if err != nil || len(rest) == 0 {
		return b, err
	}
	doc, err := xmpp.Parse(rest[0].Value)
	if err != nil {
		return nil, fmt.Errorf("read old bookmarks: %w", err)
	}
	for e := range doc.Children() {
		b.rest = append(b.rest, e)
	}
	return b, nil
}

// difference is what a new document of XEP-0048 changes.
type difference struct {
	changes []store.Change
	// published are the rooms that are new or changed, retracted the
	// addresses of those that are gone.
	published []bookmarks.Bookmark
	retracted []string
	rest      []*xmpp.Element
	bytes     int
}

// publishStorage is a document of XEP-0048 that was published.
func (s *Services) publishStorage(ctx context.Context, c pubsub.Config, made bool, i pubsub.Item) error {
	if !i.Payload.Is(bookmarks.NSStorage, "storage") {
		return refuseWith("", xmpp.BadRequest, "These are no bookmarks", pubsub.Error("invalid-payload", ""))
	}
	if made {
		return s.setStorage(ctx, i.Payload, putNode(bookmarks.NSStorage, c))
	}
	return s.setStorage(ctx, i.Payload)
}

// setStorage makes the bookmarks those of a document of XEP-0048, and tells
// the clients of both kinds what changed. first are changes to make with it.
func (s *Services) setStorage(ctx context.Context, doc *xmpp.Element, first ...store.Change) error {
	old, err := s.bookmarks(ctx)
	if err != nil {
		return err
	}
	d, err := s.compare(old, doc)
	if err != nil {
		return err
	}
	if d.bytes > maxItem*4 {
		return refuse(xmpp.NotAcceptable, "These are too many bookmarks")
	}
	if err := s.roomFor(ctx, d.bytes); err != nil {
		return err
	}
	changes := append(first, d.changes...)
	if _, there, err := s.node(ctx, bookmarks.NS); err != nil {
		return err
	} else if !there {
		changes = append(changes, putNode(bookmarks.NS, newNode(bookmarks.NS)))
	}
	if err := s.change(ctx, changes...); err != nil {
		return err
	}
	for _, b := range d.published {
		s.tell(ctx, bookmarks.NS, pubsub.Published(bookmarks.NS, pubsub.Item{ID: b.JID, Payload: b.Conference()}))
	}
	if len(d.retracted) > 0 {
		s.tell(ctx, bookmarks.NS, pubsub.Retracted(bookmarks.NS, d.retracted...))
	}
	s.tellStorage(ctx)
	return nil
}

// compare finds what doc changes. A room keeps what only XEP-0402 knows, and
// its place; one whose address is none stays in the document alone.
func (s *Services) compare(old *marks, doc *xmpp.Element) (*difference, error) {
	list, rest := bookmarks.ParseStorage(doc)
	d := &difference{rest: rest}
	before := make(map[string]mark, len(old.all))
	for _, m := range old.all {
		before[address(m.JID)] = m
	}
	seen := map[string]bool{}
	for _, b := range list {
		at := address(b.JID)
		if at == "" || len(at) > store.KeyLength {
			d.rest = append(d.rest, bookmarks.Storage([]bookmarks.Bookmark{b}, nil).First())
			continue
		}
		if seen[at] {
			continue
		}
		seen[at] = true
		d.mark(s, before, at, b)
	}
	if len(seen) > maxItems {
		return nil, refuse(xmpp.ResourceConstraint, fmt.Sprintf("At most %d bookmarks are kept", maxItems))
	}
	for _, m := range old.all {
		if !seen[address(m.JID)] {
			d.retracted = append(d.retracted, m.JID)
			d.changes = append(d.changes, store.Change{Kind: kindItem, Node: bookmarks.NS, Item: m.JID})
		}
	}
	d.keepRest()
	return d, nil
}

// address is a room's address in its normal form, "" for one that is none.
func address(jid string) string {
	j, err := bareOf(jid)
	if err != nil {
		return ""
	}
	return j.String()
}

func (d *difference) mark(s *Services, before map[string]mark, at string, b bookmarks.Bookmark) {
	old, there := before[at]
	if there {
		b.JID, b.Extensions = old.JID, old.Extensions
	} else {
		b.JID, old.order = at, s.nextOrder()
	}
	if there && b.Same(old.Bookmark) {
		return
	}
	value := xmpp.Append(nil, b.Conference(), "")
	d.bytes += len(value)
	d.published = append(d.published, b)
	d.changes = append(d.changes, store.Change{Put: &store.Item{Kind: kindItem, Node: bookmarks.NS, Item: b.JID, Order: old.order, Value: value}})
}

func (d *difference) keepRest() {
	if len(d.rest) == 0 {
		d.changes = append(d.changes, store.Change{Kind: kindRest})
		return
	}
	value := xmpp.Append(nil, bookmarks.Storage(nil, d.rest), "")
	d.bytes += len(value)
	d.changes = append(d.changes, store.Change{Put: &store.Item{Kind: kindRest, Node: bookmarks.NSStorage, Item: currentItem, Value: value}})
}

// tellStorage tells the clients of XEP-0048 that the bookmarks changed.
func (s *Services) tellStorage(ctx context.Context) {
	if len(s.clients.who(func(c *client) bool { return c.nodes[bookmarks.NSStorage] })) == 0 {
		return
	}
	b, err := s.bookmarks(ctx)
	if err != nil {
		s.log.Warn("clients not told of changed bookmarks", "err", err)
		return
	}
	s.tell(ctx, bookmarks.NSStorage, pubsub.Published(bookmarks.NSStorage, b.item()))
}
