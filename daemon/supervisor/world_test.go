// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/supervisor"
)

// patience is how long a test waits for what has to come.
const patience = 20 * time.Second

// world is a Manager with real processes, and what it logged.
type world struct {
	t   *testing.T
	m   *supervisor.Manager
	dir string
	log *logBuffer
	cfg *config.Config

	mu      sync.Mutex
	current *config.Config
}

// logBuffer keeps what is logged and wakes those who wait for a line.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	close(l.more)
	l.more = make(chan struct{})
	return len(p), nil
}

func (l *logBuffer) state() (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String(), l.more
}

// quick are durations with which nothing takes long on a busy machine, and
// what has to be waited for comes soon.
var quick = supervisor.Times{
	Ping: 500 * time.Millisecond, Hello: time.Second, Write: 500 * time.Millisecond, Frame: 300 * time.Millisecond, Exit: time.Second,
	Term: 500 * time.Millisecond, Abort: time.Second, Idle: 200 * time.Millisecond, Retry: 50 * time.Millisecond,
}

// newWorld runs a Manager whose backend is this binary in a mode.
func newWorld(t *testing.T, mode string, change ...func(*config.Config, *supervisor.Options, *supervisor.Times)) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "sup") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir, log: &logBuffer{more: make(chan struct{})}}
	w.cfg = &config.Config{Instance: "test", Service: config.Service{
		JID: "test.example.org", Backend: self + " backend:" + mode, BackendHost: "127.0.0.1",
		UsersPerBackend: 10, ReuseOldBackends: true, WorkingDir: dir, BackendDrain: time.Hour,
	}}
	o := supervisor.Options{
		Config: w.config, RuntimeDir: dir, Libexec: []string{filepath.Dir(self)},
		Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if strings.HasPrefix(mode, "v1") {
		o.Libexec = []string{filepath.Join(dir, "none")}
	}
	times := quick
	for _, c := range change {
		c(w.cfg, &o, &times)
	}
	w.current = w.cfg
	w.m = supervisor.New(o)
	supervisor.Shorten(w.m, times)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(patience):
			t.Error("Run does not end")
		}
		if t.Failed() {
			text, _ := w.log.state()
			t.Log(text)
		}
	})
	return w
}

func (w *world) config() *config.Config {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.current
}

// reload puts another configuration in force.
func (w *world) reload(change func(*config.Config)) {
	c := *w.config()
	change(&c)
	w.mu.Lock()
	w.current = &c
	w.mu.Unlock()
	w.m.Reload()
}

// logged waits for a line with all of the words.
func (w *world) logged(words ...string) string {
	w.t.Helper()
	limit := time.After(patience)
	for {
		text, more := w.log.state()
		for line := range strings.Lines(text) {
			if containsAll(line, words) {
				return line
			}
		}
		select {
		case <-more:
		case <-limit:
			w.t.Fatalf("no line with %q in the log", words)
		}
	}
}

func containsAll(s string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(s, w) {
			return false
		}
	}
	return true
}

// until waits for a state of the backends.
func (w *world) until(what string, ok func([]supervisor.BackendStatus) bool) []supervisor.BackendStatus {
	w.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for {
		all := w.m.Backends()
		if ok(all) {
			return all
		}
		select {
		case <-tick.C:
		case <-limit:
			w.t.Fatalf("not %s: %+v", what, all)
		}
	}
}

func (w *world) ready() {
	w.t.Helper()
	select {
	case <-w.m.Ready():
	case <-time.After(patience):
		w.t.Fatal("no backend gets ready")
	}
}

// user is a Receiver that keeps what it gets.
type user struct {
	t      *testing.T
	name   string
	link   *supervisor.Link
	frames chan pbnetwork.Frame
	lost   chan error
}

func newUser(t *testing.T, name string) *user {
	return &user{t: t, name: name, frames: make(chan pbnetwork.Frame, 1000), lost: make(chan error, 2)}
}

func (u *user) Frame(ctx context.Context, f pbnetwork.Frame) {
	select {
	case u.frames <- f:
	case <-ctx.Done():
	}
}

func (u *user) Lost(reason error) { u.lost <- reason }

// acquire gives a user his backend.
func (w *world) acquire(name string) *user {
	w.t.Helper()
	u := newUser(w.t, name)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	link, err := w.m.Acquire(ctx, name, u)
	if err != nil {
		w.t.Fatalf("Acquire of %s: %v", name, err)
	}
	u.link = link
	return u
}

func (u *user) send(t pbnetwork.Type, m proto.Message) {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := u.link.Send(ctx, pbnetwork.Frame{Type: t, Message: m}); err != nil {
		u.t.Fatalf("Send of %s: %v", t, err)
	}
}

func (u *user) login() {
	u.t.Helper()
	u.send(pbnetwork.WrapperMessage_TYPE_LOGIN, &pbnetwork.Login{User: &u.name, LegacyName: proto.String("legacy"), Password: proto.String("secret")})
}

func (u *user) message(text string) *pbnetwork.ConversationMessage {
	return &pbnetwork.ConversationMessage{UserName: &u.name, BuddyName: proto.String("echo"), Message: &text}
}

// expect waits for the next frame, which has to be of a type.
func (u *user) expect(t pbnetwork.Type) pbnetwork.Frame {
	u.t.Helper()
	select {
	case f := <-u.frames:
		if f.Type != t {
			u.t.Fatalf("%s came to %s, expected %s", f.Type, u.name, t)
		}
		return f
	case reason := <-u.lost:
		u.t.Fatalf("%s lost his backend: %v", u.name, reason)
	case <-time.After(patience):
		u.t.Fatalf("no %s came to %s", t, u.name)
	}
	panic("unreachable")
}

// expectLost waits for Lost.
func (u *user) expectLost() error {
	u.t.Helper()
	select {
	case reason := <-u.lost:
		return reason
	case <-time.After(patience):
		u.t.Fatalf("%s is not told that his backend is lost", u.name)
	}
	panic("unreachable")
}

// talk logs a user in and sends a message that comes back.
func (w *world) talk(u *user) {
	w.t.Helper()
	u.login()
	u.expect(pbnetwork.WrapperMessage_TYPE_CONNECTED)
	text := fmt.Sprint("hello from ", u.name)
	u.send(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, u.message(text))
	f := u.expect(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE)
	if got := f.Message.(*pbnetwork.ConversationMessage).GetMessage(); got != text {
		w.t.Fatalf("%q came back as %q", text, got)
	}
}
