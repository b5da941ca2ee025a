// SPDX-License-Identifier: GPL-2.0-or-later

package personal

import (
	"context"
	"fmt"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/bookmarks"
	"spectrum.im/spectrum2/daemon/xmpp/private"
)

const kindPrivate = "private"

// getPrivate returns one document of private storage, empty if there is none
// (XEP-0049 §3).
func (s *Services) getPrivate(ctx context.Context, r *request) (*xmpp.Element, error) {
	docs := private.Documents(r.payload)
	if len(docs) != 1 {
		return nil, refuse(xmpp.BadRequest, "Ask for one document at a time")
	}
	want := docs[0]
	if err := checkDocument(want); err != nil {
		return nil, err
	}
	if want.Is(bookmarks.NSStorage, "storage") {
		b, err := s.bookmarks(ctx)
		return private.Query(b.storage()), err
	}
	kept, err := s.store.PersonalItems(ctx, s.id, kindPrivate, key(want.Space))
	if err != nil {
		return nil, err
	}
	for _, i := range kept {
		if i.Item != key(want.Name) {
			continue
		}
		doc, err := xmpp.Parse(i.Value)
		if err != nil {
			return nil, fmt.Errorf("read document of private storage: %w", err)
		}
		return private.Query(doc), nil
	}
	return private.Query(xmpp.New(want.Space, want.Name)), nil
}

func (s *Services) setPrivate(ctx context.Context, r *request) (*xmpp.Element, error) {
	docs := private.Documents(r.payload)
	if len(docs) == 0 || len(docs) > maxDocs {
		return nil, refuse(xmpp.BadRequest, "There is no document to keep, or too many")
	}
	var changes []store.Change
	var marks *xmpp.Element
	size := 0
	for _, doc := range docs {
		if err := checkDocument(doc); err != nil {
			return nil, err
		}
		if doc.Is(bookmarks.NSStorage, "storage") {
			marks = doc
			continue
		}
		value := xmpp.Append(nil, doc, "")
		if len(value) > maxItem {
			return nil, refuse(xmpp.NotAcceptable, fmt.Sprintf("A document has at most %d bytes", maxItem))
		}
		size += len(value)
		changes = append(changes, store.Change{Put: &store.Item{Kind: kindPrivate, Node: key(doc.Space), Item: key(doc.Name), Order: s.nextOrder(), Value: value}})
	}
	if len(changes) > 0 {
		if err := s.roomForDocuments(ctx, size, changes); err != nil {
			return nil, err
		}
		if err := s.change(ctx, changes...); err != nil {
			return nil, err
		}
	}
	if marks != nil {
		return nil, s.setStorage(ctx, marks)
	}
	return nil, nil
}

func checkDocument(doc *xmpp.Element) error {
	if private.Reserved(doc.Space) {
		return refuse(xmpp.NotAcceptable, "That namespace is not for private storage")
	}
	return nil
}

// roomForDocuments refuses one document too many.
func (s *Services) roomForDocuments(ctx context.Context, size int, changes []store.Change) error {
	kept, err := s.store.PersonalItems(ctx, s.id, kindPrivate, "")
	if err != nil {
		return err
	}
	type name struct{ space, name string }
	all := map[name]bool{}
	for _, i := range kept {
		all[name{i.Node, i.Item}] = true
	}
	for _, c := range changes {
		all[name{c.Put.Node, c.Put.Item}] = true
	}
	if len(all) > maxDocs {
		return refuse(xmpp.ResourceConstraint, fmt.Sprintf("At most %d documents are kept", maxDocs))
	}
	return s.roomFor(ctx, size)
}

// roomFor refuses what would be more than a user may keep in all.
func (s *Services) roomFor(ctx context.Context, size int) error {
	has, err := s.store.PersonalSize(ctx, s.id)
	if err != nil {
		return err
	}
	if has.Bytes+int64(size) > maxBytes {
		return refuse(xmpp.ResourceConstraint, fmt.Sprintf("At most %d bytes are kept for you in all", maxBytes))
	}
	return nil
}
