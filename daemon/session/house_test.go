// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
)

// me is the user where the transport is his server.
const me = "romeo@gw.example"

// book is a user's roster: what was pushed to it, in calls.
type book struct {
	mu     sync.Mutex
	broken error
	pushes [][]rosteritem.Item
}

func (b *book) PushRoster(_ context.Context, items []rosteritem.Item) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken == nil {
		b.pushes = append(b.pushes, items)
	}
	return b.broken
}

func (b *book) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = err
}

func (b *book) take() [][]rosteritem.Item {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.pushes
	b.pushes = nil
	return p
}

// house is a world whose transport is the user's server.
type house struct {
	*world
	book *book
}

// inHouse runs f with a session in server mode.
func inHouse(t *testing.T, prepare func(*house), f func(*house)) {
	t.Helper()
	h := &house{book: &book{}}
	inWorld(t, func(w *world) {
		h.world = w
		w.user.JID, w.set.ServerMode = me, true
		w.opts = func(o *session.Options) { o.Roster = h.book }
		if prepare != nil {
			prepare(h)
		}
	}, func(*world) { f(h) })
}

// option adds to the options of the session.
func (h *house) option(f func(*session.Options)) {
	before := h.opts
	h.opts = func(o *session.Options) { before(o); f(o) }
}

// enters binds a client and shows it, and forgets what was said about it.
func (h *house) enters(resource string) {
	h.t.Helper()
	h.attach(resource)
	h.post("<presence from='" + me + "/" + resource + "'/>")
	if got := h.s.Status().State; got != session.Online {
		h.t.Fatalf("state after login is %v", got)
	}
	h.front.take()
	h.net.took()
}

func (h *house) attach(resource string) {
	h.t.Helper()
	if err := h.s.Attached(context.Background(), resource); err != nil {
		h.t.Fatal(err)
	}
	synctest.Wait()
}

func (h *house) detach(resource string) {
	h.t.Helper()
	if err := h.s.Detached(context.Background(), resource); err != nil && !errors.Is(err, session.ErrEnded) {
		h.t.Fatal(err)
	}
	synctest.Wait()
}

// says is presence or a message of the user's client a.
func (h *house) says(to, typ, status string) {
	h.t.Helper()
	h.post(fmt.Sprintf("<presence from='%s/a' to='%s' type='%s'><status>%s</status></presence>", me, to, typ, status))
}

// pushed checks what the roster was sent since the last time.
func (h *house) pushed(want ...string) {
	h.t.Helper()
	var got []string
	for _, p := range h.book.take() {
		for _, it := range p {
			got = append(got, briefItem(it))
		}
	}
	h.compare(got, want)
}

// roster is what the session answers who asks for the list.
func (h *house) roster() []string {
	h.t.Helper()
	items, err := h.s.Roster(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	out := []string{}
	for _, it := range items {
		out = append(out, briefItem(it))
	}
	return out
}

func briefItem(it rosteritem.Item) string {
	s := strings.TrimSuffix(it.JID, "@gw.example") + " " + it.Subscription
	if it.Ask {
		s += " ask"
	}
	if it.Name != "" {
		s += fmt.Sprintf(" %q", it.Name)
	}
	if len(it.Groups) > 0 {
		s += fmt.Sprint(" ", it.Groups)
	}
	return s
}

// returns gives a message back, as the user's server does.
func (h *house) returns(st *xmpp.Element) {
	h.t.Helper()
	if err := h.s.Undelivered(context.Background(), st); err != nil {
		h.t.Fatal(err)
	}
}
