// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"slices"

	"github.com/mk6i/open-oscar-server/wire"
)

// edit is a change of the feedbag that is being planned: bag is a copy in
// which it has happened.
type edit struct {
	bag feedbag
	// inserts, updates and deletes are what has to be told to the server.
	inserts, updates, deletes []*bagItem
}

func (e *edit) insert(it *bagItem) {
	e.bag.put(it)
	e.inserts = append(e.inserts, it)
}

// update replaces an item, also one that this edit inserts.
func (e *edit) update(it *bagItem) {
	e.bag.put(it)
	same := func(other *bagItem) bool { return other.bagPlace == it.bagPlace }
	if i := slices.IndexFunc(e.inserts, same); i >= 0 {
		e.inserts[i] = it
		return
	}
	if i := slices.IndexFunc(e.updates, same); i >= 0 {
		e.updates[i] = it
		return
	}
	e.updates = append(e.updates, it)
}

func (e *edit) remove(it *bagItem) {
	e.bag.remove(it.bagPlace)
	same := func(other *bagItem) bool { return other.bagPlace == it.bagPlace }
	if slices.ContainsFunc(e.inserts, same) {
		e.inserts = slices.DeleteFunc(e.inserts, same)
		return
	}
	e.updates = slices.DeleteFunc(e.updates, same)
	e.deletes = append(e.deletes, it)
}

func (e *edit) empty() bool { return len(e.inserts)+len(e.updates)+len(e.deletes) == 0 }

// group is the group of that name, made if there is none.
func (e *edit) group(name string) *bagItem {
	if g := e.bag.groupNamed(name); g != nil {
		return g
	}
	g := &bagItem{bagPlace: bagPlace{group: e.bag.freeGroup()}, class: wire.FeedbagClassIdGroup, name: name}
	e.insert(g)
	root := e.bag.items[bagPlace{}]
	if root == nil {
		root = &bagItem{class: wire.FeedbagClassIdGroup}
		e.insert(root)
	}
	e.update(root.withOrder(append(root.order(), g.group)))
	return e.bag.items[g.bagPlace]
}

// addBuddy puts somebody into a group.
func (e *edit) addBuddy(group *bagItem, name string, attrs []byte) {
	it := &bagItem{bagPlace: bagPlace{group.group, e.bag.freeID()}, class: wire.FeedbagClassIdBuddy, name: name, attrs: attrs}
	e.insert(it)
	group = e.bag.items[bagPlace{group.group, 0}]
	e.update(group.withOrder(append(group.order(), it.id)))
}

// removeBuddy takes an item of somebody's out of its group, and the group away
// if that leaves it empty.
func (e *edit) removeBuddy(it *bagItem) {
	e.remove(it)
	group := e.bag.items[bagPlace{it.group, 0}]
	if group == nil || it.group == 0 {
		return
	}
	for _, other := range e.bag.items {
		if other.group == it.group && other.class == wire.FeedbagClassIdBuddy {
			e.update(group.withOrder(drop(group.order(), it.id)))
			return
		}
	}
	e.remove(group)
	if root := e.bag.items[bagPlace{}]; root != nil {
		e.update(root.withOrder(drop(root.order(), it.group)))
	}
}

func drop(ids []uint16, id uint16) []uint16 {
	return slices.DeleteFunc(ids, func(other uint16) bool { return other == id })
}

// defaultGroup is where contacts without a group go.
func (e *edit) defaultGroup() *bagItem {
	if g := e.bag.firstGroup(); g != nil {
		return g
	}
	return e.group("Buddies")
}

// regroup puts somebody on the list into exactly these groups, which are not
// none. His further attributes go with him.
func (e *edit) regroup(name string, groups []string) {
	items := slices.Clone(e.bag.buddies[name])
	attrs, written := items[0].attrs, items[0].name
	for _, g := range groups {
		group := e.bag.groupNamed(g)
		if group == nil || !slices.ContainsFunc(items, func(it *bagItem) bool { return it.group == group.group }) {
			e.addBuddy(e.group(g), written, attrs)
		}
	}
	for _, it := range items {
		if g := e.bag.items[bagPlace{it.group, 0}]; g == nil || it.group == 0 || !slices.Contains(groups, g.name) {
			e.removeBuddy(it)
		}
	}
}

// rename gives somebody on the list an alias, or takes it with "".
func (e *edit) rename(name, alias string) {
	for _, it := range slices.Clone(e.bag.buddies[name]) {
		old, has := it.attr(wire.FeedbagAttributesAlias)
		switch {
		case alias == "" && has:
			e.update(it.without(wire.FeedbagAttributesAlias))
		case alias != "" && string(old.value) != alias:
			e.update(it.with(wire.FeedbagAttributesAlias, []byte(alias)))
		}
	}
}
