// SPDX-License-Identifier: GPL-2.0-or-later

package oscar_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

func TestTextsOfOtherClients(t *testing.T) {
	s := serverWith(t, "100001", "100002", "someone")
	m := startWith(t, configFor(s, map[string]string{"encoding": "windows-1251"}), 1)
	jid := loginAs(t, m, "100001")
	other := clientOn(t, s, "100002")
	for _, c := range []struct {
		charset uint16
		b       string
		want    string
	}{
		{0, "hello", "hello"},
		{0, "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"},
		{3, "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"},
		{0, "Привет", "Привет"},
		{2, "\x04\x1f\x00!\xd8\x3d\xde\x00", "П!😀"},
		{2, "\x00a\xd8\x3d\x00b\x00", "a\uFFFDb"},
		{0, "bell\x07 and\x00 null", "bell and null"},
	} {
		other.say("100001", 1, text(c.charset, []byte(c.b)))
		if got := m.Incoming(jid, "100002"); got.GetMessage() != c.want {
			t.Errorf("%d %q came as %q", c.charset, c.b, got.GetMessage())
		}
	}
}

func TestHTMLOfAIMClients(t *testing.T) {
	s := serverWith(t, "100001", "someone")
	m := startOn(t, s)
	jid := loginAs(t, m, "100001")
	other := clientOn(t, s, "someone")
	html := `<HTML><BODY BGCOLOR="#ffffff"><FONT FACE="Arial" COLOR="#ff0000">a &lt; <B>bold</B><BR>see <A HREF="https://example.org/x?a=1&amp;b=2">this</A></FONT><SCRIPT>evil()</SCRIPT></BODY></HTML>`
	other.say("100001", 1, text(0, []byte(html)))
	got := m.Incoming(jid, "someone")
	if want := "a < bold\nsee this <https://example.org/x?a=1&b=2>"; got.GetMessage() != want {
		t.Errorf("the text is %q", got.GetMessage())
	}
	want := `<span style="color: #ff0000">a &lt; <strong>bold</strong><br/>see <a href="https://example.org/x?a=1&amp;b=2">this</a></span>`
	if got.GetXhtml() != want {
		t.Errorf("the XHTML is %q", got.GetXhtml())
	}
}

func TestICQsOwnMessagesSayWhatTheyMean(t *testing.T) {
	s := serverWith(t, "100001", "100002")
	m := startOn(t, s)
	jid := loginAs(t, m, "100001")
	other := clientOn(t, s, "100002")
	for _, c := range []struct {
		kind uint8
		body string
		want []string
	}{
		{1, "plain", []string{"plain"}},
		{4, "look here\xfehttps://example.org/", []string{"look here\nhttps://example.org/"}},
		{0x13, "2\xfe100003\xfeCarol\xfe100004\xfeDan\xfe", []string{"100003 Carol", "100004 Dan"}},
		{0x0d, "Eve\xfe\xfe\xfeeve@example.org\xfe3\xfehi from the web", []string{"Eve", "eve@example.org", "hi from the web"}},
		{0x0e, "Eve\xfe\xfe\xfeeve@example.org\xfe3\xfehi by mail", []string{"By e-mail", "eve@example.org", "hi by mail"}},
		{0x1a, "ICQSMS<sms_message><sender>+4917</sender><text>short &amp; sweet</text></sms_message>", []string{"SMS", "+4917", "short & sweet"}},
		{3, "photo.jpg", []string{"photo.jpg"}},
	} {
		other.say("100001", wire.ICBMChannelICQ, icqText(c.kind, c.body))
		got := m.Incoming(jid, "100002")
		for _, want := range c.want {
			if !strings.Contains(got.GetMessage(), want) {
				t.Errorf("kind %d came as %q, without %q", c.kind, got.GetMessage(), want)
			}
		}
	}
}

func TestAFileIsToldAndDeclined(t *testing.T) {
	s := serverWith(t, "100001", "someone")
	m := startOn(t, s)
	jid := loginAs(t, m, "100001")
	other := clientOn(t, s, "someone")
	data := binary.BigEndian.AppendUint16([]byte{0, 1}, 1)
	data = append(binary.BigEndian.AppendUint32(data, 2_500_000), "holiday.jpg\x00"...)
	other.say("100001", wire.ICBMChannelRendezvous, wire.NewTLVBE(wire.ICBMTLVData, wire.ICBMCh2Fragment{
		Type: wire.ICBMRdvMessagePropose, Cookie: [8]byte{1, 2, 3}, Capability: wire.CapFileTransfer,
		TLVRestBlock: wire.TLVRestBlock{TLVList: wire.TLVList{wire.NewTLVBE(wire.ICBMRdvTLVTagsSvcData, data)}},
	}))
	got := m.Incoming(jid, "someone")
	if !strings.Contains(got.GetMessage(), `"holiday.jpg"`) || !strings.Contains(got.GetMessage(), "2.4 MiB") {
		t.Errorf("the file came as %q", got.GetMessage())
	}
	answer := other.await(wire.ICBM, wire.ICBMChannelMsgToClient)
	if !bytes.Contains(answer, append([]byte{0, 1, 1, 2, 3, 0, 0, 0, 0, 0}, wire.CapFileTransfer[:]...)) {
		t.Errorf("the answer is no cancellation: %x", answer)
	}
}

func TestWhatAnotherClientDoesWithTheListIsSeen(t *testing.T) {
	s := serverWith(t, "someone", "alice")
	m := startOn(t, s)
	jid := loginAs(t, m, "someone")
	other := clientOn(t, s, "someone")
	item := wire.FeedbagItem{Name: "alice", GroupID: 7, ItemID: 9, ClassID: wire.FeedbagClassIdBuddy}
	other.send(wire.Feedbag, wire.FeedbagInsertItem, wire.SNAC_0x13_0x08_FeedbagInsertItem{Items: []wire.FeedbagItem{
		{Name: "Pals", GroupID: 7, ClassID: wire.FeedbagClassIdGroup}, item,
	}})
	contactOf(m, jid, "alice", func(b *pbnetwork.Buddy) bool { return len(b.GetGroup()) == 1 && b.GetGroup()[0] == "Pals" })
	other.send(wire.Feedbag, wire.FeedbagDeleteItem, wire.SNAC_0x13_0x0A_FeedbagDeleteItem{Items: []wire.FeedbagItem{item}})
	f := m.Expect(pbnetwork.WrapperMessage_TYPE_BUDDY_REMOVED)
	if name := f.Message.(*pbnetwork.Buddy).GetBuddyName(); name != "alice" {
		t.Errorf("%q was removed", name)
	}
}
