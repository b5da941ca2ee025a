// SPDX-License-Identifier: GPL-2.0-or-later

package pbnetwork_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

func encode(t testing.TB, frames ...pbnetwork.Frame) []byte {
	t.Helper()
	var b []byte
	for _, f := range frames {
		var err error
		if b, err = pbnetwork.Append(b, f); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func same(a, b pbnetwork.Frame) bool {
	return a.Type == b.Type && a.Seq == b.Seq && a.Ack == b.Ack && bytes.Equal(a.Raw, b.Raw) &&
		(a.Message == nil) == (b.Message == nil) && (a.Message == nil || proto.Equal(a.Message, b.Message))
}

func login(user string) pbnetwork.Frame {
	name, password := "100001", "secret"
	return pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_LOGIN, Message: &pbnetwork.Login{
		User: &user, LegacyName: &name, Password: &password, ExtraFields: []string{"a", ""},
		Settings: &pbnetwork.UserSettings{Value: map[string]string{"send_headlines": "1"}},
	}}
}

func TestFramesArriveAsSent(t *testing.T) {
	numbered := login("juliet@xmpp.example")
	numbered.Seq, numbered.Ack = 1<<40, 7
	sent := []pbnetwork.Frame{
		{Type: pbnetwork.WrapperMessage_TYPE_PING},
		login("romeo@xmpp.example"),
		numbered,
		{Type: pbnetwork.WrapperMessage_TYPE_RAW_XML, Raw: []byte("<message/>")},
		{Type: 4711, Raw: []byte{0xff, 0}},
	}
	// One byte at a time: a frame is whole only when all of it is there.
	r := pbnetwork.NewReader(iotest.OneByteReader(bytes.NewReader(encode(t, sent...))))
	for _, want := range sent {
		got, err := r.Read()
		if err != nil {
			t.Fatalf("%s: %v", want.Type, err)
		}
		if !same(got, want) {
			t.Errorf("sent %v, got %v", want, got)
		}
	}
	if _, err := r.Read(); err != io.EOF {
		t.Errorf("after the last frame: %v", err)
	}
}

// The bytes of a LOGIN as the C++ version sends it: field order, no fields of
// the extension.
func TestVersion1Bytes(t *testing.T) {
	user := "a@b"
	got := encode(t, pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_CONNECTED, Message: &pbnetwork.Connected{User: &user}})
	want := []byte{0, 0, 0, 9, 0x08, 1, 0x12, 5, 0x0a, 3, 'a', '@', 'b'}
	if !bytes.Equal(got, want) {
		t.Errorf("CONNECTED is % x, want % x", got, want)
	}
	got = encode(t, pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_PING})
	r := pbnetwork.NewReader(bytes.NewReader(got))
	if f, err := r.Read(); err != nil || f.Type != pbnetwork.WrapperMessage_TYPE_PING {
		t.Errorf("PING is % x, read as %v, %v", got, f, err)
	}
	r = pbnetwork.NewReader(bytes.NewReader([]byte{0, 0, 0, 2, 0x08, 9}))
	if f, err := r.Read(); err != nil || f.Type != pbnetwork.WrapperMessage_TYPE_PING {
		t.Errorf("a PING without payload is read as %v, %v", f, err)
	}
}

func TestLimits(t *testing.T) {
	body := func(n int) pbnetwork.Frame {
		user, text := "a@b", strings.Repeat("x", n)
		return pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, Message: &pbnetwork.ConversationMessage{
			UserName: &user, BuddyName: &user, Message: &text,
		}}
	}
	for _, c := range []struct {
		name string
		f    pbnetwork.Frame
		ok   bool
	}{
		{"a message under 1 MiB", body(pbnetwork.MaxFrame - 100), true},
		{"a message over 1 MiB", body(pbnetwork.MaxFrame), false},
		{"a stanza over 1 MiB", pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_RAW_XML, Raw: make([]byte, 2<<20)}, true},
		{"a stanza over 8 MiB", pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_RAW_XML, Raw: make([]byte, 8<<20)}, false},
	} {
		b, err := pbnetwork.Append([]byte("before"), c.f)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && string(b) != "before" {
			t.Errorf("%s: a failed Append changed its destination", c.name)
		}
		if err == nil {
			if f, err := pbnetwork.NewReader(bytes.NewReader(b[6:])).Read(); err != nil || !same(f, c.f) {
				t.Errorf("%s does not come back: %v", c.name, err)
			}
		}
	}
}

func TestAppendRefusesWhatIsIncomplete(t *testing.T) {
	user := "a@b"
	for name, f := range map[string]pbnetwork.Frame{
		"no message at all":  {Type: pbnetwork.WrapperMessage_TYPE_LOGIN},
		"no required fields": {Type: pbnetwork.WrapperMessage_TYPE_LOGIN, Message: &pbnetwork.Login{User: &user}},
	} {
		if b, err := pbnetwork.Append(nil, f); err == nil {
			t.Errorf("%s: encoded as % x", name, b)
		}
	}
}

func TestMalformed(t *testing.T) {
	whole := encode(t, login("romeo@xmpp.example"))
	oversized := []byte{0, 0x10, 0, 1} // 1 MiB and a byte, of a type that may have 1 MiB
	oversized = append(oversized, 0x08, 8, 0x12, 0xfb, 0xff, 0x3f)
	oversized = append(oversized, make([]byte, 1<<20)...)
	for name, b := range map[string][]byte{
		"length 0":                  {0, 0, 0, 0},
		"length beyond every limit": {0xff, 0xff, 0xff, 0xff},
		"length beyond the type's":  oversized,
		"end inside the length":     {0, 0},
		"end inside the frame":      whole[:len(whole)-1],
		"no WrapperMessage":         {0, 0, 0, 3, 0xff, 0xff, 0xff},
		"no type":                   {0, 0, 0, 2, 0x12, 0},
		"payload that is no LOGIN":  {0, 0, 0, 5, 0x08, 3, 0x12, 1, 0xff},
		"LOGIN without a payload":   {0, 0, 0, 2, 0x08, 3},
	} {
		_, err := pbnetwork.NewReader(bytes.NewReader(b)).Read()
		if !errors.Is(err, pbnetwork.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheStreamsOwnErrorsAreNotThePeersFault(t *testing.T) {
	broken := errors.New("broken")
	whole := encode(t, login("romeo@xmpp.example"))
	r := pbnetwork.NewReader(io.MultiReader(bytes.NewReader(whole[:20]), iotest.ErrReader(broken)))
	if _, err := r.Read(); !errors.Is(err, broken) || errors.Is(err, pbnetwork.ErrMalformed) {
		t.Errorf("a broken stream: %v", err)
	}
}

// A length costs memory only as its bytes arrive.
func TestALengthAloneCostsNothing(t *testing.T) {
	head := binary.BigEndian.AppendUint32(nil, pbnetwork.MaxLargeFrame)
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := pbnetwork.NewReader(bytes.NewReader(head)).Read(); err == nil {
				b.Fatal("half a frame was read")
			}
		}
	})
	if n := result.AllocedBytesPerOp(); n > 512<<10 {
		t.Errorf("a frame that never came cost %d bytes", n)
	}
}

func TestUserOf(t *testing.T) {
	user, n := "romeo@xmpp.example", int32(1)
	buddy := &pbnetwork.Buddy{UserName: &user, BuddyName: &user}
	for want, frames := range map[string][]pbnetwork.Frame{
		user: {
			login(user),
			{Message: &pbnetwork.VCard{UserName: &user, BuddyName: &user, Id: &n}},
			{Message: &pbnetwork.Buddies{Buddy: []*pbnetwork.Buddy{buddy}}},
			{Message: &pbnetwork.MessageResult{User: &user}},
			{Message: &pbnetwork.RoomList{User: &user}},
			{Message: &pbnetwork.Buddies{User: &user}},
			{Message: &pbnetwork.Search{User: &user}},
			{Message: &pbnetwork.SearchResult{User: &user}},
		},
		"": {
			{Type: pbnetwork.WrapperMessage_TYPE_PING},
			{Message: &pbnetwork.Hello{Level: &n}},
			{Message: &pbnetwork.Buddies{}},
			{Message: &pbnetwork.Stats{}},
			{Message: &pbnetwork.RoomList{}},
		},
	} {
		for _, f := range frames {
			if got := f.UserOf(); got != want {
				t.Errorf("%T is about %q, want %q", f.Message, got, want)
			}
		}
	}
}

// extension are frames of every kind that has been added since level 1 began.
func extension() []pbnetwork.Frame {
	user, id, yes := "romeo@xmpp.example", "1", true
	field := &pbnetwork.StepField{Name: &id, Value: &user}
	buddy := &pbnetwork.Buddy{
		UserName: &user, BuddyName: &id, Authorization: pbnetwork.Authorization_AUTHORIZATION_ASKED.Enum(),
		AuthText: &user, Exact: &yes, BlockedOnly: &yes,
	}
	return []pbnetwork.Frame{
		{Type: pbnetwork.WrapperMessage_TYPE_SEARCH, Message: &pbnetwork.Search{User: &user, Id: &id, Field: []*pbnetwork.StepField{field}}},
		{Type: pbnetwork.WrapperMessage_TYPE_SEARCH_RESULT, Message: &pbnetwork.SearchResult{
			User: &user, Id: &id, Column: []*pbnetwork.SearchColumn{{Name: &id}}, Row: []*pbnetwork.SearchRow{{Contact: &id, Value: []string{"x"}}},
		}},
		{Type: pbnetwork.WrapperMessage_TYPE_LOGOUT, Message: &pbnetwork.Logout{User: &user, LegacyName: &id, Confirm: &yes}},
		{Type: pbnetwork.WrapperMessage_TYPE_LOGGED_OUT, Message: &pbnetwork.LoggedOut{User: &user}},
		{Type: pbnetwork.WrapperMessage_TYPE_BUDDIES, Message: &pbnetwork.Buddies{User: &user, Complete: &yes, Buddy: []*pbnetwork.Buddy{buddy}}},
		{Type: pbnetwork.WrapperMessage_TYPE_AUTH_REQUEST, Message: buddy},
		{Type: pbnetwork.WrapperMessage_TYPE_BACKEND_CONFIG, Message: pbnetwork.Features{
			Authorization: true, Search: &pbnetwork.SearchForm{Field: []*pbnetwork.StepField{field}},
			Commands: []*pbnetwork.CommandSpec{{Name: &id, Field: []*pbnetwork.StepField{field}}},
		}.Config(true)},
	}
}

func TestExtensionFramesComeThrough(t *testing.T) {
	r := pbnetwork.NewReader(bytes.NewReader(encode(t, extension()...)))
	for _, want := range extension() {
		if got, err := r.Read(); err != nil || !same(got, want) {
			t.Errorf("%v became %v, %v", want, got, err)
		}
	}
}

// Whatever arrives is a frame or an error; a frame can be sent on and is the
// same then.
func FuzzReader(f *testing.F) {
	numbered := login("juliet@xmpp.example")
	numbered.Seq, numbered.Ack = 3, 2
	f.Add(encode(f, login("romeo@xmpp.example"), numbered))
	f.Add(encode(f, pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_RAW_XML, Raw: []byte("<x/>")}))
	f.Add(encode(f, pbnetwork.Frame{Type: 99, Raw: []byte("later")}))
	f.Add([]byte{0, 0, 0, 3, 0xff, 0xff, 0xff})
	f.Add(encode(f, extension()...))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := pbnetwork.NewReader(bytes.NewReader(b))
		for {
			got, err := r.Read()
			if err != nil {
				return
			}
			_ = got.UserOf()
			again, err := pbnetwork.Append(nil, got)
			if err != nil {
				t.Fatalf("a frame that was read cannot be sent: %v", err)
			}
			back, err := pbnetwork.NewReader(bytes.NewReader(again)).Read()
			if err != nil || !same(back, got) {
				t.Fatalf("%v became %v, %v", got, back, err)
			}
		}
	})
}

func BenchmarkFrame(b *testing.B) {
	f := login("romeo@xmpp.example")
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = pbnetwork.Append(buf[:0], f); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(buf)))
}
