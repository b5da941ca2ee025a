// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"bytes"
	"fmt"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
)

// maxItems is more than any server stores.
const maxItems = 20_000

// feedbagHandlers are those of Feedbag: what another client of the user's, or
// the server itself, changes, and authorization.
func feedbagHandlers() table {
	return table{
		{wire.Feedbag, wire.FeedbagInsertItem}:               (*session).itemsChanged,
		{wire.Feedbag, wire.FeedbagUpdateItem}:               (*session).itemsChanged,
		{wire.Feedbag, wire.FeedbagDeleteItem}:               (*session).itemsDeleted,
		{wire.Feedbag, wire.FeedbagRequestAuthorizeToClient}: (*session).authRequested,
		{wire.Feedbag, wire.FeedbagRespondAuthorizeToClient}: (*session).authAnswered,
		{wire.Feedbag, wire.FeedbagPreAuthorizedBuddy}:       (*session).authGiven,
		{wire.Feedbag, wire.FeedbagBuddyAdded}:               (*session).wasAdded,
	}
}

// item reads an item; its bytes are its own.
func (c *cursor) item() *bagItem {
	it := &bagItem{name: string(c.bytes16())}
	it.group, it.id, it.class = c.u16(), c.u16(), c.u16()
	if attrs := c.bytes16(); len(attrs) > 0 {
		it.attrs = bytes.Clone(attrs)
	}
	return it
}

// parseFeedbag reads the parts of a reply.
func parseFeedbag(parts []snac) (feedbag, error) {
	var b feedbag
	for _, p := range parts {
		c := cursor{b: p.body}
		c.u8() // the version
		for range int(c.u16()) {
			it := c.item()
			if c.short {
				return b, fmt.Errorf("read the contact list: %w", errShort)
			}
			if len(b.items) < maxItems {
				b.put(it)
			}
		}
	}
	return b, nil
}

func (c *cursor) items() []*bagItem {
	var all []*bagItem
	for len(c.b) > 0 && len(all) < maxItems {
		it := c.item()
		if c.short {
			break
		}
		all = append(all, it)
	}
	return all
}

// itemsChanged takes over what was inserted or changed elsewhere.
func (s *session) itemsChanged(_ *link, p snac) error {
	c := cursor{b: p.body}
	items := c.items()
	s.apply(items, nil)
	if c.short {
		return errShort
	}
	return nil
}

// itemsDeleted takes over what was deleted elsewhere.
func (s *session) itemsDeleted(_ *link, p snac) error {
	c := cursor{b: p.body}
	items := c.items()
	s.apply(nil, items)
	if c.short {
		return errShort
	}
	return nil
}

// apply changes the feedbag as the server has, and tells what that means for
// the contact list.
func (s *session) apply(put, removed []*bagItem) {
	s.mu.Lock()
	before := map[string]bool{}
	touch := func(it *bagItem) {
		switch it.class {
		case wire.FeedbagClassIdBuddy, wire.FeedbagClassIDDeny, wire.FeedbagClassIDPermit:
			before[normal(it.name)] = s.bag.has(normal(it.name))
		case wire.FeedbagClassIdGroup:
			for _, member := range s.bag.items {
				if member.group == it.group && member.class == wire.FeedbagClassIdBuddy {
					before[normal(member.name)] = true
				}
			}
		}
	}
	for _, it := range put {
		if old := s.bag.items[it.bagPlace]; old != nil {
			touch(old)
		}
		if touch(it); len(s.bag.items) < maxItems {
			s.bag.put(it)
		}
	}
	for _, it := range removed {
		if old := s.bag.items[it.bagPlace]; old != nil {
			touch(old)
			s.bag.remove(it.bagPlace)
		}
	}
	var shown []backend.Contact
	var gone []string
	for name, was := range before {
		if s.bag.has(name) {
			shown = append(shown, s.shownLocked(name, s.contacts[name]))
		} else if was {
			gone = append(gone, name)
		}
	}
	s.mu.Unlock()
	for _, c := range shown {
		s.show(c)
	}
	for _, name := range gone {
		if s.told.Load() {
			s.user.ContactRemoved(name)
		}
	}
}
