// SPDX-License-Identifier: GPL-2.0-or-later

package clients_test

import (
	"fmt"
	"slices"
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
)

func TestInitialPresence(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.online("a", 1)
		b := w.bind("b")
		b.send(`<presence><show>away</show></presence>`)
		wants(t, "session", w.s.take(), "presence ME/b>"+domain)
		wants(t, "the other", a.got(), "presence ME/b>ME")
		wants(t, "itself", b.got(), "presence ME/b>ME", "presence ME/a>ME/b", "iq.get "+domain+">ME/b")
		b.send(`<presence type='unavailable'><status>bye</status></presence>`)
		if got := w.s.take(); len(got) != 1 || got[0].ChildText(xmpp.NSClient, "status") != "bye" {
			t.Errorf("session: %v", got)
		}
		wants(t, "the other", a.got(), "presence.unavailable ME/b>ME")
		b.conn.end()
		wants(t, "session after the end", w.s.take())
	})
}

func TestTheEndOfAClientIsToldToEverybodyWhoSawIt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, b := w.online("a", 0), w.online("b", 0)
		b.send(`<presence to='room@` + domain + `/nick'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
		b.send(`<presence to='` + joe + `'/>`)
		b.send(`<presence to='` + joe + `' type='unavailable'/>`)
		w.forget(a, b)
		b.conn.end()
		wants(t, "session", w.s.take(), "presence.unavailable ME/b>room@"+domain+"/nick", "presence.unavailable ME/b>"+domain)
		wants(t, "the other", a.got(), "presence.unavailable ME/b>ME")
		if got := w.s.happened(); !slices.Equal(got, []string{"-b"}) {
			t.Errorf("session was told %q", got)
		}
	})
}

func TestDirectedPresenceIsBounded(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.online("a", 0)
		for i := range 600 {
			p.send(fmt.Sprintf(`<presence to='room%d@%s/me'/>`, i, domain))
		}
		sent, got := len(w.s.take()), p.got()
		if sent != 500 || len(got) != 100 {
			t.Errorf("%d went on, %d answers", sent, len(got))
		}
		refused(t, got[0], xmpp.ResourceConstraint)
		p.conn.end()
		if left := len(w.s.take()); left != 501 {
			t.Errorf("%d goodbyes", left)
		}
	})
}

// TestPresenceOfAClient has what a client may send and what becomes of it.
func TestPresenceOfAClient(t *testing.T) {
	for _, c := range []struct{ name, stanza, session, answer string }{
		{"subscription is the user's", `<presence type='subscribe' to='` + joeBot + `'/>`, "presence.subscribe ME>" + joe, ""},
		{"approval", `<presence type='subscribed' to='` + joe + `'/>`, "presence.subscribed ME>" + joe, ""},
		{"subscription without address", `<presence type='subscribe'/>`, "", "presence.error(bad-request) ME>ME/a"},
		{"unknown type", `<presence type='sleeping'/>`, "", "presence.error(bad-request) ME>ME/a"},
		{"bad address", `<presence to='@@'/>`, "", "presence.error(jid-malformed) @@>ME/a"},
		{"another server", `<presence to='x@jabber.org' type='subscribe'/>`, "", "presence.error(remote-server-not-found) x@jabber.org>ME/a"},
		{"leaving another server", `<presence to='x@jabber.org' type='unavailable'/>`, "", ""},
		{"a probe is the server's", `<presence type='probe' to='` + joe + `'/>`, "", ""},
		{"an error to the transport", `<presence type='error' to='` + domain + `'/>`, "", ""},
		{"an error to a room", `<presence type='error' to='r@` + domain + `/n'/>`, "presence.error ME/a>r@" + domain + "/n", ""},
		{"directed to the transport", `<presence to='` + domain + `'/>`, "presence ME/a>" + domain, ""},
		{"to the user himself", `<presence to='` + me + `'/>`, "", "presence ME/a>ME"},
		{"subscription to oneself", `<presence type='subscribe' to='` + me + `'/>`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				p := w.online("a", 0)
				p.send(c.stanza)
				got := p.got()
				wants(t, "session", w.s.take(), list(c.session)...)
				wants(t, "client", got, list(c.answer)...)
			})
		})
	}
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func TestPresenceFromContacts(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, b, unseen := w.online("a", 0), w.online("b", -5), w.bind("c")
		unseen.send(`<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>`)
		w.forget(a, b, unseen)
		w.arrives(`<presence from='` + joeBot + `' to='` + me + `'/>`)
		for _, p := range []*peer{a, b} {
			wants(t, p.full, p.got(), "presence "+joeBot+">ME")
		}
		wants(t, "not available", unseen.got())
		w.arrives(`<presence from='` + joe + `' to='` + me + `' type='subscribed'/>`)
		wants(t, "interested only", unseen.got(), "presence.subscribed "+joe+">ME")
		w.arrives(`<presence from='` + joeBot + `' to='` + b.full + `'/>`)
		b.got()
		a.got()
		w.arrives(`<presence from='r@` + domain + `/n' to='` + b.full + `'/>`)
		wants(t, "directed", b.got(), "presence r@"+domain+"/n>ME/b")
		wants(t, "not directed", a.got())
		w.arrives(`<presence type='probe' from='` + domain + `' to='` + me + `'/>`)
		b.got()
		wants(t, "probe", w.s.take(), "presence ME/a>"+domain, "presence ME/b>"+domain)
	})
}

func TestInvisible(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.online("a", 0)
		b := w.bind("b")
		wants(t, "answer and others", []*xmpp.Element{b.asks2(`<iq type='set' id='i'><invisible xmlns='urn:xmpp:invisible:1'/></iq>`)[0]}, "iq.result >ME/b")
		wants(t, "session", w.s.take(), "presence.invisible ME/b>"+domain)
		b.send(`<presence><show>away</show></presence>`)
		wants(t, "session", w.s.take(), "presence.invisible ME/b>"+domain)
		wants(t, "the other sees nothing", a.got())
		b.got()
		w.arrives(`<message type='chat' from='` + joeBot + `' to='` + me + `'><body>x</body></message>`)
		wants(t, "messages come", b.got(), "message.chat "+joeBot+">ME")
		a.got()
		b.asks2(`<iq type='set' id='v'><visible xmlns='urn:xmpp:invisible:1'/></iq>`)
		b.send(`<presence/>`)
		wants(t, "seen again", a.got(), "presence ME/b>ME")
		wants(t, "session", w.s.take(), "presence ME/b>"+domain)
		b.asks2(`<iq type='set' id='i'><invisible xmlns='urn:xmpp:invisible:0'/></iq>`) // as older clients say it
		wants(t, "gone again", a.got(), "presence.unavailable ME/b>ME")
		w.s.take()
		b.conn.end()
		wants(t, "nobody saw it go but the session", a.got())
		wants(t, "session", w.s.take(), "presence.unavailable ME/b>"+domain)
	})
}

// asks2 sends a request and returns all that came then.
func (p *peer) asks2(iq string) []*xmpp.Element {
	p.conn.take()
	p.send(iq)
	return p.got()
}

func TestANewSessionHearsOfTheClients(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.online("a", 0)
		w.bind("b")
		w.forget()
		next := newSession()
		next.u = w.u
		w.u.SetSession(next)
		w.forget()
		wants(t, "new session", next.take(), "presence ME/a>"+domain)
		if got := next.happened(); !slices.Equal(got, []string{"+a", "+b"}) {
			t.Errorf("new session was told %q", got)
		}
		w.s = next
	})
}
