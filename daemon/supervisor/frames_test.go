// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// counter is a Receiver that checks that every frame is its user's.
type counter struct {
	t    testing.TB
	user string
	n    int
}

func (c *counter) Frame(_ context.Context, f pbnetwork.Frame) {
	c.n++
	user := f.UserOf()
	if f.Type == pbnetwork.WrapperMessage_TYPE_RAW_XML {
		user = rawUser(f)
	}
	if user != c.user && user != "" {
		c.t.Errorf("a frame of %q came to %q", user, c.user)
	}
}

func (c *counter) Lost(error) {}

// readyBackend is a backend at a level whose reader reads from in.
func readyBackend(t testing.TB, level int, in io.Reader, users ...*counter) (*backend, *conn) {
	cfg := &config.Config{Instance: "test", Service: config.Service{UsersPerBackend: 100, ReuseOldBackends: true}}
	m := New(Options{Config: func() *config.Config { return cfg }})
	m.look()
	b := newBackend(m, 1, cfg, "", time.Now())
	m.backends[1] = b
	near, away := net.Pipe()
	t.Cleanup(func() { near.Close(); away.Close() })
	c := newConn(near, pbnetwork.NewReader(in), level, m.t)
	if err := m.attach(b, peer{conn: c}); err != nil {
		t.Fatal(err)
	}
	m.becomesReady(b, time.Now())
	for _, u := range users {
		if _, err := m.Acquire(context.Background(), u.user, u); err != nil {
			t.Fatal(err)
		}
	}
	return b, c
}

// Whatever a backend sends, its connection ends with a reason and nobody gets
// what is another's.
func FuzzFramesOfABackend(f *testing.F) {
	seed := func(frames ...pbnetwork.Frame) {
		var b []byte
		for _, fr := range frames {
			var err error
			if b, err = pbnetwork.Append(b, fr); err != nil {
				f.Fatal(err)
			}
		}
		f.Add(b)
	}
	user := "u@x"
	text := "<message xmlns='jabber:client' to='u@x/r'/>"
	seed(pong(), connected(1), connected(2), connected(2))
	seed(pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_RAW_XML, Raw: []byte(text)})
	seed(pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_ROOM_LIST, Message: &pbnetwork.RoomList{Room: []string{"r"}}}, connected(0))
	seed(pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_QUERY, Message: &pbnetwork.BackendConfig{Config: &text}})
	seed(pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_BACKEND_CONFIG, Message: &pbnetwork.BackendConfig{Config: &text}})
	seed(pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_BUDDIES, Message: &pbnetwork.Buddies{Buddy: []*pbnetwork.Buddy{{UserName: &user, BuddyName: &user}}}})
	seed(pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_EXIT})
	f.Add([]byte{0, 0, 0, 2, 8, 99})
	f.Fuzz(func(t *testing.T, data []byte) {
		for level := range Level + 1 {
			_, c := readyBackend(t, level, bytes.NewReader(data), &counter{t: t, user: "u@x"}, &counter{t: t, user: "v@x"})
			err := c.read(t.Context())
			if !errors.Is(err, io.EOF) && !errors.Is(err, ErrProtocol) {
				t.Errorf("reading ended with %v", err)
			}
		}
	})
}

func TestRawXMLReachesItsUser(t *testing.T) {
	for raw, want := range map[string]string{
		"<message to='a@x/r' from='b'><body>x</body></message>": "a@x",
		"\n<!-- c --><presence to=\"b@x\"/>":                    "b@x",
		"<message from='b'/>":                                   "",
		"<message x:to='a@x'":                                   "",
		"":                                                      "",
	} {
		if got := rawUser(pbnetwork.Frame{Raw: []byte(raw)}); got != want {
			t.Errorf("%q is for %q", raw, got)
		}
	}
}

func TestFramesThatAreNotABackendsToSendAreDropped(t *testing.T) {
	u := &counter{t: t, user: "u@x"}
	var in bytes.Buffer
	for _, f := range []pbnetwork.Frame{
		{Type: pbnetwork.WrapperMessage_TYPE_LOGOUT, Message: &pbnetwork.Logout{User: &u.user, LegacyName: &u.user}},
		{Type: pbnetwork.WrapperMessage_TYPE_FT_DATA, Raw: []byte("x")},
		{Type: pbnetwork.WrapperMessage_TYPE_API_VERSION, Message: &pbnetwork.APIVersion{Version: proto.Int32(1)}},
		{Type: 1000, Raw: []byte("x")},
		connected(0),
	} {
		b, err := pbnetwork.Append(nil, f)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(b)
	}
	_, c := readyBackend(t, 1, &in, u)
	if err := c.read(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("reading ended with %v", err)
	}
	if u.n != 1 {
		t.Errorf("%d frames reached the user", u.n)
	}
}

// A whole list, even an empty one, and a search's result are for one user; a
// version 1 backend has no lists to send.
func TestListsOfABackendReachTheirUser(t *testing.T) {
	for level, want := range []int{0, 3} {
		u := &counter{t: t, user: "u@x"}
		var in bytes.Buffer
		frames := []pbnetwork.Frame{
			{Type: pbnetwork.WrapperMessage_TYPE_BUDDIES, Message: &pbnetwork.Buddies{User: &u.user, Complete: proto.Bool(true)}},
			{Type: pbnetwork.WrapperMessage_TYPE_BUDDIES, Message: &pbnetwork.Buddies{Buddy: []*pbnetwork.Buddy{{UserName: &u.user, BuddyName: &u.user}}}},
			{Type: pbnetwork.WrapperMessage_TYPE_SEARCH_RESULT, Message: &pbnetwork.SearchResult{User: &u.user, Id: proto.String("1")}},
		}
		if level == 0 {
			frames = frames[:2]
		}
		for i, f := range frames {
			if level > 0 {
				f.Seq = uint64(i) + 1
			}
			b, err := pbnetwork.Append(nil, f)
			if err != nil {
				t.Fatal(err)
			}
			in.Write(b)
		}
		_, c := readyBackend(t, level, &in, u)
		if err := c.read(t.Context()); !errors.Is(err, io.EOF) {
			t.Errorf("level %d: reading ended with %v", level, err)
		}
		if u.n != want {
			t.Errorf("level %d: %d frames reached the user, want %d", level, u.n, want)
		}
	}
}

func TestExtensionWithoutHelloIsBroken(t *testing.T) {
	u := &counter{t: t, user: "u@x"}
	b, err := pbnetwork.Append(nil, pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_STEP, Message: &pbnetwork.Step{
		User: &u.user, Id: proto.String("1"), Kind: pbnetwork.Step_CODE.Enum(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	for level, want := range []error{ErrProtocol, io.EOF} {
		_, c := readyBackend(t, level, bytes.NewReader(b), u)
		if err := c.read(t.Context()); !errors.Is(err, want) {
			t.Errorf("level %d: reading ended with %v", level, err)
		}
	}
}

// BenchmarkReceive is a message's way from the stream to its user.
func BenchmarkReceive(b *testing.B) {
	var one bytes.Buffer
	buf, err := pbnetwork.Append(nil, message("a message of an ordinary length, as people write them"))
	if err != nil {
		b.Fatal(err)
	}
	one.Write(buf)
	u := &counter{t: b, user: "u@x"}
	_, c := readyBackend(b, 0, io.LimitReader(&repeat{b: buf}, int64(len(buf))*int64(b.N)), u)
	b.ReportAllocs()
	b.ResetTimer()
	if err := c.read(b.Context()); !errors.Is(err, io.EOF) || u.n != b.N {
		b.Fatalf("%d of %d, %v", u.n, b.N, err)
	}
}

// repeat reads the same bytes for ever.
type repeat struct {
	b []byte
	i int
}

func (r *repeat) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		k := copy(p[n:], r.b[r.i:])
		n, r.i = n+k, (r.i+k)%len(r.b)
	}
	return n, nil
}

// BenchmarkSend is a message's way into the joined write.
func BenchmarkSend(b *testing.B) {
	o := newOutbox(1)
	f := message("a message of an ordinary length, as people write them")
	b.ReportAllocs()
	var spare []byte
	for i := 0; b.Loop(); i++ {
		if err := o.send(b.Context(), f); err != nil {
			b.Fatal(err)
		}
		if i%100 == 0 {
			spare = o.take(spare)
		}
	}
}
