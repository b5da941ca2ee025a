// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"strconv"
	"strings"
	"time"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
)

// icqText is a message of ICQ's own kinds, which come on channel 4, inside of
// channel 2, and from the server's store of old.
type icqText struct {
	from   string
	kind   uint8
	fields []string
	sent   time.Time
	id     string
}

// icqMessage is channel 4.
func (s *session) icqMessage(m received) {
	t, ok := find(m.tlvs, wire.ICBMTLVData)
	if !ok {
		return
	}
	c := cursor{b: t.value}
	uin := c.u32le()
	kind := c.u8()
	c.u8() // flags
	body := c.take(min(int(c.u16le()), len(c.b)))
	from := m.from.name
	if !isUIN(from) && uin > 0 {
		from = strconv.FormatUint(uint64(uin), 10)
	}
	in := m.incoming("")
	s.icqText(icqText{from: from, kind: kind, fields: s.fields(body), sent: in.Time, id: in.RemoteID})
}

// maxFields is more than any message has.
const maxFields = 512

// fields are the parts of a message's body, which 0xFE parts.
func (s *session) fields(body []byte) []string {
	if i := strings.IndexByte(string(body), 0); i >= 0 {
		body = body[:i]
	}
	parts := strings.SplitN(string(body), "\xfe", maxFields)
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(s.narrowText([]byte(p)), "\r", "\n")
	}
	return parts
}

// field is the n-th field, "" where there is none.
func (t icqText) field(n int) string {
	if n < len(t.fields) {
		return strings.TrimSpace(t.fields[n])
	}
	return ""
}

// icqText tells the user a message of ICQ's kinds as what it means.
func (s *session) icqText(t icqText) {
	switch t.kind {
	case wire.ICBMMsgTypeAuthReq:
		s.user.AuthRequest(t.from, t.field(5))
		return
	case wire.ICBMMsgTypeAuthDeny:
		s.authOutcome(t.from, false, t.field(0))
		return
	case wire.ICBMMsgTypeAuthOK:
		s.authOutcome(t.from, true, "")
		return
	case wire.ICBMMsgTypeAdded:
		s.notice(t.from, t.from+" has added you to his or her contact list.")
		return
	}
	text := t.text()
	if text == "" {
		s.log.Debug("a message of a kind without text", "kind", t.kind)
		return
	}
	s.user.Message(backend.Incoming{From: t.from, Text: text, Time: t.sent, RemoteID: t.id})
}

// text is what the user reads.
func (t icqText) text() string {
	switch t.kind {
	case wire.ICBMMsgTypePlain:
		return strings.Join(t.fields, "\n")
	case wire.ICBMMsgTypeUrl:
		return strings.TrimSpace(t.field(0) + "\n" + t.field(1))
	case wire.ICBMMsgTypeFileReq:
		return "I would like to send you a file: " + t.field(0) + ". (This transport takes no files.)"
	case wire.ICBMMsgTypeChat:
		return "I invite you to a chat: " + t.field(0) + " (This transport cannot take part.)"
	case wire.ICBMMsgTypeServer:
		return strings.TrimSpace("A message from the network: " + t.last())
	case wire.ICBMMsgTypeWWP:
		return "From the web, by " + t.who() + ": " + t.last()
	case wire.ICBMMsgTypeEExpress:
		return "By e-mail, from " + t.who() + ": " + t.last()
	case wire.ICBMMsgTypeContacts:
		return t.contacts()
	case wire.ICBMMsgTypePlugin:
		return t.plugin()
	}
	return ""
}

// who is the sender of a message from outside: his name and his address.
func (t icqText) who() string {
	return strings.TrimSpace(t.field(0) + " <" + t.field(3) + ">")
}

func (t icqText) last() string { return t.field(len(t.fields) - 1) }

// contacts are those that somebody recommends: how many, and a number and a
// name for each.
func (t icqText) contacts() string {
	text := "I recommend these contacts to you:"
	for i := 1; i+1 < len(t.fields); i += 2 {
		text += "\n" + t.field(i) + " " + t.field(i+1)
	}
	return text
}

// plugin is a message of a kind of later clients, of which some are XML: an
// SMS has its text in an element.
func (t icqText) plugin() string {
	all := strings.Join(t.fields, "\n")
	text, number := between(all, "<text>", "</text>"), between(all, "<sender>", "</sender>")
	switch {
	case text != "" && number != "":
		return "SMS from " + number + ": " + plain(text)
	case text != "":
		return plain(text)
	}
	return ""
}

func between(s, open, close string) string {
	_, s, ok := strings.Cut(s, open)
	if !ok {
		return ""
	}
	inside, _, ok := strings.Cut(s, close)
	if !ok {
		return ""
	}
	return strings.TrimSpace(inside)
}
