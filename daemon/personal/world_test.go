// SPDX-License-Identifier: GPL-2.0-or-later

package personal_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/personal"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlite"
	"spectrum.im/spectrum2/daemon/xmpp"
)

const (
	me     = "me@irc.example.org"
	laptop = me + "/laptop"
	phone  = me + "/phone"
	ann    = "ann@irc.example.org"
	room   = "#chan@irc.example.org"
)

// world is one user's services on a database in memory, with two clients.
type world struct {
	t  testing.TB
	db store.Store
	id int64
	*personal.Services
	options personal.Options

	mu      sync.Mutex
	sent    []*xmpp.Element
	blocked []string
	photos  [][]byte
	log     strings.Builder
}

func newWorld(t testing.TB, change ...func(*personal.Options)) *world {
	t.Helper()
	w := &world{t: t}
	var err error
	if w.db, err = sqlite.Open(t.Context(), sqlite.Options{Path: sqlite.Memory}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.db.Close() })
	if _, err := w.db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	u := &store.User{JID: me}
	if err := w.db.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	w.id = u.ID
	w.options = w.defaults(w.db)
	for _, f := range change {
		f(&w.options)
	}
	w.open()
	return w
}

func (w *world) defaults(s personal.Store) personal.Options {
	return personal.Options{
		User: jid.MustParse(me), UserID: w.id, Token: func() store.Token { return 1 }, Store: s, Days: 7, Rooms: true,
		Send: w.send, Block: w.block, Avatar: w.avatar, Log: slog.New(slog.NewTextHandler(locked{&w.mu, &w.log}, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

// locked is a writer that several use.
type locked struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// open opens the services, or opens them again as a new login does.
func (w *world) open() {
	w.t.Helper()
	if w.Services != nil {
		if err := w.Close(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
	var err error
	if w.Services, err = personal.Open(w.t.Context(), w.options); err != nil {
		w.t.Fatal(err)
	}
	s := w.Services
	w.t.Cleanup(func() { s.Close(context.Background()) })
}

func (w *world) send(_ context.Context, st *xmpp.Element) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if st.Get("to") == me+"/gone" {
		return errors.New("it is gone")
	}
	w.sent = append(w.sent, st)
	return nil
}

func (w *world) block(_ context.Context, jid string, blocked bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blocked = append(w.blocked, fmt.Sprint(jid, " ", blocked))
	return nil
}

func (w *world) avatar(_ context.Context, photo []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.photos = append(w.photos, photo)
	return nil
}

// received takes what a client was sent; "" stands for any.
func (w *world) received(to string) []*xmpp.Element {
	w.mu.Lock()
	defer w.mu.Unlock()
	var got, rest []*xmpp.Element
	for _, st := range w.sent {
		if to == "" || st.Get("to") == to {
			got = append(got, st)
		} else {
			rest = append(rest, st)
		}
	}
	w.sent = rest
	return got
}

// events are the event payloads among what a client was sent, as text.
func (w *world) events(to string) (all []string) {
	for _, st := range w.received(to) {
		if st.Get("type") != "headline" || st.Get("from") != me {
			w.t.Errorf("an event as %s", st)
		}
		all = append(all, brief(st.First().First().String()))
	}
	return all
}

// brief leaves out the namespaces that say nothing new.
func brief(s string) string {
	for _, ns := range []string{"pubsub#event", "pubsub#owner", "pubsub"} {
		s = strings.ReplaceAll(s, " xmlns='http://jabber.org/protocol/"+ns+"'", "")
	}
	return s
}

// parse reads a stanza in the clients' namespace.
func parse(t testing.TB, s string) *xmpp.Element {
	t.Helper()
	e, err := xmpp.Parse([]byte("<w xmlns='jabber:client'>" + s + "</w>"))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return e.First()
}

// ask sends a request to the account and returns the answer.
func (w *world) ask(from, typ, payload string) *xmpp.Element {
	w.t.Helper()
	return w.askTo(from, "", typ, payload)
}

func (w *world) askTo(from, to, typ, payload string) *xmpp.Element {
	w.t.Helper()
	iq := xmpp.NewIQ(typ, from, to, "").Add(parse(w.t, payload))
	reply, handled := w.IQ(w.t.Context(), iq)
	if !handled {
		w.t.Fatalf("nobody answers %s", iq)
	}
	if reply.Get("id") != iq.Get("id") || reply.Get("to") != from {
		w.t.Fatalf("answer %s to %s", reply, iq)
	}
	return reply
}

// must is ask for what succeeds; it returns the payload as text.
func (w *world) must(from, typ, payload string) string {
	w.t.Helper()
	reply := w.ask(from, typ, payload)
	if reply.Get("type") != "result" {
		w.t.Fatalf("%s: %s", payload, reply)
	}
	if reply.First() == nil {
		return ""
	}
	return brief(reply.First().String())
}

// refused is ask for what fails; it returns the condition, with the
// application's own behind it.
func (w *world) refused(from, to, typ, payload string) string {
	w.t.Helper()
	reply := w.askTo(from, to, typ, payload)
	if reply.Get("type") != "error" {
		w.t.Fatalf("%s: %s", payload, reply)
	}
	condition, _ := xmpp.ErrorOf(reply)
	for e := range reply.Child(xmpp.NSClient, "error").Children() {
		if e.Space != xmpp.NSStanzas {
			condition += "+" + e.Name
		}
	}
	return condition
}

func (w *world) logged(s string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Contains(w.log.String(), s)
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

func equalList(t testing.TB, what string, got, want []string) {
	t.Helper()
	equal(t, what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
}
