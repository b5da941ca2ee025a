// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// deaf is a user who takes note of nothing but panics of what the session
// starts, which fail the test.
type deaf struct {
	t    *testing.T
	work sync.WaitGroup
}

func (d *deaf) Log() *slog.Logger                        { return slog.New(slog.DiscardHandler) }
func (d *deaf) Config() *config.Config                   { return &config.Config{} }
func (d *deaf) Go(f func())                              { d.work.Go(f) }
func (d *deaf) Connected(string, pbnetwork.Confirmation) {}
func (d *deaf) Contact(c backend.Contact)                { d.readable(c.Name, c.Alias, c.Status.Text) }
func (d *deaf) ContactList(list []backend.Contact) {
	for _, c := range list {
		d.Contact(c)
	}
}
func (d *deaf) ContactRemoved(string)                  {}
func (d *deaf) AuthRequest(_, message string)          { d.readable(message) }
func (d *deaf) Typing(string, backend.Typing)          {}
func (d *deaf) Message(m backend.Incoming)             { d.readable(m.Text, m.XHTML) }
func (d *deaf) Receipt(*backend.Message)               {}
func (d *deaf) Participant(p backend.Participant)      { d.readable(p.Status.Text) }
func (d *deaf) Subject(_, _, text string, _ time.Time) { d.readable(text) }
func (d *deaf) RoomNick(_, _ string)                   {}
func (d *deaf) RoomList(_, _ []string)                 {}
func (d *deaf) JoinFailed(_, _, _, _ string)           {}

// readable fails the test for what no XML can hold.
func (d *deaf) readable(texts ...string) {
	for _, text := range texts {
		if strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 && r != '\n' && r != '\t' }) {
			d.t.Errorf("%q reaches the user", text)
		}
	}
}

// canned is a connection from which b comes; what is written to it is lost.
type canned struct{ *bytes.Reader }

func (canned) Write(p []byte) (int, error)      { return len(p), nil }
func (canned) Close() error                     { return nil }
func (canned) LocalAddr() net.Addr              { return nil }
func (canned) RemoteAddr() net.Addr             { return nil }
func (canned) SetDeadline(time.Time) error      { return nil }
func (canned) SetReadDeadline(time.Time) error  { return nil }
func (canned) SetWriteDeadline(time.Time) error { return nil }

// frames are payloads as they come in FLAP data frames.
func frames(payloads ...[]byte) []byte {
	var b []byte
	for i, p := range payloads {
		b = appendFrame(b, wire.FLAPFrameData, uint16(i), p)
	}
	return b
}

// FuzzSession is a server that says anything to a user who is on.
func FuzzSession(f *testing.F) {
	one := func(group, sub uint16, body any) []byte {
		b, err := appendSNAC(nil, kind{group, sub}, 1, body)
		if err != nil {
			f.Fatal(err)
		}
		return b
	}
	who := wire.TLVUserInfo{ScreenName: "100002", TLVBlock: wire.TLVBlock{TLVList: wire.TLVList{
		wire.NewTLVBE(wire.OServiceUserInfoUserFlags, uint16(0x20)), wire.NewTLVBE(wire.OServiceUserInfoStatus, uint32(2)),
	}}}
	item := wire.FeedbagItem{Name: "100002", GroupID: 1, ItemID: 2}
	f.Add(frames(one(wire.Buddy, wire.BuddyArrived, wire.SNAC_0x03_0x0B_BuddyArrived{TLVUserInfo: who})))
	f.Add(frames(one(wire.Buddy, wire.BuddyDeparted, wire.SNAC_0x03_0x0C_BuddyDeparted{TLVUserInfo: who})))
	f.Add(frames(one(wire.Feedbag, wire.FeedbagInsertItem, wire.SNAC_0x13_0x08_FeedbagInsertItem{Items: []wire.FeedbagItem{item}})))
	f.Add(frames(one(wire.Feedbag, wire.FeedbagReply, wire.SNAC_0x13_0x06_FeedbagReply{Items: []wire.FeedbagItem{item}})))
	for channel, t := range map[uint16]wire.TLV{
		1: wire.NewTLVBE(2, []wire.ICBMCh1Fragment{{ID: 1, Version: 1, Payload: []byte("\x00\x02\x00\x00\x00a")}}),
		2: wire.NewTLVBE(5, wire.ICBMCh2Fragment{Capability: wire.CapICQCh2Extended, TLVRestBlock: wire.TLVRestBlock{TLVList: wire.TLVList{wire.NewTLVBE(0x2711, make([]byte, 64))}}}),
		4: wire.NewTLVLE(5, wire.ICBMCh4Message{UIN: 1, MessageType: 6, Message: "a\xfeb\xfec"}),
	} {
		f.Add(frames(one(wire.ICBM, wire.ICBMChannelMsgToClient, wire.SNAC_0x04_0x07_ICBMChannelMsgToClient{
			ChannelID: channel, TLVUserInfo: who, TLVRestBlock: wire.TLVRestBlock{TLVList: wire.TLVList{t}},
		})))
	}
	f.Add(frames(one(wire.OService, wire.OServiceRateParamChange, wire.SNAC_0x01_0x0A_OServiceRateParamsChange{Code: 3})))
	f.Add(frames(one(wire.ICQ, wire.ICQDBReply, raw("\x00\x01\x00\x20\x1e\x00\x01\x00\x00\x00\x41\x00\x02\x00\x02\x00\x00\x00\xea\x07\x01\x02\x03\x04\x01\x00\x06\x00hello\x00"))))
	f.Add([]byte("*\x04\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		u := &deaf{t: t}
		n := newNetwork(settings{host: "h", port: "1", several: true, message: defaultMessage})
		s := n.newSession(u, backend.Login{LegacyName: "100001"})
		s.told.Store(true)
		l := newLink(s, wire.BOS, canned{bytes.NewReader(b)}, n.handlers)
		s.bos = l
		close(s.ready)
		s.bag.put(&bagItem{bagPlace: bagPlace{1, 2}, name: "100002"})
		if _, err := s.stayOn(t.Context(), l); err == nil {
			t.Error("reading ended without an error")
		}
		s.end()
		l.close()
		u.work.Wait()
	})
}

// stayOn is stay for a session that is set up.
func (s *session) stayOn(ctx context.Context, l *link) (*link, error) {
	err := s.read(ctx, l)
	return l, s.farewell(l, err)
}

// FuzzSignOn is a server that says anything during the login.
func FuzzSignOn(f *testing.F) {
	f.Add(frames([]byte("\x00\x17\x00\x07\x00\x00\x00\x00\x00\x01\x00\x03key"), []byte("\x00\x17\x00\x03\x00\x00\x00\x00\x00\x02\x00\x05\x00\x03h:1\x00\x06\x00\x01c")))
	f.Add(frames([]byte("\x00\x01\x00\x03\x00\x00\x00\x00\x00\x01\x00\x01\x00\x13"), []byte("\x00\x01\x00\x18\x00\x00\x00\x00\x00\x01"),
		[]byte("\x00\x01\x00\x07\x00\x00\x00\x00\x00\x02\x00\x01\x00\x01"+strings.Repeat("\x00", 28)+"\x00\x01\x00\x01\x00\x04\x00\x06"),
		[]byte("\x00\x13\x00\x06\x00\x00\x00\x00\x00\x09\x00\x00\x01\x00\x01a\x00\x01\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00")))
	f.Fuzz(func(t *testing.T, b []byte) {
		u := &deaf{t: t}
		n := newNetwork(settings{host: "h", port: "1", several: true, message: defaultMessage})
		s := n.newSession(u, backend.Login{LegacyName: "100001"})
		login := newLink(s, wire.BUCP, canned{bytes.NewReader(b)}, nil)
		_, _ = s.hashedLogin(t.Context(), login)
		login.close()
		l := newLink(s, wire.BOS, canned{bytes.NewReader(b)}, n.handlers)
		if l.signOn(t.Context(), []byte("cookie")) == nil {
			_ = s.setUp(t.Context(), l)
			s.showAll()
		}
		s.end()
		l.close()
		u.work.Wait()
	})
}

// FuzzHTML: whatever comes, the text is text and the XHTML well-formed.
func FuzzHTML(f *testing.F) {
	f.Add(`<HTML><BODY><FONT COLOR="#ff0000">a<B>b</I>c<A HREF="https://x.org">d</FONT><br>&lt;&amp;&#1055;`)
	f.Add("<a href='javascript:x'>y</a><script>z</script><p><i>")
	f.Fuzz(func(t *testing.T, in string) {
		text, xhtml := xhtmlOf(in)
		if !utf8.ValidString(text) || !utf8.ValidString(xhtml) {
			t.Fatalf("%q became %q and %q", in, text, xhtml)
		}
		d := xml.NewDecoder(strings.NewReader("<body>" + xhtml + "</body>"))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%q became %q: %v", in, xhtml, err)
			}
		}
		markupOf(in)
		if got := plain(markup(validText(in))); got != strings.TrimRight(validText(in), "\n ") {
			t.Fatalf("%q came back as %q", in, got)
		}
	})
}

// FuzzSplit: the pieces are the text, none is too long, none ends within a
// character.
func FuzzSplit(f *testing.F) {
	f.Add("hello wide world 😀👨‍👩‍👧 ééé", 10)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		text = strings.ToValidUTF8(text, "?")
		if limit < 8 || limit > 1000 {
			return
		}
		w := style{charset: wire.ICBMMessageEncodingUnicode}
		var length int
		for _, p := range split(text, limit, w.cost) {
			if !utf8.ValidString(p) || len(encodeUTF16(p)) > limit {
				t.Fatalf("%q: piece %q", text, p)
			}
			length += len(p)
		}
		if spaces := strings.Count(text, " ") + strings.Count(text, "\n"); length < len(text)-spaces || length > len(text) {
			t.Fatalf("%q lost characters", text)
		}
	})
}

// FuzzText: every encoding's text is readable.
func FuzzText(f *testing.F) {
	f.Add([]byte("\x04\x1f\xd8\x3d\xde\x00"), "Привет 😀")
	f.Fuzz(func(t *testing.T, b []byte, text string) {
		c, err := newCharset("windows-1251")
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []string{decodeUTF16(b), decodeLatin1(b), c.decode(b)} {
			if !utf8.ValidString(got) {
				t.Errorf("%x became %q", b, got)
			}
		}
		if text = validText(text); !strings.HasPrefix(text, "\uFEFF") && decodeUTF16(encodeUTF16(text)) != text {
			t.Errorf("%q came back as %q", text, decodeUTF16(encodeUTF16(text)))
		}
	})
}
