// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"hash/maphash"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// forksKept is how many of the latest messages that went to several clients are
// remembered. One that is forgotten comes twice where a client that did not get
// it ends; it is never lost.
const forksKept = 128

// forks remembers which messages went to several clients, so that one that a
// client did not get is sent again only if none has it.
type forks struct {
	ring [forksKept]fork
	next int
}

// fork is one message: how many clients may have it.
type fork struct {
	key  uint64
	left int32
}

var forkSeed = maphash.MakeSeed()

// forkKey tells a message from others, whatever it was wrapped in.
func forkKey(m *xmpp.Element) uint64 {
	var h maphash.Hash
	h.SetSeed(forkSeed)
	h.WriteString(m.Get("from"))
	h.WriteByte(0)
	h.WriteString(m.Get("id"))
	h.WriteByte(0)
	h.WriteString(xmpp.Body(m))
	return h.Sum64()
}

// sent notes that n clients were given m. f may be nil; the result is to be
// kept instead of it.
func (f *forks) sent(m *xmpp.Element, n int) *forks {
	if n < 2 {
		return f
	}
	if f == nil {
		f = &forks{}
	}
	f.ring[f.next] = fork{forkKey(m), int32(n)}
	f.next = (f.next + 1) % forksKept
	return f
}

// returned notes that one client did not get m. It reports whether another one
// may have it.
func (f *forks) returned(m *xmpp.Element) bool {
	if f == nil {
		return false
	}
	key := forkKey(m)
	for i := range f.ring {
		if e := &f.ring[i]; e.left > 0 && e.key == key {
			e.left--
			return e.left > 0
		}
	}
	return false
}
