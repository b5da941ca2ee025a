// SPDX-License-Identifier: GPL-2.0-or-later

package clients_test

import (
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/carbons"
)

// copied enables carbons.
func (p *peer) copied() *peer {
	p.w.t.Helper()
	if st := p.asks(`<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>`); st.Get("type") != "result" {
		p.w.t.Fatalf("carbons: %s", st)
	}
	return p
}

// saw is what a client shows of the messages it got: the text, with "received"
// or "sent" before it where it is a copy.
func (p *peer) saw() string {
	p.w.t.Helper()
	var out []string
	for _, st := range p.got() {
		if st.Name != "message" {
			continue
		}
		m, direction := carbons.Of(st)
		if m == nil {
			m = st
		} else if st.Get("from") != me || st.Get("to") != p.full || st.Get("type") != m.Get("type") {
			p.w.t.Errorf("bad copy: %s", st)
		}
		out = append(out, strings.TrimSpace(direction+" "+xmpp.Body(m)))
	}
	return strings.Join(out, ", ")
}

// TestCarbons is XEP-0280: b and n (of negative priority) have enabled them, c
// has not. Messages come for a, or a sends them.
func TestCarbons(t *testing.T) {
	const room = "r@" + domain
	for _, c := range []struct{ name, arrives, sends, a, b, n, c string }{
		{"received, to one client", `<message from='` + joeBot + `' to='` + me + `/a' type='chat' id='1'><body>x</body></message>`, "", "x", "received x", "received x", ""},
		{"received, to all", `<message from='` + joeBot + `' to='` + me + `' type='chat' id='1'><body>x</body></message>`, "", "x", "x", "received x", "x"},
		{"normal with body", `<message from='` + joeBot + `' to='` + me + `/a' id='1'><body>x</body></message>`, "", "x", "received x", "received x", ""},
		{"normal without body", `<message from='` + joeBot + `' to='` + me + `/a' id='1'><foo xmlns='urn:x'/></message>`, "", "", "", "", ""},
		{"receipt", `<message from='` + joeBot + `' to='` + me + `/a' id='1'><received xmlns='urn:xmpp:receipts' id='0'/></message>`, "", "", "received", "received", ""},
		{"headline", `<message from='` + joeBot + `' to='` + me + `/a' type='headline'><body>x</body></message>`, "", "x", "", "", ""},
		{"groupchat", `<message from='` + room + `/n' to='` + me + `/a' type='groupchat'><body>x</body></message>`, "", "x", "", "", ""},
		{"error", `<message from='` + joeBot + `' to='` + me + `/a' type='error'><body>x</body></message>`, "", "x", "", "", ""},
		{"private", `<message from='` + joeBot + `' to='` + me + `/a' type='chat'><body>x</body><private xmlns='urn:xmpp:carbons:2'/></message>`, "", "x", "", "", ""},
		{"no-copy", `<message from='` + joeBot + `' to='` + me + `/a' type='chat'><body>x</body><no-copy xmlns='urn:xmpp:hints'/></message>`, "", "x", "", "", ""},
		{"from an occupant", `<message from='` + room + `/n' to='` + me + `/a' type='chat'><body>x</body><x xmlns='http://jabber.org/protocol/muc#user'/></message>`, "", "x", "", "", ""},
		{"invitation", `<message from='` + room + `' to='` + me + `/a'><body>x</body><x xmlns='http://jabber.org/protocol/muc#user'><invite from='` + joe + `'/></x></message>`, "", "x", "received x", "received x", ""},
		{"sent elsewhere", `<message from='` + me + `' to='` + joe + `' type='chat'><body>x</body></message>`, "", "", "sent x", "sent x", ""},

		{"sent", "", `<message to='` + joe + `' type='chat'><body>x</body></message>`, "", "sent x", "sent x", ""},
		{"sent to an occupant", "", `<message to='` + room + `/n' type='chat'><body>x</body><x xmlns='http://jabber.org/protocol/muc#user'/></message>`, "", "sent x", "sent x", ""},
		{"sent to a room", "", `<message to='` + room + `' type='groupchat'><body>x</body></message>`, "", "", "", ""},
		{"sent in private", "", `<message to='` + joe + `' type='chat'><body>x</body><private xmlns='urn:xmpp:carbons:2'/></message>`, "", "", "", ""},
		{"sent to another client", "", `<message to='` + me + `/c' type='chat'><body>x</body></message>`, "", "received x", "received x", "x"},
		{"sent to oneself", "", `<message to='` + me + `' type='chat'><body>x</body></message>`, "x", "x", "received x", "x"},
		{"an error of a client", "", `<message to='` + joe + `' type='error'><body>x</body></message>`, "", "", "", ""},
		{"what a carbon bounced with", "", `<message to='` + me + `' type='error'><body>x</body></message>`, "", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				p := w.several("a:0 b:0 n:-1 c:0")
				p[1].copied()
				p[2].copied()
				if c.arrives != "" {
					w.arrives(c.arrives)
				} else {
					p[0].send(c.sends)
				}
				for i, want := range []string{c.a, c.b, c.n, c.c} {
					if got := p[i].saw(); got != want {
						t.Errorf("%s saw %q, want %q", p[i].full, got, want)
					}
				}
			})
		})
	}
}

func TestCarbonsAreSwitchedOff(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.several("a:0 b:0")
		p[1].copied().copied()
		if !w.u.Clients()[1].Carbons {
			t.Error("not shown to the administrator")
		}
		p[1].asks(`<iq type='set' id='c'><disable xmlns='urn:xmpp:carbons:2'/></iq>`)
		p[0].send(`<message to='` + joe + `' type='chat'><body>x</body></message>`)
		if got := p[1].saw(); got != "" {
			t.Errorf("saw %q", got)
		}
		refused(t, p[1].asks(`<iq type='get' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>`), xmpp.BadRequest)
	})
}

func TestPrivateIsRemovedOnTheWayOut(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.online("a", 0)
		p.send(`<message to='` + joe + `' type='chat'><body>x</body><private xmlns='urn:xmpp:carbons:2'/></message>`)
		if got := w.s.take(); len(got) != 1 || carbons.Private(got[0]) || xmpp.Body(got[0]) != "x" {
			t.Errorf("session got %v", got)
		}
	})
}
