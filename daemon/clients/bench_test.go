// SPDX-License-Identifier: GPL-2.0-or-later

package clients_test

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/clients"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/server"
)

// sink is a connection that counts.
type sink struct {
	jid  jid.JID
	full chan struct{} // a token for each stanza
}

func (s *sink) JID() jid.JID      { return s.jid }
func (s *sink) Info() server.Info { return server.Info{JID: s.jid} }
func (s *sink) Send(*xmpp.Element) error {
	if s.full != nil {
		s.full <- struct{}{}
	}
	return nil
}
func (s *sink) Close(string, string) {}

func (w *world) sink(t testing.TB, full chan struct{}) *clients.Client {
	s := &sink{full: full}
	r, cl, err := w.u.Bind(context.Background(), s, "home")
	if err != nil {
		t.Fatal(err)
	}
	s.jid, _ = jid.MustParse(me).WithResource(r)
	return cl
}

// realPresence is what Gajim sends.
const realPresence = `<presence id='5f2b8a4e-6a0c-4b0f-9a35-7f1f0dd0c1ab'><priority>50</priority><show>away</show><status>I am away from the keyboard</status>` +
	`<x xmlns='vcard-temp:x:update'><photo>0f1b0c1a7b0f1b0c1a7b0f1b0c1a7b0f1b0c1a7b</photo></x>` +
	`<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://gajim.org' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/></presence>`

// BenchmarkMessage is a message of the session's until the client's connection
// has it.
func BenchmarkMessage(b *testing.B) {
	w := newWorld(b)
	got := make(chan struct{}, 16)
	cl := w.sink(b, got)
	cl.Stanza(b.Context(), parse(b, realPresence).Set("from", me+"/home"))
	w.u.Clients()
	for len(got) > 0 {
		<-got
	}
	st := xmpp.NewMessage("chat", joeBot, me).Add(xmpp.NewText(xmpp.NSClient, "body", "hi"))
	b.ReportAllocs()
	for b.Loop() {
		_ = w.u.Send(b.Context(), st)
		<-got
	}
}

// idleSize measures n idle users with one client each.
func idleSize(t testing.TB, n int) float64 {
	cls := make([]*clients.Client, n)
	settings := func() clients.Settings { return clients.Settings{MoreResources: true} }
	log := newWorld(t)
	measure := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	users := make([]*clients.User, n)
	before := measure()
	for i := range n {
		w := &world{t: t, s: log.s}
		w.u = clients.New(clients.Options{User: jid.MustParse(me), Domain: domain, Session: log.s, Settings: settings, Transport: func(context.Context, *xmpp.Element) {}})
		cl := w.sink(t, nil)
		cl.Stanza(context.Background(), parse(t, realPresence).Set("from", me+"/home"))
		cl.Stanza(context.Background(), parse(t, strings.Replace(rosterGet, "<iq", "<iq from='"+me+"/home'", 1)))
		cl.Stanza(context.Background(), parse(t, `<iq from='`+me+`/home' type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>`))
		w.u.Clients()
		users[i], cls[i] = w.u, cl
		log.s.take()
	}
	log.s.happened()
	after := measure()
	runtime.KeepAlive(users)
	runtime.KeepAlive(cls)
	return float64(after-before) / float64(n)
}

// BenchmarkIdleUser is the memory of a user with one client that does nothing.
func BenchmarkIdleUser(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(idleSize(b, 500), "B/user")
	}
}

func TestAnIdleUserIsSmallAndHasNoGoroutine(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	if size := idleSize(t, 300); size > 4096 {
		t.Errorf("an idle user with one client takes %.0f bytes", size)
	}
	if n := runtime.NumGoroutine(); n > goroutines+5 {
		t.Errorf("%d goroutines more than before", n-goroutines)
	}
}
