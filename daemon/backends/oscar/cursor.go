// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import "encoding/binary"

// cursor reads what a server sent, front to back. What is missing reads as
// zero and sets short; nothing is copied.
type cursor struct {
	b     []byte
	short bool
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.b, c.short = nil, true
		return nil
	}
	p := c.b[:n]
	c.b = c.b[n:]
	return p
}

func (c *cursor) u8() uint8 {
	if p := c.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (c *cursor) u16() uint16 {
	if p := c.take(2); p != nil {
		return binary.BigEndian.Uint16(p)
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if p := c.take(4); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

// u16le is for ICQ's own parts.
func (c *cursor) u16le() uint16 {
	if p := c.take(2); p != nil {
		return binary.LittleEndian.Uint16(p)
	}
	return 0
}

func (c *cursor) u32le() uint32 {
	if p := c.take(4); p != nil {
		return binary.LittleEndian.Uint32(p)
	}
	return 0
}

// str8 is a string with its length in one byte.
func (c *cursor) str8() string { return string(c.take(int(c.u8()))) }

// bytes16 is a run of bytes with its length in two.
func (c *cursor) bytes16() []byte { return c.take(int(c.u16())) }

// tlvs is everything that is left, as TLVs. A last one that is cut off is
// left out.
func (c *cursor) tlvs() []tlv { return c.countedTLVs(len(c.b)) }

// countedTLVs are the next n TLVs, or as many as there are.
func (c *cursor) countedTLVs(n int) []tlv {
	var all []tlv
	for range n {
		if len(c.b) == 0 {
			break
		}
		t := tlv{tag: c.u16()}
		t.value = c.bytes16()
		if c.short {
			break
		}
		all = append(all, t)
	}
	return all
}

// tlv is a tagged value. The value's bytes are lent like those of the SNAC.
type tlv struct {
	tag   uint16
	value []byte
}

// A value that is shorter than wanted reads as zero.

func (t tlv) u16() uint16 { c := cursor{b: t.value}; return c.u16() }

func (t tlv) u32() uint32 { c := cursor{b: t.value}; return c.u32() }

// find is the first TLV with that tag.
func find(all []tlv, tag uint16) (tlv, bool) {
	for _, t := range all {
		if t.tag == tag {
			return t, true
		}
	}
	return tlv{}, false
}

// appendTLV appends a TLV to b.
func appendTLV(b []byte, tag uint16, value []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, tag)
	b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}

// appendStr8 appends a string with its length in one byte; what is longer is
// cut.
func appendStr8(b []byte, s string) []byte {
	s = s[:min(len(s), 255)]
	return append(append(b, byte(len(s))), s...)
}
