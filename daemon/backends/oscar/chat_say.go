// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
)

// How long a message in a room may be where the server does not say, and what
// is believed at least.
const (
	defaultRoomMessage = 1024
	minRoomMessage     = 100
)

// roomChannel is the channel on which rooms talk (wire.ICBMChannelMIME).
const roomChannel = 3

// reflectTimeout is how long the server may take to send a message back.
const reflectTimeout = time.Minute

// roomMessage sends a message to a room or to an occupant, and sees to its
// result; false for a message that is for no room.
func (s *session) roomMessage(_ context.Context, m *backend.Message) bool {
	r := s.room(m.To)
	switch {
	case r != nil:
		s.sayIn(r, m)
	case m.Occupant != "":
		m.Refused("not-acceptable", "You are not in this room.")
	default:
		return false
	}
	return true
}

func (s *session) sayIn(r *room, m *backend.Message) {
	s.chats.mu.Lock()
	l, in, longest, to := r.link, r.in, r.longest, ""
	for name, shown := range r.occupants {
		if m.Occupant != "" && (shown == m.Occupant || name == normal(m.Occupant)) {
			to = name
		}
	}
	s.chats.mu.Unlock()
	switch {
	case l == nil || !in:
		m.Refused("not-acceptable", "You are not in this room yet.")
	case m.Occupant != "" && to == "":
		m.Refused("item-not-found", "There is no "+m.Occupant+" in the room.")
	default:
		s.say(r, l, m, to, longest)
	}
}

// say sends a message in as many parts as it takes. The server sends the last
// one back when it has it: then the message is delivered, and shown as the
// room's.
func (s *session) say(r *room, l *link, m *backend.Message, to string, longest int) {
	parts := roomParts(m.Text, longest)
	for _, part := range parts[:len(parts)-1] {
		if err := l.send(wire.Chat, wire.ChatChannelMsgToHost, roomBody(part, to, false)); err != nil {
			m.Refused("policy-violation", err.Error())
			return
		}
	}
	id, reply := l.expect()
	wait, err := l.submit(kind{wire.Chat, wire.ChatChannelMsgToHost}, id, roomBody(parts[len(parts)-1], to, true), nil)
	if err != nil {
		l.forget(id)
		m.Refused("policy-violation", err.Error())
		return
	}
	s.user.Go(func() {
		defer l.forget(id)
		ctx, cancel := context.WithTimeout(context.Background(), wait+reflectTimeout)
		defer cancel()
		select {
		case p := <-reply:
			s.reflected(r, m, to, p)
		case <-l.done:
			m.Unknown("the connection to the room has ended")
		case <-ctx.Done():
			m.Unknown("the room did not confirm it")
		}
	})
}

// reflected: the server has the message m.
func (s *session) reflected(r *room, m *backend.Message, to string, p snac) {
	if err := p.err(); err != nil {
		m.Failed("The network refuses it.")
		return
	}
	m.Delivered("")
	if to != "" {
		return
	}
	s.chats.mu.Lock()
	me := r.occupants[s.name]
	s.chats.mu.Unlock()
	s.user.Message(backend.Incoming{From: r.name, Occupant: me, Text: m.Text})
	// Instead of some commands (//roll) comes what they gave.
	if other, err := s.parseSaid(p.body); err == nil && other.from != s.name {
		s.showSaid(r, other)
	}
}

// roomParts splits a text so that each part fits into longest bytes in either
// encoding, between words where it can.
func roomParts(text string, longest int) []string {
	var parts []string
	for {
		n := fitting(text, longest)
		parts = append(parts, text[:n])
		if n == len(text) {
			return parts
		}
		text = text[n:]
	}
}

// fitting is how much of text fits: all, or up to the last space in the second
// half of what does, or at least one character.
func fitting(text string, longest int) int {
	size, space, ascii := 0, 0, isASCII(text)
	for i, r := range text {
		size += len(roomBytes(string(r), ascii))
		if size > longest && i > 0 {
			if space > i/2 {
				return space
			}
			return i
		}
		if r == ' ' || r == '\n' {
			space = i + 1
		}
	}
	return len(text)
}

// roomBytes encodes a text for a room: where it is not ASCII alone, as UTF-16.
func roomBytes(text string, ascii bool) []byte {
	if ascii {
		return []byte(markup(text))
	}
	return encodeUTF16(markup(text))
}

// roomBody encodes SNAC(0x0E,0x05): to all, or to one occupant alone.
func roomBody(text, to string, reflect bool) raw {
	charset, ascii := "us-ascii", isASCII(text)
	if !ascii {
		charset = "unicode-2-0"
	}
	message := appendTLV(nil, wire.ChatTLVMessageInfoEncoding, []byte(charset))
	message = appendTLV(message, wire.ChatTLVMessageInfoLang, []byte("en"))
	message = appendTLV(message, wire.ChatTLVMessageInfoText, roomBytes(text, ascii))
	b := binary.BigEndian.AppendUint64(nil, rand.Uint64())
	b = binary.BigEndian.AppendUint16(b, roomChannel)
	if to == "" {
		b = appendTLV(b, wire.ChatTLVPublicWhisperFlag, nil)
	} else {
		b = appendTLV(b, wire.ChatTLVWhisperToUser, []byte(to))
	}
	if reflect {
		b = appendTLV(b, wire.ChatTLVEnableReflectionFlag, nil)
	}
	return appendTLV(b, wire.ChatTLVMessageInfo, message)
}
