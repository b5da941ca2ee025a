// SPDX-License-Identifier: GPL-2.0-or-later

package clients_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"log/slog"
	"strings"
	"testing"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/clients"
	"spectrum.im/spectrum2/daemon/personal"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlite"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/blocking"
	"spectrum.im/spectrum2/daemon/xmpp/mam"
	"spectrum.im/spectrum2/daemon/xmpp/server"
	"spectrum.im/spectrum2/daemon/xmpp/vcard"
)

// What is above and below fits without an adapter.
var (
	_ clients.Session      = (*session.Session)(nil)
	_ clients.Services     = (*personal.Services)(nil)
	_ clients.Conn         = (*server.Conn)(nil)
	_ server.Client        = (*clients.Client)(nil)
	_ session.Front        = (*clients.User)(nil)
	_ session.RosterPusher = (*clients.User)(nil)
)

// TestWithADatabase drives the clients of a user for whom everything is kept.
func TestWithADatabase(t *testing.T) {
	w := newWorld(t)
	s := openServices(t, w)
	w.u.SetServices(s)
	a, b := w.bind("a"), w.bind("b")
	for _, p := range []*peer{a, b} {
		p.send(`<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>`)
		p.send(`<presence/>`)
	}
	ask := func(p *peer, iq string) *xmpp.Element {
		t.Helper()
		w.u.Clients()
		p.conn.take()
		p.send(iq)
		w.u.Clients()
		got := p.conn.take()
		for _, st := range got {
			if st.Name == "iq" && st.Get("id") == "1" {
				return st
			}
		}
		t.Fatalf("no answer to %s: %v", iq, got)
		return nil
	}

	w.arrives(`<message from='` + joeBot + `' to='` + me + `' type='chat' id='m'><body>x</body></message>`)
	a.send(`<message to='` + joe + `' type='chat' id='n'><body>y</body></message>`)
	w.u.Clients()
	var live []string
	for _, st := range b.conn.take() {
		m, _ := inner(st)
		if id := mam.IDBy(m, me); id != "" {
			live = append(live, xmpp.Body(m)+" "+id)
		}
	}
	a.conn.take()
	a.send(`<iq type='set' id='1'><query xmlns='urn:xmpp:mam:2'/></iq>`)
	w.u.Clients()
	var kept []string
	for _, st := range a.conn.take() {
		if r := st.Child(mam.NS, "result"); r != nil {
			m := r.Child("urn:xmpp:forward:0", "forwarded").Child(xmpp.NSClient, "message")
			kept = append(kept, xmpp.Body(m)+" "+r.Get("id"))
		}
	}
	if len(live) != 2 || strings.Join(live, ",") != strings.Join(kept, ",") {
		t.Errorf("b saw %q, the archive has %q", live, kept)
	}

	photo := append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte{7}, 50)...)
	if st := ask(a, `<iq type='set' id='1'><vCard xmlns='vcard-temp'><FN>Me</FN><PHOTO><TYPE>image/png</TYPE><BINVAL>`+base64.StdEncoding.EncodeToString(photo)+`</BINVAL></PHOTO></vCard></iq>`); st.Get("type") != "result" {
		t.Fatalf("vCard: %s", st)
	}
	if v, _ := vcard.Of(ask(b, `<iq type='get' id='1'><vCard xmlns='vcard-temp'/></iq>`)); v.FullName != "Me" || !bytes.Equal(v.Photo, photo) {
		t.Errorf("vCard: %+v", v)
	}
	w.s.mu.Lock()
	if !bytes.Equal(w.s.photo, photo) {
		t.Error("the network has no picture")
	}
	w.s.mu.Unlock()
	ask(a, `<iq type='set' id='1'><vCard xmlns='vcard-temp'><FN>Me</FN></vCard></iq>`)
	if v, _ := vcard.Of(ask(b, `<iq type='get' id='1'><vCard xmlns='vcard-temp'/></iq>`)); v.FullName != "Me" || len(v.Photo) != 0 || len(w.s.photo) != 0 {
		t.Errorf("vCard without picture: %+v", v)
	}

	ask(b, `<iq type='get' id='1'><blocklist xmlns='urn:xmpp:blocking'/></iq>`)
	ask(a, `<iq type='set' id='1'><block xmlns='urn:xmpp:blocking'><item jid='`+joe+`'/></block></iq>`)
	w.u.Clients()
	if push := b.conn.take(); len(push) != 1 || push[0].Child(blocking.NS, blocking.Block) == nil {
		t.Errorf("push: %v", push)
	}
	w.arrives(`<message from='` + joeBot + `' to='` + me + `' type='chat' id='o'><body>blocked</body></message>`)
	w.u.Clients()
	if got := b.conn.take(); len(got) != 0 {
		t.Errorf("blocked: %v", got)
	}
	refused(t, ask(a, `<iq type='get' id='1' to='`+joe+`'><ping xmlns='urn:xmpp:ping'/></iq>`), xmpp.NotAcceptable)

	a.conn.end()
	b.conn.end()
	w.u.Wait()
}

func inner(st *xmpp.Element) (*xmpp.Element, bool) {
	for _, d := range []string{"received", "sent"} {
		if c := st.Child("urn:xmpp:carbons:2", d); c != nil {
			return c.First().First(), true
		}
	}
	return st, false
}

func openServices(t *testing.T, w *world) *personal.Services {
	t.Helper()
	db, err := sqlite.Open(t.Context(), sqlite.Options{Path: sqlite.Memory})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	u := &store.User{JID: me}
	if err := db.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	s, err := personal.Open(t.Context(), personal.Options{
		User: jid.MustParse(me), UserID: u.ID, Token: func() store.Token { return 1 }, Store: db, Days: 7, Rooms: true,
		Send: w.u.Send, Block: w.s.Block, Avatar: w.s.SetAvatar, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// broken are services with a bug.
type broken struct{ *fakeServices }

func (broken) Record(*xmpp.Element, bool) *xmpp.Element { panic("a bug") }

// TestABugEndsOneUsersClients and nothing else.
func TestABugEndsOneUsersClients(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	for name, send := range map[string]func(*world, *peer){
		"for the user": func(w *world, _ *peer) {
			w.arrives(`<message from='` + joeBot + `' to='` + me + `'><body>x</body></message>`)
		},
		"of a client": func(_ *world, p *peer) { p.send(`<message to='` + joe + `'><body>x</body></message>`) },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				p := w.online("a", 0)
				send(w, p)
				w.forget()
				if p.conn.condition() != "internal-server-error" {
					t.Errorf("closed with %q", p.conn.condition())
				}
				if _, err := w.tryBind("a"); err == nil {
					t.Error("bound to what is broken")
				}
			}, func(o *clients.Options) { o.Services, o.Log = broken{newServices()}, logger })
		})
	}
	if !strings.Contains(log.String(), "stack=") {
		t.Errorf("log: %s", log.String())
	}
}
