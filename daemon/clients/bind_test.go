// SPDX-License-Identifier: GPL-2.0-or-later

package clients_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spectrum.im/spectrum2/daemon/clients"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/server"
)

func bindCondition(err error) string {
	var b *server.BindError
	if errors.As(err, &b) {
		return b.Condition
	}
	return ""
}

func TestBindHonoursTheWishOrMakesAResource(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		if p := w.bind("home"); p.full != me+"/home" {
			t.Errorf("bound %s", p.full)
		}
		a, b := w.bind(""), w.bind("")
		if a.full == b.full || strings.HasSuffix(a.full, "/") {
			t.Errorf("resources without wish: %s, %s", a.full, b.full)
		}
		if got := w.s.happened(); len(got) != 3 || got[0] != "+home" {
			t.Errorf("session was told %q", got)
		}
	})
}

func TestTheSameResourceReplacesTheOldConnection(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		old, other := w.online("home", 0), w.online("phone", 0)
		w.forget(old)
		p := w.bind("home")
		if old.conn.condition() != xmpp.ConflictStream {
			t.Errorf("old connection closed with %q", old.conn.condition())
		}
		wants(t, "session", w.s.take(), "presence.unavailable ME/home>"+domain)
		if got := w.s.happened(); len(got) != 0 {
			t.Errorf("the legacy login must not notice, but: %q", got)
		}
		wants(t, "other client", other.got(), "presence.unavailable ME/home>ME")
		w.arrives(`<message to='` + p.full + `' from='` + joeBot + `'><body>hi</body></message>`)
		if st := p.one(); xmpp.Body(st) != "hi" {
			t.Errorf("the new connection got %s", st)
		}
		p.conn.end()
		if got := w.s.happened(); !slices.Equal(got, []string{"-home"}) {
			t.Errorf("after the end: %q", got)
		}
	})
}

func TestWithoutMoreResourcesTheNewClientReplacesTheFirst(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.settings.MoreResources = false
		old := w.online("home", 0)
		w.s.happened()
		w.bind("phone")
		if old.conn.condition() != xmpp.ConflictStream {
			t.Errorf("old connection closed with %q", old.conn.condition())
		}
		if got := w.s.happened(); !slices.Equal(got, []string{"+phone", "-home"}) {
			t.Errorf("the session must never be without client: %q", got)
		}
		if l := w.u.Clients(); len(l) != 1 || l[0].Resource != "phone" {
			t.Errorf("clients: %+v", l)
		}
	})
}

func TestTooManyClients(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.settings.MaxPerAccount = 2
		w.bind("a")
		w.bind("b")
		if _, err := w.tryBind("c"); bindCondition(err) != xmpp.ResourceConstraint {
			t.Errorf("third client: %v", err)
		}
		if _, err := w.tryBind("b"); err != nil {
			t.Errorf("to replace one's own connection needs no room: %v", err)
		}
		w.settings.MaxPerAccount = 0
		for range clients.DefaultClients - 2 {
			w.bind("")
		}
		if _, err := w.tryBind(""); bindCondition(err) != xmpp.ResourceConstraint {
			t.Errorf("beyond the default: %v", err)
		}
	})
}

func TestBindFailsWithTheSession(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.s.refuse = &clients.Error{Condition: xmpp.NotAllowed, Text: "You are not allowed"}
		if _, err := w.tryBind("home"); bindCondition(err) != xmpp.NotAllowed {
			t.Errorf("refused by the session: %v", err)
		}
		w.s.refuse = errDown
		if _, err := w.tryBind("home"); !errors.Is(err, errDown) {
			t.Errorf("session down: %v", err)
		}
		w.s.refuse = nil
		if len(w.u.Clients()) != 0 {
			t.Error("a client that was refused is bound")
		}
		w.bind("home")
	})
}

// stuck is a connection that does not end when it is told to.
type stuck struct{ *fakeConn }

func (stuck) Close(string, string) {}

func TestAConnectionThatDoesNotEndKeepsItsResource(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		c := stuck{&fakeConn{}}
		_, cl, err := w.u.Bind(context.Background(), c, "home")
		if err != nil {
			t.Fatal(err)
		}
		c.cl = cl
		start := time.Now()
		if _, err := w.tryBind("home"); bindCondition(err) != xmpp.Conflict {
			t.Errorf("bind: %v", err)
		}
		if d := time.Since(start); d > time.Minute {
			t.Errorf("waited %v", d)
		}
		w.s.happened()
		c.end()
		synctest.Wait()
		if got := w.s.happened(); !slices.Equal(got, []string{"-home"}) {
			t.Errorf("the end of the old one must count: %q", got)
		}
		w.bind("home")
	})
}

// TestABinderThatGoesAwayLeavesNothing: the old connection ended believing that
// its resource goes to a new one, which is gone before it has it.
func TestABinderThatGoesAwayLeavesNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		old := w.online("home", 0)
		w.s.hold = make(chan struct{})
		ctx, cancel := context.WithCancel(context.Background())
		failed := make(chan error, 1)
		go func() {
			_, _, err := w.u.Bind(ctx, &fakeConn{}, "home")
			failed <- err
		}()
		synctest.Wait() // the old one says goodbye to a session that is busy
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("bind: %v", err)
		}
		w.s.happened()
		close(w.s.hold)
		synctest.Wait()
		if got := w.s.happened(); !slices.Equal(got, []string{"-home"}) {
			t.Errorf("session was told %q", got)
		}
		if old.conn.condition() != xmpp.ConflictStream || len(w.u.Clients()) != 0 {
			t.Error("the old one goes on")
		}
	})
}

func TestEndAndClose(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.bind("home")
		if w.u.End("phone", "policy-violation", "") {
			t.Error("ended a client that is not there")
		}
		if w.u.Retire() {
			t.Error("retired with a client")
		}
		if !w.u.End("home", "policy-violation", "") || p.conn.condition() != "policy-violation" {
			t.Errorf("client ended with %q", p.conn.condition())
		}
		synctest.Wait()
		if !w.u.Retire() {
			t.Error("not retired without clients")
		}
		if _, err := w.tryBind("home"); !errors.Is(err, clients.ErrClosed) {
			t.Errorf("bind after Retire: %v", err)
		}
	})
}

func TestClientsForTheAdministrator(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.bind("home")
		p.conn.info.TLS = "TLS 1.3"
		p.send(`<presence><priority>5</priority></presence>`)
		var ask *xmpp.Element
		for _, st := range p.got() {
			if st.Child("jabber:iq:version", "query") != nil {
				ask = st
			}
		}
		if ask == nil || ask.Get("from") != domain || ask.Get("type") != "get" {
			t.Fatalf("the client is asked for its version by %v", ask)
		}
		p.send(`<iq type='result' id='` + ask.Get("id") + `' to='` + domain + `'><query xmlns='jabber:iq:version'><name>Gajim` + "\t" + `</name><version>1.9</version></query></iq>`)
		l := w.u.Clients()
		if len(l) != 1 || l[0].Name != "Gajim" || l[0].Version != "1.9" || l[0].TLS != "TLS 1.3" || !l[0].Available || l[0].Priority != 5 {
			t.Errorf("clients: %+v", l)
		}
		if got := w.toTransport(); len(got) != 0 {
			t.Errorf("the answer went on: %v", brief(got))
		}
		p.send(`<presence><priority>6</priority></presence>`)
		wants(t, "second presence", p.got(), "presence ME/home>ME")
	})
}
