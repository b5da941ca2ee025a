// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"golang.org/x/net/html"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
)

// maxPieces is how many messages one of the user's may become.
const maxPieces = 30

// Message sends a message to a contact, a room or an occupant.
func (s *session) Message(ctx context.Context, m *backend.Message) {
	l, err := s.online(ctx)
	if err != nil {
		m.Failed("you are not logged in to the network")
		return
	}
	if s.roomMessage(ctx, m) {
		return
	}
	name := normal(m.To)
	if m.Occupant != "" || !validName(name, anyNetwork) {
		m.Refused("item-not-found", "there is nobody of that name on the network")
		return
	}
	bodies := s.encode(name, m.Text, m.XHTML)
	if len(bodies) > maxPieces {
		m.Refused("policy-violation", "the message is too long")
		return
	}
	if len(bodies) == 0 {
		m.Delivered("")
		return
	}
	s.submit(l, name, m, bodies)
}

// submit hands the parts of a message over to the link.
func (s *session) submit(l *link, name string, m *backend.Message, bodies []raw) {
	out := &outgoing{m: m, left: len(bodies)}
	var longest time.Duration
	for _, b := range bodies {
		p := &part{out: out, body: b, id: l.nextID()}
		s.messages.add(p)
		delay, err := l.submit(kind{wire.ICBM, wire.ICBMChannelMsgToHost}, p.id, p.body, &p.sent)
		if err != nil {
			s.messages.take(p.id)
			m.Refused("resource-constraint", err.Error())
			return
		}
		longest = max(longest, delay)
	}
	s.slow(name, longest)
}

// encode makes the bodies of the SNACs that say a text to somebody.
func (s *session) encode(name, text, xhtml string) []raw {
	w := s.styleFor(name, text)
	size := s.network.settings.message
	if w.html {
		if b := markupOf(xhtml); b != "" {
			if w := s.styleFor(name, b); 2*len(b) <= size || w.charset == wire.ICBMMessageEncodingASCII && len(b) <= size {
				w.html = true
				return []raw{messageBody(name, w, w.bytes(b))}
			}
		}
	}
	var bodies []raw
	for _, piece := range split(text, size, w.cost) {
		if w.html {
			piece = markup(piece)
		}
		bodies = append(bodies, messageBody(name, w, w.bytes(piece)))
	}
	return bodies
}

// style is how a text is written for somebody.
type style struct {
	html    bool
	charset uint16
	// narrow encodes where charset is Latin-1, which old clients take for
	// their own character set.
	narrow charset
}

// styleFor chooses: HTML unless both are on ICQ; ASCII where it will do; the
// configured character set for clients that say they read no other; else
// UTF-16.
func (s *session) styleFor(name, text string) style {
	w := style{html: !s.icq() || !isUIN(name), charset: wire.ICBMMessageEncodingUnicode, narrow: s.network.settings.charset}
	// Servers take what looks like HTML out of an ICQ user's text, unless it
	// is UTF-16.
	if isASCII(text) && (w.html || !hasMarkup(text)) {
		w.charset = wire.ICBMMessageEncodingASCII
		return w
	}
	s.mu.Lock()
	k := s.contacts[name]
	narrow := k.online() && k.narrow && !k.unicode
	s.mu.Unlock()
	if _, ok := w.narrow.encode(text); narrow && ok && w.narrow.configured() {
		w.charset = wire.ICBMMessageEncodingLatin1
	}
	return w
}

func hasMarkup(text string) bool {
	for i := range len(text) {
		if text[i] == '<' || text[i] == '&' {
			return true
		}
	}
	return false
}

// cost is how many bytes a rune takes.
func (w style) cost(r rune) int {
	n := 1
	if w.html {
		n = len(html.EscapeString(string(r)))
		if r == '\n' {
			n = len("<BR>")
		} else if r > 0x7f {
			n = 1
		}
	}
	if w.charset != wire.ICBMMessageEncodingUnicode {
		return n
	}
	if r > 0xffff {
		return 4
	}
	return 2 * n
}

func (w style) bytes(text string) []byte {
	switch w.charset {
	case wire.ICBMMessageEncodingUnicode:
		return encodeUTF16(text)
	case wire.ICBMMessageEncodingLatin1:
		if b, ok := w.narrow.encode(text); ok {
			return b
		}
	}
	return []byte(text)
}

// The features of texts: plain, as ICQ's clients write them, and HTML, as
// AIM's do.
var (
	plainFeatures = []byte{1, 6}
	htmlFeatures  = []byte{1, 1, 1, 2}
)

// messageBody is SNAC(0x04,0x06): one message, which the server is to confirm,
// and to store where the recipient is not there.
func messageBody(name string, w style, text []byte) raw {
	features := plainFeatures
	if w.html {
		features = htmlFeatures
	}
	data := append([]byte{fragmentFeatures, 1, 0, byte(len(features))}, features...)
	data = append(data, fragmentText, 1)
	data = binary.BigEndian.AppendUint16(data, uint16(4+len(text)))
	data = binary.BigEndian.AppendUint16(data, w.charset)
	data = binary.BigEndian.AppendUint16(data, 0)
	data = append(data, text...)

	b := binary.BigEndian.AppendUint64(make([]byte, 0, 32+len(name)+len(data)), rand.Uint64())
	b = binary.BigEndian.AppendUint16(b, wire.ICBMChannelIM)
	b = appendStr8(b, name)
	b = appendTLV(b, wire.ICBMTLVAOLIMData, data)
	b = appendTLV(b, wire.ICBMTLVRequestHostAck, nil)
	return appendTLV(b, wire.ICBMTLVStore, nil)
}

// Typing tells a contact what the user does.
func (s *session) Typing(ctx context.Context, contact string, t backend.Typing) error {
	l, err := s.online(ctx)
	if err != nil {
		return nil
	}
	name, event := normal(contact), uint16(typingStopped)
	switch t {
	case backend.TypingActive:
		event = typingActive
	case backend.TypingPaused:
		event = typingPaused
	}
	s.mu.Lock()
	gone := s.bag.has(name) && !s.contacts[name].online()
	s.mu.Unlock()
	if gone {
		return nil
	}
	body := append(make([]byte, 8), 0, byte(wire.ICBMChannelIM))
	body = appendStr8(body, name)
	_ = l.send(wire.ICBM, wire.ICBMClientEvent, raw(binary.BigEndian.AppendUint16(body, event)))
	return nil
}
