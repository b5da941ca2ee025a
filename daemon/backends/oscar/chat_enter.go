// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
)

// enterTimeout bounds finding a room and connecting to it.
const enterTimeout = 90 * time.Second

// enter finds or makes the room and connects to it. What the server then says
// about who is there completes it (usersJoined).
func (s *session) enter(r *room) {
	ctx, cancel := context.WithTimeout(context.Background(), enterTimeout)
	defer cancel()
	l, err := s.connectRoom(ctx, r)
	if err != nil {
		if s.forget(r) {
			condition, text := refusal(err)
			s.log.Info("a room was not entered", "err", err)
			s.user.JoinFailed(r.name, r.nick, condition, text)
		}
		return
	}
	s.chats.mu.Lock()
	wanted := s.chats.rooms[r.name] == r
	r.link = l
	s.chats.mu.Unlock()
	if !wanted { // left meanwhile
		l.close()
		return
	}
	s.user.Go(func() {
		<-l.done
		s.roomLost(r)
	})
}

// connectRoom asks the room's directory for it and connects.
func (s *session) connectRoom(ctx context.Context, r *room) (*link, error) {
	nav, err := s.open(ctx, wire.ChatNav, nil)
	if err != nil {
		return nil, err
	}
	defer nav.close()
	p, err := nav.request(ctx, wire.ChatNav, wire.ChatNavCreateRoom, wire.SNAC_0x0E_0x02_ChatRoomInfoUpdate{
		Exchange: r.venue.exchange, Cookie: "create", InstanceNumber: 0xffff, DetailLevel: 1,
		TLVBlock: wire.TLVBlock{TLVList: wire.TLVList{
			wire.NewTLVBE(wire.ChatRoomTLVRoomName, r.venue.name),
			wire.NewTLVBE(wire.ChatRoomTLVCharSet1, "us-ascii"), wire.NewTLVBE(wire.ChatRoomTLVLang1, "en"),
		}},
	})
	if err != nil {
		return nil, err
	}
	info, err := parseNavInfo(p.body)
	if err != nil {
		return nil, err
	}
	s.chats.mu.Lock()
	r.info = roomInfo{exchange: info.exchange, cookie: info.cookie, instance: info.instance}
	s.chats.mu.Unlock()
	return s.open(ctx, wire.Chat, s.roomHandlers(r), wire.NewTLVBE(0x01, wire.SNAC_0x01_0x04_TLVRoomInfo{
		Exchange: info.exchange, Cookie: info.cookie, InstanceNumber: info.instance,
	}))
}

// roomInfo is what a server says about a room.
type roomInfo struct {
	exchange, instance uint16
	cookie             string
	tlvs               []tlv
}

// roomInfo reads a room's description (in SNACs 0x0D,0x09 and 0x0E,0x02).
func (c *cursor) roomInfo() roomInfo {
	i := roomInfo{exchange: c.u16(), cookie: c.str8(), instance: c.u16()}
	c.u8() // how detailed this is
	i.tlvs = c.countedTLVs(int(c.u16()))
	return i
}

// parseNavInfo reads SNAC(0x0D,0x09), the answer about one room.
func parseNavInfo(b []byte) (roomInfo, error) {
	c := cursor{b: b}
	t, ok := find(c.tlvs(), wire.ChatNavTLVRoomInfo)
	if !ok {
		return roomInfo{}, errShort
	}
	c = cursor{b: t.value}
	i := c.roomInfo()
	if c.short || i.cookie == "" {
		return roomInfo{}, errShort
	}
	return i, nil
}

// refusal is why a room cannot be entered, as an XMPP condition (XEP-0045
// §7.2) and for the user.
func refusal(err error) (condition, text string) {
	var refused *snacError
	if !errors.As(err, &refused) {
		return "remote-server-timeout", "The network did not let you into the room."
	}
	switch refused.code {
	case wire.ErrorCodeNoMatch:
		return "item-not-found", "The network has no such room."
	case wire.ErrorCodeNotSupportedByHost:
		return "item-not-found", "The network has no such room, and rooms cannot be made there."
	}
	return "service-unavailable", "The network refuses to let you into the room."
}

// roomLost: the room's connection has ended, and not because the user left.
func (s *session) roomLost(r *room) {
	select {
	case <-s.over:
		return
	default:
	}
	if !s.forget(r) {
		return
	}
	s.chats.mu.Lock()
	in, me := r.in, r.occupants[s.name]
	s.chats.mu.Unlock()
	if !in {
		s.user.JoinFailed(r.name, r.nick, "remote-server-timeout", "The network closed the connection to the room.")
		return
	}
	p := participant(r.name, me)
	p.Me = true
	p.Status = backend.Status{Type: statusNone, Text: "The network closed the connection to the room."}
	s.user.Participant(p)
}

// invited is called in the reading goroutine with an invitation to a room, the
// body of its rendezvous.
func (s *session) invited(from, text string, body []byte) {
	c := cursor{b: body}
	t, _ := find(c.tlvs(), rendezvousService)
	c = cursor{b: t.value}
	exchange, cookie := c.u16(), c.str8()
	p, ok := venueInCookie(exchange, validText(cookie))
	if c.short || !ok {
		s.log.Info("an invitation to a room was not understood")
		return
	}
	address := p.escaped() + "@" + s.user.Config().Service.JID
	say := "I invite you to the chat room \"" + p.name + "\": " + address
	s.user.Message(backend.Incoming{From: from, Text: join("\n", say, text)})
}

// rendezvousService is the TLV of a rendezvous with what its capability wants
// to know; for a room, which one.
const rendezvousService = 0x2711

// invitation encodes SNAC(0x04,0x06) on channel 2 with an invitation.
func invitation(cookie uint64, to, text string, i roomInfo) raw {
	service := binary.BigEndian.AppendUint16(nil, i.exchange)
	service = appendStr8(service, i.cookie)
	service = binary.BigEndian.AppendUint16(service, i.instance)
	rendezvous := binary.BigEndian.AppendUint64([]byte{0, 0}, cookie)
	rendezvous = append(rendezvous, wire.CapChat[:]...)
	rendezvous = appendTLV(rendezvous, 0x0a, []byte{0, 1})
	rendezvous = appendTLV(rendezvous, 0x0f, nil)
	rendezvous = appendTLV(rendezvous, 0x0c, []byte(text))
	rendezvous = appendTLV(rendezvous, rendezvousService, service)
	b := binary.BigEndian.AppendUint64(nil, cookie)
	b = binary.BigEndian.AppendUint16(b, wire.ICBMChannelRendezvous)
	return appendTLV(appendStr8(b, to), wire.ICBMTLVData, rendezvous)
}
