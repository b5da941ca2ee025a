// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"encoding/binary"
	"slices"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// The feedbag is what the server stores for the user: his contacts, their
// groups, whom he blocks, preferences. An item has a place (its group's number
// and its own), a class, a name and attributes.

// bagPlace is where an item is in the feedbag. A group is at its number and 0;
// the group of all groups at 0, 0.
type bagPlace struct{ group, id uint16 }

// bagItem is an item of the feedbag. It is never changed, but replaced.
type bagItem struct {
	bagPlace
	class uint16
	name  string
	// attrs are the attributes as TLVs, also those that we do not know.
	attrs []byte
}

func (it *bagItem) attr(tag uint16) (tlv, bool) {
	c := cursor{b: it.attrs}
	return find(c.tlvs(), tag)
}

// with is the item with one attribute replaced or added.
func (it *bagItem) with(tag uint16, value []byte) *bagItem {
	changed := *it
	changed.attrs = appendTLV(it.without(tag).attrs, tag, value)
	return &changed
}

// without is the item without that attribute.
func (it *bagItem) without(tag uint16) *bagItem {
	changed := *it
	changed.attrs = nil
	for _, t := range (&cursor{b: it.attrs}).tlvs() {
		if t.tag != tag {
			changed.attrs = appendTLV(changed.attrs, t.tag, t.value)
		}
	}
	return &changed
}

// order are the numbers of what is in a group, in their order.
func (it *bagItem) order() []uint16 {
	t, _ := it.attr(wire.FeedbagAttributesOrder)
	var ids []uint16
	for c := (cursor{b: t.value}); len(c.b) >= 2; {
		ids = append(ids, c.u16())
	}
	return ids
}

func (it *bagItem) withOrder(ids []uint16) *bagItem {
	var b []byte
	for _, id := range ids {
		b = binary.BigEndian.AppendUint16(b, id)
	}
	return it.with(wire.FeedbagAttributesOrder, b)
}

// append appends the item as it goes over the wire.
func (it *bagItem) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(it.name)))
	b = append(b, it.name...)
	for _, n := range []uint16{it.group, it.id, it.class, uint16(len(it.attrs))} {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	return append(b, it.attrs...)
}

// feedbag is all of it; the zero value is empty.
type feedbag struct {
	items map[bagPlace]*bagItem
	// buddies are the contacts' items by normal name: one in several groups
	// has several.
	buddies map[string][]*bagItem
}

// put adds or replaces an item.
func (b *feedbag) put(it *bagItem) {
	if b.items == nil {
		b.items, b.buddies = map[bagPlace]*bagItem{}, map[string][]*bagItem{}
	}
	b.remove(it.bagPlace)
	b.items[it.bagPlace] = it
	if it.class == wire.FeedbagClassIdBuddy {
		name := normal(it.name)
		b.buddies[name] = append(b.buddies[name], it)
	}
}

func (b *feedbag) remove(at bagPlace) {
	it := b.items[at]
	if it == nil {
		return
	}
	delete(b.items, at)
	if it.class != wire.FeedbagClassIdBuddy {
		return
	}
	name := normal(it.name)
	left := slices.DeleteFunc(slices.Clone(b.buddies[name]), func(other *bagItem) bool { return other == it })
	if b.buddies[name] = left; len(left) == 0 {
		delete(b.buddies, name)
	}
}

// clone is a copy to plan in.
func (b *feedbag) clone() feedbag {
	c := feedbag{}
	for _, it := range b.items {
		c.put(it)
	}
	return c
}

// has reports whether somebody is on the contact list.
func (b *feedbag) has(name string) bool { return len(b.buddies[name]) > 0 }

// names are those of the contact list, as they stand in it.
func (b *feedbag) names() []string {
	all := make([]string, 0, len(b.buddies))
	for name := range b.buddies {
		all = append(all, name)
	}
	slices.SortFunc(all, func(x, y string) int {
		p, q := b.buddies[x][0].bagPlace, b.buddies[y][0].bagPlace
		if p.group != q.group {
			return int(p.group) - int(q.group)
		}
		return int(p.id) - int(q.id)
	})
	return all
}

// find is the item of a class other than buddies with that name.
func (b *feedbag) find(class uint16, name string) *bagItem {
	for _, it := range b.items {
		if it.class == class && normal(it.name) == name {
			return it
		}
	}
	return nil
}

// contact is what the list says about somebody.
func (b *feedbag) contact(name string) backend.Contact {
	c := backend.Contact{Name: name, Blocked: b.blocked(name), Auth: pbnetwork.Authorization_AUTHORIZATION_GRANTED}
	c.Status.Type = statusNone
	for _, it := range b.buddies[name] {
		if t, ok := it.attr(wire.FeedbagAttributesAlias); ok && c.Alias == "" {
			c.Alias = validText(string(t.value))
		}
		if _, pending := it.attr(wire.FeedbagAttributesPending); pending {
			c.Auth = pbnetwork.Authorization_AUTHORIZATION_ASKED
		}
		if g := b.items[bagPlace{it.group, 0}]; g != nil && it.group != 0 && g.name != "" {
			c.Groups = append(c.Groups, validText(g.name))
		}
	}
	return c
}

// groupNamed is the group of that name, nil where there is none.
func (b *feedbag) groupNamed(name string) *bagItem {
	for at, it := range b.items {
		if it.class == wire.FeedbagClassIdGroup && at.group != 0 && it.name == name {
			return it
		}
	}
	return nil
}

// firstGroup is the group that is shown first, nil where there is none.
func (b *feedbag) firstGroup() *bagItem {
	if root := b.items[bagPlace{}]; root != nil {
		for _, id := range root.order() {
			if g := b.items[bagPlace{id, 0}]; g != nil && id != 0 {
				return g
			}
		}
	}
	var first *bagItem
	for at, it := range b.items {
		if it.class == wire.FeedbagClassIdGroup && at.group != 0 && (first == nil || at.group < first.group) {
			first = it
		}
	}
	return first
}

// freeGroup is a number for a new group, freeID one for an item: no other item
// has it in any group, for some servers want that. 0 where there is none.
func (b *feedbag) freeGroup() uint16 {
	return b.free(func(at bagPlace) uint16 { return at.group })
}

func (b *feedbag) freeID() uint16 {
	return b.free(func(at bagPlace) uint16 { return at.id })
}

func (b *feedbag) free(number func(bagPlace) uint16) uint16 {
	taken := make(map[uint16]bool, len(b.items))
	for at := range b.items {
		taken[number(at)] = true
	}
	for n := uint16(1); n < 0x7fff; n++ {
		if !taken[n] {
			return n
		}
	}
	return 0
}
