// SPDX-License-Identifier: GPL-2.0-or-later

package rosteritem

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// Sum is a digest of a set of items. Items are added and taken away in any
// order; the same set has the same Sum in every process, so that it can be the
// roster's version (RFC 6121 §2.6). It is not meant to withstand somebody who
// searches for two lists with the same one: that would only show himself a list
// out of date.
type Sum struct{ a, b uint64 }

// SumOf is the digest of one item.
func SumOf(i Item) Sum {
	var buf []byte
	for _, s := range append([]string{i.JID, i.Name, i.Subscription, strconv.FormatBool(i.Ask)}, sorted(i.Groups)...) {
		buf = binary.AppendUvarint(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	h := sha256.Sum256(buf)
	return Sum{binary.BigEndian.Uint64(h[:8]), binary.BigEndian.Uint64(h[8:16])}
}

// Add is the digest with the items of o as well.
func (s Sum) Add(o Sum) Sum { return Sum{s.a + o.a, s.b + o.b} }

// Sub is the digest without the items of o.
func (s Sum) Sub(o Sum) Sum { return Sum{s.a - o.a, s.b - o.b} }

// String is the version of a roster with this digest; it is never empty.
func (s Sum) String() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], s.a)
	binary.BigEndian.PutUint64(b[8:], s.b)
	return hex.EncodeToString(b[:])
}
