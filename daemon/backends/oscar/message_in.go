// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"bytes"
	"encoding/hex"
	"time"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
)

// received is a message from the network.
type received struct {
	from    userInfo
	cookie  []byte
	channel uint16
	tlvs    []tlv
}

// maxMessageTLVs is more than any message has.
const maxMessageTLVs = 64

// messageHandlers are those of ICBM, and of ICQ's own messages.
func messageHandlers() table {
	return table{
		{wire.ICBM, wire.ICBMChannelMsgToClient}: (*session).messageIn,
		{wire.ICBM, wire.ICBMHostAck}:            (*session).acknowledged,
		{wire.ICBM, wire.ICBMErr}:                (*session).refused,
		{wire.ICBM, wire.ICBMClientEvent}:        (*session).typingIn,
		{wire.ICBM, wire.ICBMMissedCalls}:        (*session).missed,
		{wire.ICBM, wire.ICBMClientErr}:          (*session).clientError,
		{wire.ICQ, wire.ICQDBReply}:              (*session).icqReply,
	}
}

// messageIn takes any message.
func (s *session) messageIn(l *link, p snac) error {
	c := cursor{b: p.body}
	m := received{cookie: c.take(8), channel: c.u16(), from: c.userInfo()}
	if c.short || m.from.name == "" {
		return errShort
	}
	m.tlvs = c.countedTLVs(maxMessageTLVs)
	switch m.channel {
	case wire.ICBMChannelIM, wire.ICBMChannelMIME:
		s.instantMessage(m)
	case wire.ICBMChannelRendezvous:
		s.rendezvous(l, m)
	case wire.ICBMChannelICQ:
		s.icqMessage(m)
	default:
		s.log.Debug("a message on an unknown channel", "channel", m.channel)
	}
	return nil
}

// sent is when the message was sent; zero for now.
func (m received) sent() time.Time {
	if t, ok := find(m.tlvs, wire.ICBMTLVSendTime); ok && t.u32() > 0 {
		return time.Unix(int64(t.u32()), 0).UTC()
	}
	return time.Time{}
}

// incoming is the message with what all kinds have.
func (m received) incoming(text string) backend.Incoming {
	return backend.Incoming{
		From: m.from.name, Text: text, Time: m.sent(), RemoteID: hex.EncodeToString(m.cookie),
	}
}

// instantMessage is channel 1: text.
func (s *session) instantMessage(m received) {
	t, ok := find(m.tlvs, wire.ICBMTLVAOLIMData)
	if !ok {
		return
	}
	b := parseParts(t.value)
	in := m.incoming("")
	if b.isHTML(m.from.name, s.icq()) {
		if in.Text, in.XHTML = xhtmlOf(s.textOf(b, m.from.name)); !s.network.settings.xhtml {
			in.XHTML = ""
		}
	} else {
		in.Text = s.textOf(b, m.from.name)
	}
	if in.Text == "" {
		return
	}
	if _, auto := find(m.tlvs, wire.ICBMTLVAutoResponse); auto {
		in.Text, in.XHTML = "(automatic answer) "+in.Text, ""
	}
	s.learn(m.from, b)
	s.user.Message(in)
}

// learn remembers how somebody's client writes.
func (s *session) learn(u userInfo, b messageParts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.contactLocked(u.name)
	if k == nil {
		return
	}
	for _, p := range b.texts {
		k.unicode = k.unicode || p.charset == wire.ICBMMessageEncodingUnicode
	}
	if len(u.caps) > 0 {
		k.unicode = k.unicode || u.can(wire.CapUTF8Messages)
		k.narrow = !k.unicode
	}
}

// messageParts are the fragments of a message's text.
type messageParts struct {
	features []byte
	texts    []textPart
}

type textPart struct {
	charset uint16
	text    []byte
}

// The fragments of a text.
const (
	fragmentText     = 1
	fragmentFeatures = 5
)

// maxTexts is more than one message has.
const maxTexts = 64

func parseParts(b []byte) messageParts {
	var m messageParts
	for c := (cursor{b: b}); len(c.b) > 0 && len(m.texts) < maxTexts; {
		id := c.u8()
		c.u8() // the version
		data := c.bytes16()
		if c.short {
			break
		}
		switch id {
		case fragmentFeatures:
			m.features = data
		case fragmentText:
			p := cursor{b: data}
			t := textPart{charset: p.u16()}
			p.u16() // the charset's subset
			if !p.short {
				t.text = p.b
				m.texts = append(m.texts, t)
			}
		}
	}
	return m
}

// isHTML reports whether the text is AIM's HTML. Between AIM and ICQ it is,
// unless the features are those of plain text; between two on ICQ it is not,
// unless they are those of the later clients, the number 1 alone.
func (m messageParts) isHTML(from string, toICQ bool) bool {
	switch {
	case !isUIN(from):
		return true
	case toICQ:
		return len(m.features) == 1 && m.features[0] == 1
	}
	return !bytes.Equal(m.features, plainFeatures)
}

// textOf is the text of all parts.
func (s *session) textOf(m messageParts, from string) string {
	var text string
	for _, p := range m.texts {
		text += s.decodeText(p, from)
	}
	return text
}

// decodeText reads a part by the character set it names, as far as clients
// keep to that: old ICQ ones call everything Latin-1 or ASCII.
func (s *session) decodeText(p textPart, from string) string {
	switch p.charset {
	case wire.ICBMMessageEncodingUnicode:
		return decodeUTF16(p.text)
	case wire.ICBMMessageEncodingLatin1:
		if !isUIN(from) || !s.network.settings.charset.configured() {
			return decodeLatin1(p.text)
		}
	}
	return s.narrowText(p.text)
}

// decodeLatin1 reads what is said to be Latin-1, which Windows' clients take
// for their own superset.
func decodeLatin1(b []byte) string {
	out, err := charset{}.encoding().NewDecoder().Bytes(b)
	if err != nil {
		return validText(string(b))
	}
	return validText(string(out))
}

// narrowText reads text of eight bits that does not say its encoding.
func (s *session) narrowText(b []byte) string { return s.network.settings.charset.decode(b) }

// typingIn: somebody types, or stops.
func (s *session) typingIn(_ *link, p snac) error {
	c := cursor{b: p.body}
	c.take(8)
	c.u16()
	name, event := normal(c.str8()), c.u16()
	if c.short || name == "" {
		return errShort
	}
	state := backend.TypingStopped
	switch event {
	case typingPaused:
		state = backend.TypingPaused
	case typingActive:
		state = backend.TypingActive
	}
	s.user.Typing(name, state)
	return nil
}

// The events of SNAC(0x04,0x14).
const (
	typingStopped = 0
	typingPaused  = 1
	typingActive  = 2
)

// missedReasons are why a message did not get through to the user.
var missedReasons = map[uint16]string{
	0: "it was invalid", 1: "it was too long", 2: "the sender wrote too fast",
	3: "the sender's warning level is too high", 4: "your warning level is too high",
}

// missed: the server did not let messages through to the user.
func (s *session) missed(_ *link, p snac) error {
	c := cursor{b: p.body}
	c.u16()
	u, n, reason := c.userInfo(), c.u16(), c.u16()
	if c.short || u.name == "" {
		return errShort
	}
	why := missedReasons[reason]
	if why == "" {
		why = "of a reason that it does not give"
	}
	text := "A message of " + u.shown + " did not reach you: " + why + "."
	if n > 1 {
		text = "Messages of " + u.shown + " did not reach you: " + why + "."
	}
	s.notice(u.name, validText(text))
	return nil
}

// clientError: somebody's client refuses something.
func (s *session) clientError(*link, snac) error { return nil }

// notice tells the user something about somebody, in the conversation with
// him.
func (s *session) notice(from, text string) {
	s.user.Message(backend.Incoming{From: from, Text: text, Headline: true})
}
