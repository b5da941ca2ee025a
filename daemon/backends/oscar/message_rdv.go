// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/mk6i/open-oscar-server/wire"
)

// rendezvous is channel 2: the offer of something that two clients would do
// with each other. Rooms are joined; everything else is told and declined.
func (s *session) rendezvous(l *link, m received) {
	t, ok := find(m.tlvs, wire.ICBMTLVData)
	if !ok {
		return
	}
	c := cursor{b: t.value}
	what, cookie, capability := c.u16(), c.take(8), c.take(16)
	if c.short || what != wire.ICBMRdvMessagePropose {
		return
	}
	rest := c.b
	tlvs := c.countedTLVs(maxMessageTLVs)
	switch [16]byte(capability) {
	case wire.CapChat:
		text, _ := find(tlvs, wire.ICBMRdvTLVTagsInvitation)
		s.invited(m.from.name, s.narrowText(text.value), rest)
	case wire.CapICQCh2Extended:
		s.extended(m, tlvs)
	case wire.CapFileTransfer:
		s.offered(m, tlvs)
		s.decline(l, m, cookie, capability)
	default:
		s.decline(l, m, cookie, capability)
		s.log.Debug("an offer that this transport cannot take", "capability", fmt.Sprintf("%x", capability))
	}
}

// offered tells about a file that somebody wants to send.
func (s *session) offered(m received, tlvs []tlv) {
	data, _ := find(tlvs, wire.ICBMRdvTLVTagsSvcData)
	c := cursor{b: data.value}
	c.u16() // one file or several
	count, size := c.u16(), c.u32()
	name, _, _ := strings.Cut(string(c.b), "\x00")
	what := "I would like to send you the file " + quoted(s.narrowText([]byte(name)))
	if count > 1 {
		what = fmt.Sprintf("I would like to send you %d files, among them %s", count, quoted(s.narrowText([]byte(name))))
	}
	if !c.short {
		what += " (" + bytesOf(uint64(size)) + ")"
	}
	if t, ok := find(tlvs, wire.ICBMRdvTLVTagsInvitation); ok {
		if text := plain(s.narrowText(t.value)); text != "" {
			what += ": " + text
		}
	}
	s.user.Message(m.incoming(what + ". — This transport takes no files: it has been declined."))
}

// maxFileName is as much of a file's name as is told.
const maxFileName = 255

func quoted(name string) string { return `"` + cut(name, maxFileName) + `"` }

// bytesOf is a size as people read it.
func bytesOf(n uint64) string {
	switch {
	case n < 1<<10:
		return strconv.FormatUint(n, 10) + " bytes"
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// decline tells the other side that nothing will come of its offer.
func (s *session) decline(l *link, m received, cookie, capability []byte) {
	data := binary.BigEndian.AppendUint16(nil, wire.ICBMRdvMessageCancel)
	data = append(append(data, cookie...), capability...)
	data = appendTLV(data, wire.ICBMRdvTLVTagsCancelReason, []byte{0, byte(wire.ICBMRdvCancelReasonsUserCancel)})
	body := append([]byte(nil), cookie...)
	body = binary.BigEndian.AppendUint16(body, wire.ICBMChannelRendezvous)
	body = appendStr8(body, m.from.name)
	body = appendTLV(body, wire.ICBMTLVData, data)
	if err := l.send(wire.ICBM, wire.ICBMChannelMsgToHost, raw(body)); err != nil {
		s.log.Debug("an offer was not declined", "err", err)
	}
}

// extended is a message of ICQ's kinds inside of channel 2: two blocks of
// little-endian numbers with their lengths, then the message.
func (s *session) extended(m received, tlvs []tlv) {
	data, ok := find(tlvs, wire.ICBMRdvTLVTagsSvcData)
	if !ok {
		return
	}
	c := cursor{b: data.value}
	c.take(int(c.u16le()))
	c.take(int(c.u16le()))
	kind := c.u8()
	c.take(5) // flags, status, priority
	body := c.take(min(int(c.u16le()), len(c.b)))
	if c.short {
		return
	}
	in := m.incoming("")
	s.icqText(icqText{from: m.from.name, kind: kind, fields: s.fields(body), sent: in.Time, id: in.RemoteID})
}
