// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/muc"
	ibr "spectrum.im/spectrum2/daemon/xmpp/register"
)

// world is a server with users on it, as seen from the component.
type world struct {
	t      testing.TB
	server *xmppServer

	mu    sync.Mutex
	seen  map[string][]*xmpp.Element // by bare JID
	grown chan struct{}
}

// newWorld starts a server whose users keep what they get.
func newWorld(t testing.TB) *world {
	w := &world{t: t, seen: map[string][]*xmpp.Element{}, grown: make(chan struct{})}
	w.server = newXMPPServer(t, w.take)
	return w
}

func (w *world) take(st *xmpp.Element) {
	to, err := xmpp.ParseJID(st.Get("to"))
	if err != nil {
		w.t.Errorf("%v: %s", err, st)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	user := to.Bare().String()
	w.seen[user] = append(w.seen[user], st)
	close(w.grown)
	w.grown = make(chan struct{})
}

// user is one account with one client.
type user struct {
	*world
	bare string
	full string
}

func (w *world) user(name string) *user {
	return &user{w, name + "@localhost", name + "@localhost/test"}
}

// mark is how much the user has seen so far.
func (u *user) mark() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.seen[u.bare])
}

// expect waits for a stanza after mark that match takes.
func (u *user) expect(mark int, what string, match func(*xmpp.Element) bool) *xmpp.Element {
	u.t.Helper()
	end := time.After(limit)
	for {
		u.mu.Lock()
		seen, grown := u.seen[u.bare], u.grown
		u.mu.Unlock()
		for _, st := range seen[mark:] {
			if match(st) {
				return st
			}
		}
		mark = len(seen)
		select {
		case <-grown:
		case <-end:
			var all string
			for _, st := range seen {
				all += st.String() + "\n"
			}
			u.t.Fatalf("%s does not get %s; what came:\n%s", u.bare, what, all)
		}
	}
}

// send sends a stanza from the user's client.
func (u *user) send(st *xmpp.Element) { u.server.send(st.Set("from", u.full)) }

// request sends an IQ and returns its answer.
func (u *user) request(typ, to string, payload *xmpp.Element) *xmpp.Element {
	u.t.Helper()
	iq := xmpp.NewIQ(typ, u.full, to, "")
	id, mark := iq.Get("id"), u.mark()
	u.send(iq.Add(payload))
	return u.expect(mark, "an answer to "+payload.Name, func(st *xmpp.Element) bool {
		return st.Name == "iq" && st.Get("id") == id
	})
}

// register registers with the transport and comes online there.
func (u *user) register(name, password string) {
	u.t.Helper()
	r := u.request("set", transport, ibr.Query{Fields: []ibr.Field{{Name: "username", Value: name}, {Name: "password", Value: password}}}.Element())
	if r.Get("type") != "result" {
		u.t.Fatalf("registration: %s", r)
	}
}

func (u *user) comeOnline() {
	u.t.Helper()
	mark := u.mark()
	u.send(xmpp.NewPresence("", "", transport))
	u.expect(mark, "the transport online", func(st *xmpp.Element) bool {
		return st.Name == "presence" && st.Get("from") == transport && st.Get("type") == "" && st.Child(xmpp.NSClient, "show") == nil
	})
}

func (u *user) say(to, typ, text string) *xmpp.Element {
	m := xmpp.NewMessage(typ, "", to).Add(xmpp.NewText(xmpp.NSClient, "body", text))
	u.send(m)
	return m
}

func (u *user) join(room, nick string) {
	u.t.Helper()
	mark := u.mark()
	u.send(xmpp.NewPresence("", "", fmt.Sprintf("%s@%s/%s", room, transport, nick)).Add(xmpp.New(muc.NS, "x")))
	u.expect(mark, "the subject of "+room, func(st *xmpp.Element) bool {
		return st.Name == "message" && st.Get("type") == "groupchat" && st.Child(xmpp.NSClient, "subject") != nil
	})
}

// hears waits for a message with text from the bare JID from.
func (u *user) hears(mark int, from, text string) *xmpp.Element {
	u.t.Helper()
	return u.expect(mark, fmt.Sprintf("%q from %s", text, from), func(st *xmpp.Element) bool {
		j, err := xmpp.ParseJID(st.Get("from"))
		return err == nil && st.Name == "message" && j.Bare().String() == from && xmpp.Body(st) == text
	})
}
