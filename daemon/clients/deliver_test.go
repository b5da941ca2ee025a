// SPDX-License-Identifier: GPL-2.0-or-later

package clients_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// TestDelivery is RFC 6121 §8.5.2 and §8.5.3: which clients take a message, and
// what becomes of one that none takes. Clients are "name:priority", or only the
// name where no presence was sent.
func TestDelivery(t *testing.T) {
	const (
		none   = "-"
		queued = "queued"
		bounce = "bounced"
	)
	for _, c := range []struct{ clients, to, typ, want string }{
		{"a:0 b:5", "", "chat", "a b"},
		{"a:0 b:5", "", "normal", "a b"},
		{"a:0 b:5", "", "", "a b"},
		{"a:0 b:5", "", "headline", "a b"},
		{"a:0 b:5", "", "groupchat", bounce},
		{"a:0 b:5", "", "error", none},
		{"a:-1 b:5", "", "chat", "b"},
		{"a b:5", "", "chat", "b"},
		{"a:-1", "", "chat", queued},
		{"a:-1", "", "normal", queued},
		{"a:-1", "", "headline", none},
		{"a:-1", "", "error", none},
		{"a", "", "chat", queued},
		{"", "", "chat", queued},
		{"", "", "normal", queued},
		{"", "", "headline", none},
		{"", "", "groupchat", bounce},
		{"", "", "error", none},
		{"a:0 b:5", "a", "chat", "a"},
		{"a:0 b:5", "a", "groupchat", "a"},
		{"a:0 b:5", "a", "error", "a"},
		{"a:-1 b:5", "a", "normal", "a"},
		{"a b:5", "a", "chat", "a"},
		{"a:0 b:5", "x", "chat", "a b"},
		{"a:-1", "x", "chat", queued},
		{"", "x", "chat", queued},
		{"a:0", "x", "normal", bounce},
		{"a:0", "x", "groupchat", none},
		{"a:0", "x", "headline", none},
		{"a:0", "x", "error", none},
	} {
		name := fmt.Sprintf("%q to %q of %s", c.typ, c.to, c.clients)
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				peers := w.several(c.clients)
				to := me
				if c.to != "" {
					to += "/" + c.to
				}
				w.arrives(fmt.Sprintf(`<message from='%s' to='%s' type='%s' id='1'><body>hi</body></message>`, joeBot, to, c.typ))
				synctest.Wait()
				var got []string
				for _, p := range peers {
					for _, st := range p.conn.take() {
						if xmpp.Body(st) == "hi" {
							got = append(got, strings.TrimPrefix(p.full, me+"/"))
						}
					}
				}
				if len(w.s.returned()) == 1 {
					got = append(got, queued)
				}
				for _, st := range w.s.take() {
					refused(t, st, xmpp.ServiceUnavailable)
					got = append(got, bounce)
				}
				if len(got) == 0 {
					got = append(got, none)
				}
				if s := strings.Join(got, " "); s != c.want {
					t.Errorf("got %s, want %s", s, c.want)
				}
			})
		})
	}
}

// several binds clients as TestDelivery writes them.
func (w *world) several(spec string) (peers []*peer) {
	for _, f := range strings.Fields(spec) {
		name, priority, there := strings.Cut(f, ":")
		p := w.bind(name)
		if there {
			p.send(`<presence><priority>` + priority + `</priority></presence>`)
		}
		peers = append(peers, p)
	}
	w.forget(peers...)
	return peers
}

// TestMessagesOfAClient has where a client's messages go.
func TestMessagesOfAClient(t *testing.T) {
	for _, c := range []struct{ name, stanza, session, transport, answer, other string }{
		{"to a contact", `<message to='` + joe + `' type='chat'><body>x</body></message>`, "message.chat ME/a>" + joe, "", "", ""},
		{"to a room", `<message to='r@` + domain + `' type='groupchat'><body>x</body></message>`, "message.groupchat ME/a>r@" + domain, "", "", ""},
		{"to the transport", `<message to='` + domain + `' type='chat'><body>x</body></message>`, "", "message.chat ME/a>" + domain, "", ""},
		{"to another server", `<message to='x@jabber.org'><body>x</body></message>`, "", "", "message.error(remote-server-not-found) x@jabber.org>ME/a", ""},
		{"an error to another server", `<message to='x@jabber.org' type='error'/>`, "", "", "", ""},
		{"to another client", `<message to='` + me + `/b' type='chat'><body>x</body></message>`, "", "", "", "message.chat ME/a>ME/b"},
		{"to oneself", `<message to='` + me + `' type='chat'><body>x</body></message>`, "", "", "message.chat ME/a>ME", "message.chat ME/a>ME"},
		{"without address", `<message type='chat'><body>x</body></message>`, "", "", "message.chat ME/a>ME", "message.chat ME/a>ME"},
		{"bad address", `<message to='a@@b'><body>x</body></message>`, "", "", "message.error(jid-malformed) a@@b>ME/a", ""},
		{"a forged copy", `<message to='` + joe + `'><sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'/></forwarded></sent></message>`, "", "", "message.error(bad-request) " + joe + ">ME/a", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				peers := w.several("a:0 b:0")
				peers[0].send(c.stanza)
				got := peers[0].got()
				wants(t, "session", w.s.take(), list(c.session)...)
				wants(t, "transport", w.toTransport(), list(c.transport)...)
				wants(t, "itself", got, list(c.answer)...)
				wants(t, "other client", peers[1].got(), list(c.other)...)
			})
		})
	}
}

func TestAForgedSenderIsPutRight(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.online("a", 0)
		p.cl.Stanza(t.Context(), parse(t, `<message from='`+joe+`' to='`+joe+`'><body>x</body></message>`))
		wants(t, "session", w.s.take(), "message ME/a>"+joe)
	})
}

func TestASessionThatFailsIsToldToTheClient(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.online("a", 0)
		w.s.refuse = errDown
		refused(t, p.asks(`<message to='`+joe+`' id='1'><body>x</body></message>`), xmpp.RecipientUnavailable)
		refused(t, p.asks(`<iq type='get' id='1' to='`+joe+`'><query xmlns='jabber:iq:version'/></iq>`), xmpp.RecipientUnavailable)
		w.u.SetSession(nil)
		refused(t, p.asks(`<message to='`+joe+`' id='1'><body>x</body></message>`), xmpp.RecipientUnavailable)
		w.s.refuse = nil
		w.u.SetSession(w.s)
	})
}

func TestStanzasForSomebodyElseAreNotDelivered(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.online("a", 0)
		w.arrives(`<message from='` + joeBot + `' to='you@` + domain + `'><body>x</body></message>`)
		w.arrives(`<message from='` + joeBot + `' to='` + me + `x/a'><body>x</body></message>`)
		wants(t, "client", p.got())
		w.arrives(`<message from='` + joeBot + `' to='ME%hotmail.com@MSN.example.org/a'><body>x</body></message>`)
		wants(t, "other spelling", p.got(), "message "+joeBot+">ME%hotmail.com@MSN.example.org/a")
	})
}
