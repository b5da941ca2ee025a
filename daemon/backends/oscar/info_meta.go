// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/mk6i/open-oscar-server/wire"
)

// ICQ keeps what its users tell about themselves in a database of its own. It
// is asked through one kind of SNAC, little-endian inside: a meta request with
// a subtype, answered by one or several meta replies.

// metaReply is one answer of ICQ's database; what is left in the cursor is the
// subtype's own.
type metaReply struct {
	cursor
	sub     uint16
	success uint8
	text    func([]byte) string
}

// errNotFound: ICQ's database has nobody of that kind.
var errNotFound = errors.New("nobody was found")

// errMeta: ICQ's database refuses a request.
var errMeta = errors.New("the network refuses the request")

// meta asks ICQ's database and gives all its replies.
func (s *session) meta(ctx context.Context, sub uint16, payload []byte) ([]metaReply, error) {
	l, err := s.online(ctx)
	if err != nil {
		return nil, err
	}
	uin, _ := strconv.ParseUint(s.name, 10, 32) // 0 for an AIM user
	all, err := l.requestAll(ctx, wire.ICQ, wire.ICQDBQuery, metaRequest(uint32(uin), sub, payload))
	if err != nil {
		return nil, fmt.Errorf("ask ICQ's database: %w", err)
	}
	replies := make([]metaReply, 0, len(all))
	for _, p := range all {
		r, err := parseMeta(p.body)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", p.kind, err)
		}
		r.text = s.network.settings.charset.decode
		replies = append(replies, r)
	}
	return replies, nil
}

// metaRequest encodes SNAC(0x15,0x02) with a meta request. Its sequence number
// is 1 always: replies are told apart by the SNAC's id.
func metaRequest(uin uint32, sub uint16, payload []byte) raw {
	b := binary.LittleEndian.AppendUint16(nil, uint16(10+len(payload)))
	b = binary.LittleEndian.AppendUint32(b, uin)
	b = binary.LittleEndian.AppendUint16(b, wire.ICQDBQueryMetaReq)
	b = binary.LittleEndian.AppendUint16(b, 1)
	b = binary.LittleEndian.AppendUint16(b, sub)
	return appendTLV(nil, wire.ICQTLVTagsMetadata, append(b, payload...))
}

// parseMeta reads SNAC(0x15,0x03) with a meta reply.
func parseMeta(b []byte) (metaReply, error) {
	c := cursor{b: b}
	t, ok := find(c.tlvs(), wire.ICQTLVTagsMetadata)
	if !ok {
		return metaReply{}, errShort
	}
	r := metaReply{cursor: cursor{b: t.value}, text: func(b []byte) string { return string(b) }}
	r.u16le() // the length of what follows
	r.u32le() // the user himself
	if kind := r.u16le(); kind != wire.ICQDBQueryMetaReply {
		return metaReply{}, fmt.Errorf("a reply of type 0x%04x", kind)
	}
	r.u16le() // the sequence number
	r.sub, r.success = r.u16le(), r.u8()
	if r.short {
		return metaReply{}, errShort
	}
	return r, nil
}

// str is a string of ICQ's: its length in two bytes, ended by NUL.
func (r *metaReply) str() string {
	b := r.take(int(r.u16le()))
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return r.text(b)
}

// icqBytes encodes a string of ICQ's database, which does not say its charset:
// old clients expect that of their users' systems, new ones read UTF-8 too.
func (s *session) icqBytes(text string) []byte {
	if b, ok := s.network.settings.charset.encode(text); ok {
		return b
	}
	return []byte(text)
}

// appendICQString appends a string of ICQ's: length, bytes, NUL.
func appendICQString(b, text []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text)+1))
	return append(append(b, text...), 0)
}

// appendTLVLE appends a TLV of ICQ's database.
func appendTLVLE(b []byte, tag uint16, value []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, tag)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}
