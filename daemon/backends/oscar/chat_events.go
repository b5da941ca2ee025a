// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"strings"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
)

// roomHandlers are what a room's connection may send.
func (s *session) roomHandlers(r *room) table {
	return table{
		{wire.Chat, wire.ChatRoomInfoUpdate}: func(s *session, _ *link, p snac) error { return s.roomUpdated(r, p) },
		{wire.Chat, wire.ChatUsersJoined}:    func(s *session, _ *link, p snac) error { return s.usersJoined(r, p) },
		{wire.Chat, wire.ChatUsersLeft}:      func(s *session, _ *link, p snac) error { return s.usersLeft(r, p) },
		{wire.Chat, wire.ChatChannelMsgToClient}: func(s *session, _ *link, p snac) error {
			return s.roomSaid(r, p)
		},
	}
}

// users reads a list of users.
func (c *cursor) users() []userInfo {
	var all []userInfo
	for len(c.b) > 0 && len(all) < maxOccupants {
		u := c.userInfo()
		if c.short {
			break
		}
		if u.name != "" {
			all = append(all, u)
		}
	}
	return all
}

// roomUpdated takes over how long a message may be.
func (s *session) roomUpdated(r *room, p snac) error {
	c := cursor{b: p.body}
	i := c.roomInfo()
	if t, ok := find(i.tlvs, wire.ChatRoomTLVMaxMsgLen); ok {
		s.chats.mu.Lock()
		r.longest = min(max(int(t.u16()), minRoomMessage), flapMax/2)
		s.chats.mu.Unlock()
	}
	return nil
}

// usersJoined adds occupants. The list that has the user in it is the first,
// with all who are there.
func (s *session) usersJoined(r *room, p snac) error {
	c := cursor{b: p.body}
	var fresh []string
	s.chats.mu.Lock()
	was := r.in
	for _, u := range c.users() {
		if _, known := r.occupants[u.name]; known || len(r.occupants) >= maxOccupants {
			continue
		}
		shown := strings.TrimSpace(validText(u.shown))
		if shown == "" {
			continue
		}
		r.occupants[u.name] = shown
		fresh = append(fresh, shown)
	}
	_, here := r.occupants[s.name]
	r.in = was || here
	s.chats.mu.Unlock()
	if !was {
		s.showRoom(r)
		return nil
	}
	for _, shown := range fresh {
		s.user.Participant(participant(r.name, shown))
	}
	return nil
}

func (s *session) usersLeft(r *room, p snac) error {
	c := cursor{b: p.body}
	var gone []string
	s.chats.mu.Lock()
	in := r.in
	for _, u := range c.users() {
		// The user himself has not gone while he has this connection.
		if shown, known := r.occupants[u.name]; known && u.name != s.name {
			delete(r.occupants, u.name)
			gone = append(gone, shown)
		}
	}
	s.chats.mu.Unlock()
	if !in {
		return nil
	}
	for _, shown := range gone {
		left := participant(r.name, shown)
		left.Status.Type = statusNone
		s.user.Participant(left)
	}
	return nil
}

// roomSaid shows what somebody said.
func (s *session) roomSaid(r *room, p snac) error {
	said, err := s.parseSaid(p.body)
	if err != nil {
		return err
	}
	s.showSaid(r, said)
	return nil
}

func (s *session) showSaid(r *room, what said) {
	s.chats.mu.Lock()
	shown, known := r.occupants[what.from]
	in := r.in
	s.chats.mu.Unlock()
	if !in || what.text == "" {
		return
	}
	if !known { // the server itself
		shown = what.shown
	}
	s.user.Message(backend.Incoming{
		From: r.name, Occupant: shown, Private: what.private, Text: what.text, XHTML: what.xhtml,
	})
}

// said is something said in a room.
type said struct {
	from, shown string
	private     bool
	text, xhtml string
}

// parseSaid reads SNAC(0x0E,0x06).
func (s *session) parseSaid(b []byte) (said, error) {
	c := cursor{b: b}
	c.take(8 + 2) // cookie, channel
	all := c.tlvs()
	sender, ok1 := find(all, wire.ChatTLVSenderInformation)
	message, ok2 := find(all, wire.ChatTLVMessageInfo)
	if !ok1 || !ok2 {
		return said{}, errShort
	}
	c = cursor{b: sender.value}
	u := c.userInfo()
	c = cursor{b: message.value}
	parts := c.tlvs()
	encoding, _ := find(parts, wire.ChatTLVMessageInfoEncoding)
	body, ok := find(parts, wire.ChatTLVMessageInfoText)
	if !ok || u.name == "" {
		return said{}, errShort
	}
	_, public := find(all, wire.ChatTLVPublicWhisperFlag)
	w := said{from: u.name, shown: validText(u.shown), private: !public}
	w.text, w.xhtml = xhtmlOf(s.mimeText(string(encoding.value), body.value))
	return w, nil
}
