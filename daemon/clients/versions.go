// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"hash/maphash"

	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
)

// versions know the roster's version without the roster: the digest of all
// items, and each item's own, so that a change can be taken out and put in.
type versions struct {
	all   rosteritem.Sum
	items map[uint64]rosteritem.Sum
}

var versionSeed = maphash.MakeSeed()

func newVersions(items []rosteritem.Item) *versions {
	v := &versions{items: make(map[uint64]rosteritem.Sum, len(items))}
	for _, i := range items {
		v.change(i)
	}
	return v
}

// change takes a push into account.
func (v *versions) change(i rosteritem.Item) {
	key := maphash.String(versionSeed, i.JID)
	v.all = v.all.Sub(v.items[key])
	if i.Subscription == rosteritem.Remove {
		delete(v.items, key)
		return
	}
	sum := rosteritem.SumOf(i)
	v.items[key] = sum
	v.all = v.all.Add(sum)
}
