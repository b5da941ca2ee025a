// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/mk6i/open-oscar-server/wire"
)

// What was sent while the user was away waits in up to two places: ICBM's
// store, whose messages come like any other, with their time; and ICQ's of
// old, which is emptied when all of it has come.

// fetchOffline asks for both.
func (s *session) fetchOffline(l *link) error {
	if err := l.send(wire.ICBM, wire.ICBMOfflineRetrieve, nil); err != nil {
		return err
	}
	if !s.icq() {
		return nil
	}
	return s.askICQ(l, wire.ICQDBQueryOfflineMsgReq, nil)
}

// askICQ sends one of ICQ's own requests, whose answer comes to icqReply.
func (s *session) askICQ(l *link, request uint16, more []byte) error {
	uin, err := strconv.ParseUint(s.name, 10, 32)
	if err != nil {
		return err
	}
	b := binary.LittleEndian.AppendUint16(nil, uint16(8+len(more)))
	b = binary.LittleEndian.AppendUint32(b, uint32(uin))
	b = binary.LittleEndian.AppendUint16(b, request)
	b = binary.LittleEndian.AppendUint16(b, 2) // the request's number
	return l.send(wire.ICQ, wire.ICQDBQuery, raw(appendTLV(nil, wire.ICQTLVTagsMetadata, append(b, more...))))
}

// icqReply takes what ICQ's part of the server says unasked, or in answer to
// fetchOffline.
func (s *session) icqReply(l *link, p snac) error {
	c := cursor{b: p.body}
	t, ok := find(c.tlvs(), wire.ICQTLVTagsMetadata)
	if !ok {
		return errShort
	}
	c = cursor{b: t.value}
	c.u16le() // the length of what follows
	c.u32le() // the user's own number
	kind := c.u16le()
	c.u16le()
	switch kind {
	case wire.ICQDBQueryOfflineMsgReply:
		return s.storedMessage(c)
	case wire.ICQDBQueryOfflineMsgReplyLast:
		return s.askICQ(l, wire.ICQDBQueryDeleteMsgReq, nil)
	}
	return nil
}

// storedMessage is a message from ICQ's store; its time is UTC.
func (s *session) storedMessage(c cursor) error {
	t := icqText{from: strconv.FormatUint(uint64(c.u32le()), 10)}
	year, month, day, hour, minute := int(c.u16le()), c.u8(), int(c.u8()), int(c.u8()), int(c.u8())
	t.kind = c.u8()
	c.u8() // flags
	body := c.take(min(int(c.u16le()), len(c.b)))
	if c.short {
		return errShort
	}
	if year >= 1996 && year < 3000 {
		t.sent = time.Date(year, time.Month(month), day, hour, minute, 0, 0, time.UTC)
	}
	t.fields = s.fields(body)
	s.icqText(t)
	return nil
}

// while is a context for what the session does on its own. What waits for the
// network ends with the session anyway.
func (s *session) while() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), requestTimeout)
}
