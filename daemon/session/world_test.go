// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
)

const (
	transport = "gw.example"
	romeo     = "romeo@montague.example"
)

// world is one user with his server, his network and his database.
type world struct {
	t      *testing.T
	front  *front
	net    *network
	store  *memory
	user   *store.User
	mu     sync.Mutex
	set    session.Settings // guarded by mu once the session runs
	opts   func(*session.Options)
	log    strings.Builder
	s      *session.Session
	done   chan error
	cancel context.CancelFunc
}

// inWorld runs f in a bubble of fake time. prepare changes the world before
// the session starts.
func inWorld(t *testing.T, prepare func(*world), f func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			t: t, front: &front{}, net: newNetwork(), store: newMemory(),
			user: &store.User{ID: 7, JID: romeo, Name: "romeo", Password: "secret", Settings: map[string]string{}},
			set:  session.Settings{Addresses: session.Addresses{Transport: transport, Escape: true}, Name: "Verona", Version: "2.1"},
		}
		if prepare != nil {
			prepare(w)
		}
		w.start()
		f(w)
		w.cancel()
		<-w.done
	})
}

func (w *world) start() {
	o := session.Options{
		User: w.user, Store: w.store, Front: w.front, Backends: w.net,
		Settings: w.settings,
		Log:      slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	if w.opts != nil {
		w.opts(&o)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.s, w.done, w.cancel = session.New(o), make(chan error, 1), cancel
	s := w.s
	go func() { w.done <- s.Run(ctx) }()
	synctest.Wait()
}

func (w *world) settings() session.Settings {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.set
}

// change is a reload.
func (w *world) change(f func(*session.Settings)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.set)
}

// post hands a stanza in and waits until all is quiet.
func (w *world) post(stanza string) {
	w.t.Helper()
	st, err := xmpp.Parse([]byte(strings.Replace(stanza, ">", " xmlns='jabber:client'>", 1)))
	if strings.HasSuffix(stanza, "/>") && strings.Count(stanza, ">") == 1 {
		st, err = xmpp.Parse([]byte(strings.Replace(stanza, "/>", " xmlns='jabber:client'/>", 1)))
	}
	if err != nil {
		w.t.Fatalf("test stanza %s: %v", stanza, err)
	}
	if err := w.s.Stanza(context.Background(), st); err != nil && !errors.Is(err, session.ErrEnded) {
		w.t.Fatalf("post: %v", err)
	}
	synctest.Wait()
}

// online logs the user in with a client and forgets what was said about it.
func (w *world) online(resource string) {
	w.t.Helper()
	w.post("<presence from='" + romeo + "/" + resource + "' to='" + transport + "'/>")
	if got := w.s.Status().State; got != session.Online {
		w.t.Fatalf("state after login is %v", got)
	}
	w.front.take()
	w.net.took()
}

// wait lets time pass.
func (w *world) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// sees checks what the user's server was sent since the last time.
func (w *world) sees(want ...string) {
	w.t.Helper()
	w.compare(briefs(w.front.take()), want)
}

// seesOf is sees for the lines with one of the prefixes.
func (w *world) seesOf(prefix string, want ...string) {
	w.t.Helper()
	w.compare(only(briefs(w.front.take()), prefix), want)
}

// netSees checks what the backend was sent since the last time.
func (w *world) netSees(want ...string) {
	w.t.Helper()
	w.compare(w.net.took(), want)
}

func (w *world) compare(got, want []string) {
	w.t.Helper()
	if !slices.Equal(got, want) && len(got)+len(want) > 0 {
		w.t.Errorf("got:\n\t%s\nwant:\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func (w *world) state(want session.State) {
	w.t.Helper()
	if got := w.s.Status().State; got != want {
		w.t.Errorf("state is %v, want %v", got, want)
	}
}

// ended checks that Run has returned.
func (w *world) ended() {
	w.t.Helper()
	select {
	case err := <-w.done:
		w.done <- err
		if err != nil {
			w.t.Errorf("Run: %v", err)
		}
	default:
		w.t.Error("session goes on")
	}
}

// backend runs f as the user's backend and waits until all is quiet.
func (w *world) backend(f func(l *link)) {
	f(w.net.current())
	synctest.Wait()
}

func buddy(name string, status pbnetwork.StatusType) *pbnetwork.Buddy {
	return &pbnetwork.Buddy{UserName: proto.String(romeo), BuddyName: &name, Status: &status}
}

func (w *world) buddyChanged(b *pbnetwork.Buddy) {
	w.backend(func(l *link) { l.send(pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED, b) })
}

func occupant(nick string) *pbnetwork.Participant {
	return &pbnetwork.Participant{Nickname: &nick, Flag: proto.Int32(0), Status: pbnetwork.StatusType_STATUS_ONLINE.Enum()}
}

const (
	stOnline = pbnetwork.StatusType_STATUS_ONLINE
	stAway   = pbnetwork.StatusType_STATUS_AWAY
	stNone   = pbnetwork.StatusType_STATUS_NONE
)
