// SPDX-License-Identifier: GPL-2.0-or-later

package clients_test

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/clients"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/blocking"
	"spectrum.im/spectrum2/daemon/xmpp/disco"
	"spectrum.im/spectrum2/daemon/xmpp/mam"
	"spectrum.im/spectrum2/daemon/xmpp/vcard"
)

// TestRequestsOfAClient has where a client's IQs go and what is answered.
func TestRequestsOfAClient(t *testing.T) {
	for _, c := range []struct{ name, iq, session, transport, answer, other string }{
		{"ping", `<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>`, "", "", "iq.result >ME/a", ""},
		{"ping by address", `<iq type='get' id='1' to='` + me + `'><ping xmlns='urn:xmpp:ping'/></iq>`, "", "", "iq.result ME>ME/a", ""},
		{"version", `<iq type='get' id='1'><query xmlns='jabber:iq:version'/></iq>`, "", "", "iq.result >ME/a", ""},
		{"time", `<iq type='get' id='1'><time xmlns='urn:xmpp:time'/></iq>`, "", "", "iq.result >ME/a", ""},
		{"last activity", `<iq type='get' id='1'><query xmlns='jabber:iq:last'/></iq>`, "", "", "iq.result >ME/a", ""},
		{"session", `<iq type='set' id='1'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>`, "", "", "iq.result >ME/a", ""},
		{"bind again", `<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`, "", "", "iq.error(not-allowed) ME>ME/a", ""},
		{"to set what can only be read", `<iq type='set' id='1'><query xmlns='jabber:iq:version'/></iq>`, "", "", "iq.error(service-unavailable) ME>ME/a", ""},
		{"private storage that there is not", `<iq type='get' id='1'><query xmlns='jabber:iq:private'><x xmlns='urn:x'/></query></iq>`, "", "", "iq.error(service-unavailable) ME>ME/a", ""},
		{"unknown", `<iq type='set' id='1'><x xmlns='urn:x'/></iq>`, "", "", "iq.error(service-unavailable) ME>ME/a", ""},
		{"node that there is not", `<iq type='get' id='1'><query xmlns='http://jabber.org/protocol/disco#info' node='x'/></iq>`, "", "", "iq.error(item-not-found) >ME/a", ""},
		{"empty", `<iq type='get' id='1'/>`, "", "", "iq.error(bad-request) ME>ME/a", ""},
		{"without id", `<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>`, "", "", "iq.error(bad-request) ME>ME/a", ""},
		{"without type", `<iq id='1'><ping xmlns='urn:xmpp:ping'/></iq>`, "", "", "iq.error(bad-request) ME>ME/a", ""},
		{"to a contact", `<iq type='get' id='1' to='` + joeBot + `'><ping xmlns='urn:xmpp:ping'/></iq>`, "iq.get ME/a>" + joeBot, "", "", ""},
		{"archive of a room, without archive", `<iq type='set' id='1' to='r@` + domain + `'><query xmlns='urn:xmpp:mam:2'/></iq>`, "iq.set ME/a>r@" + domain, "", "", ""},
		{"to the transport", `<iq type='get' id='1' to='` + domain + `'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`, "", "iq.get ME/a>" + domain, "", ""},
		{"to another server", `<iq type='get' id='1' to='jabber.org'><ping xmlns='urn:xmpp:ping'/></iq>`, "", "", "iq.error(remote-server-not-found) jabber.org>ME/a", ""},
		{"to another client", `<iq type='get' id='1' to='` + me + `/b'><ping xmlns='urn:xmpp:ping'/></iq>`, "", "", "", "iq.get ME/a>ME/b"},
		{"to a client that is not there", `<iq type='get' id='1' to='` + me + `/x'><ping xmlns='urn:xmpp:ping'/></iq>`, "", "", "iq.error(service-unavailable) ME/x>ME/a", ""},
		{"answer to a contact", `<iq type='result' id='1' to='` + joeBot + `'/>`, "iq.result ME/a>" + joeBot, "", "", ""},
		{"answer to the transport", `<iq type='error' id='1' to='` + domain + `'/>`, "", "iq.error(undefined-condition) ME/a>" + domain, "", ""},
		{"answer to another client", `<iq type='result' id='1' to='` + me + `/b'/>`, "", "", "", "iq.result ME/a>ME/b"},
		{"answer to a client that is not there", `<iq type='result' id='1' to='` + me + `/x'/>`, "", "", "", ""},
		{"answer to a roster push", `<iq type='result' id='1'/>`, "", "", "", ""},
		{"answer to another server", `<iq type='result' id='1' to='jabber.org'/>`, "", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				p := w.several("a:0 b")
				p[0].send(strings.Replace(c.iq, `'error' id='1' to='`+domain+`'/>`, `'error' id='1' to='`+domain+`'><error type='cancel'/></iq>`, 1))
				got := p[0].got()
				wants(t, "session", w.s.take(), list(c.session)...)
				wants(t, "transport", w.toTransport(), list(c.transport)...)
				wants(t, "itself", got, list(c.answer)...)
				wants(t, "other client", p[1].got(), list(c.other)...)
			})
		})
	}
}

// TestRequestsForTheUser has what contacts, rooms and the transport ask.
func TestRequestsForTheUser(t *testing.T) {
	for _, c := range []struct{ name, iq, client, session, transport string }{
		{"of a client", `<iq type='get' id='1' from='` + domain + `' to='` + me + `/a'><x xmlns='urn:x'/></iq>`, "iq.get " + domain + ">ME/a", "", ""},
		{"of a client that only is connected", `<iq type='get' id='1' from='` + joeBot + `' to='` + me + `/b'><x xmlns='urn:x'/></iq>`, "", "", ""},
		{"answer to a client", `<iq type='result' id='1' from='` + joeBot + `' to='` + me + `/a'/>`, "iq.result " + joeBot + ">ME/a", "", ""},
		{"of a client that is not there, by a contact", `<iq type='get' id='1' from='` + joeBot + `' to='` + me + `/x'><x xmlns='urn:x'/></iq>`, "", "iq.error(service-unavailable) ME/x>" + joeBot, ""},
		{"of a client that is not there, by the transport", `<iq type='get' id='1' from='` + domain + `' to='` + me + `/x'><x xmlns='urn:x'/></iq>`, "", "", "iq.error(service-unavailable) ME/x>" + domain},
		{"of the account: something unknown", `<iq type='get' id='1' from='` + domain + `' to='` + me + `'><x xmlns='urn:x'/></iq>`, "", "", "iq.error(service-unavailable) ME>" + domain},
		{"of the account: ping", `<iq type='get' id='1' from='` + joeBot + `' to='` + me + `'><ping xmlns='urn:xmpp:ping'/></iq>`, "", "iq.result ME>" + joeBot, ""},
		{"of the account: what it is", `<iq type='get' id='1' from='` + domain + `' to='` + me + `'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`, "", "", "iq.result ME>" + domain},
		{"of the account: no vCard", `<iq type='get' id='1' from='` + domain + `' to='` + me + `'><vCard xmlns='vcard-temp'/></iq>`, "", "", "iq.error(item-not-found) ME>" + domain},
		{"answer to the account", `<iq type='result' id='1' from='` + joeBot + `' to='` + me + `'/>`, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				p := w.several("a:0 b")
				w.arrives(c.iq)
				got := p[0].got()
				wants(t, "session", w.s.take(), list(c.session)...)
				wants(t, "transport", w.toTransport(), list(c.transport)...)
				wants(t, "client", got, list(c.client)...)
			})
		})
	}
}

func TestWhatTheAccountIs(t *testing.T) {
	const ask = `<iq type='get' id='1'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`
	inWorld(t, func(t *testing.T, w *world) {
		p := w.several("a:0 b:0")[0]
		i := disco.ParseInfo(p.asks(ask).Child(disco.NSInfo, "query"))
		if len(i.Identities) != 1 || i.Identities[0].Category != "account" || i.Has(mam.NS) {
			t.Errorf("without services: %+v", i)
		}
		for _, f := range clients.Features() {
			if !i.Has(f) {
				t.Errorf("%s is not named", f)
			}
		}
		w.u.SetServices(newServices())
		i = disco.ParseInfo(p.asks(ask).Child(disco.NSInfo, "query"))
		if !i.Has(mam.NS) || !slices.Contains(i.Identities, disco.Identity{Category: "pubsub", Type: "pep"}) {
			t.Errorf("with services: %+v", i)
		}
		items := disco.ParseItems(p.asks(`<iq type='get' id='1'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>`).Child(disco.NSItems, "query"))
		if len(items.Items) != 2 || items.Items[1].JID != me+"/b" {
			t.Errorf("items: %+v", items)
		}
	})
}

func TestArchiveResultsComeBeforeTheirEnd(t *testing.T) {
	s := newServices()
	inWorld(t, func(t *testing.T, w *world) {
		s.send = w.u.Send
		p := w.online("a", 0)
		for _, to := range []string{me, "room@" + domain} {
			got := p.asks2(`<iq type='set' id='1' to='` + to + `'><query xmlns='urn:xmpp:mam:2'/></iq>`)
			if len(got) != 2 || got[0].Child(mam.NS, "result") == nil || got[1].Child(mam.NS, "fin") == nil {
				t.Errorf("archive of %s: %v", to, brief(got))
			}
		}
	}, withServices(s))
}

func TestMessagesAreRecordedOnce(t *testing.T) {
	s := newServices()
	inWorld(t, func(t *testing.T, w *world) {
		p := w.several("a:0 b:0")
		p[1].copied()
		w.arrives(`<message from='` + joeBot + `' to='` + me + `' type='chat' id='1'><body>x</body></message>`)
		a, b := p[0].one(), p[1].one()
		if n := s.records(); n != 1 || mam.IDBy(a, me) == "" || mam.IDBy(a, me) != mam.IDBy(b, me) {
			t.Errorf("%d records: %s", n, a)
		}
		p[0].send(`<message to='` + joe + `' type='chat'><body>y</body><stanza-id xmlns='urn:xmpp:sid:0' by='` + me + `' id='forged'/></message>`)
		copied := p[1].one().First().First().First()
		if n := s.records(); n != 1 || mam.IDBy(copied, me) == "" || mam.IDBy(copied, me) == "forged" {
			t.Errorf("%d records: %s", n, copied)
		}
		w.arrives(`<message from='` + me + `' to='` + joe + `' type='chat'><body>z</body></message>`)
		if got := p[1].saw(); got != "sent z" || s.records() != 1 {
			t.Errorf("sent elsewhere: %q", got)
		}
		// What nobody takes is recorded when it comes again, not twice.
		p[0].conn.end(a)
		p[1].conn.end(b)
		back := w.s.returned()
		if len(back) != 1 || s.records() != 0 {
			t.Fatalf("%d came back", len(back))
		}
		c := w.online("c", 0)
		s.records()
		if err := w.u.Send(t.Context(), back[0]); err != nil {
			t.Fatal(err)
		}
		if st := c.one(); mam.IDBy(st, me) != mam.IDBy(a, me) || s.records() != 0 {
			t.Errorf("again: %s", st)
		}
	}, withServices(s))
}

func TestBlockingWithoutServices(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.several("a:0 b:0")
		const get = `<iq type='get' id='1'><blocklist xmlns='urn:xmpp:blocking'/></iq>`
		p[1].asks(get)
		got := p[0].asks(`<iq type='set' id='1'><block xmlns='urn:xmpp:blocking'><item jid='` + joe + `'/></block></iq>`)
		if got.Get("type") != "result" {
			t.Fatalf("block: %s", got)
		}
		if push := p[1].one(); push.Get("type") != "set" || blocking.JIDs(push.First())[0] != joe {
			t.Errorf("push: %s", push)
		}
		if e := w.s.happened(); !slices.Equal(e, []string{"block " + joe + " true"}) {
			t.Errorf("session was told %q", e)
		}
		w.arrives(`<message from='` + joeBot + `' to='` + me + `'><body>x</body></message>`)
		w.arrives(`<presence from='` + joeBot + `' to='` + me + `'/>`)
		wants(t, "blocked", p[0].got())
		w.arrives(`<iq type='get' id='1' from='` + joeBot + `' to='` + me + `/a'><ping xmlns='urn:xmpp:ping'/></iq>`)
		wants(t, "blocked", p[0].got())
		wants(t, "session", w.s.take(), "iq.error(service-unavailable) ME/a>"+joeBot)
		for _, st := range []string{`<message id='1' to='` + joe + `'><body>x</body></message>`, `<presence id='1' to='` + joe + `'/>`, `<iq type='get' id='1' to='` + joe + `'><ping xmlns='urn:xmpp:ping'/></iq>`} {
			e := p[0].asks(st)
			refused(t, e, xmpp.NotAcceptable)
			if e.Child(xmpp.NSClient, "error").Child(blocking.NSErrors, "blocked") == nil {
				t.Errorf("does not say why: %s", e)
			}
		}
		if l := blocking.JIDs(p[0].asks(get).First()); !slices.Equal(l, []string{joe}) {
			t.Errorf("list: %q", l)
		}
		refused(t, p[0].asks(`<iq type='set' id='1'><block xmlns='urn:xmpp:blocking'/></iq>`), xmpp.BadRequest)
		refused(t, p[0].asks(`<iq type='set' id='1'><block xmlns='urn:xmpp:blocking'><item jid='@@'/></block></iq>`), xmpp.JIDMalformed)
		p[0].asks2(`<iq type='set' id='1'><unblock xmlns='urn:xmpp:blocking'/></iq>`)
		w.arrives(`<message from='` + joeBot + `' to='` + me + `'><body>x</body></message>`)
		if got := p[0].saw(); got != "x" {
			t.Errorf("unblocked: %q", got)
		}
	})
}

func TestVCard(t *testing.T) {
	photo := append([]byte("\x89PNG"), bytes.Repeat([]byte{7}, 50)...)
	set := `<iq type='set' id='1'><vCard xmlns='vcard-temp'><FN>Me</FN><PHOTO><TYPE>image/png</TYPE><BINVAL>` + base64.StdEncoding.EncodeToString(photo) + `</BINVAL></PHOTO></vCard></iq>`
	const get = `<iq type='get' id='1'><vCard xmlns='vcard-temp'/></iq>`
	for name, s := range map[string]*fakeServices{"in memory": nil, "kept": newServices()} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				if s != nil {
					w.u.SetServices(s)
				}
				p := w.online("a", 0)
				if v, ok := vcard.Of(p.asks(get)); !ok || v.FullName != "" {
					t.Errorf("before: %+v", v)
				}
				if st := p.asks(set); st.Get("type") != "result" {
					t.Fatal(st)
				}
				if v, _ := vcard.Of(p.asks(get)); v.FullName != "Me" || !bytes.Equal(v.Photo, photo) {
					t.Errorf("card: %+v", v)
				}
				w.arrives(`<iq type='get' id='1' from='` + domain + `' to='` + me + `'><vCard xmlns='vcard-temp'/></iq>`)
				p.got()
				if got := w.toTransport(); len(got) != 1 {
					t.Errorf("the transport got %v", got)
				} else if v, _ := vcard.Of(got[0]); !bytes.Equal(v.Photo, photo) {
					t.Errorf("the transport got %+v", v)
				}
				if s == nil && !bytes.Equal(w.s.photo, photo) {
					t.Error("the session has no picture")
				}
				if s != nil && s.items["urn:xmpp:avatar:metadata"].First().First().Get("id") != vcard.PhotoHash(photo) {
					t.Error("no PEP avatar")
				}
				p.asks(`<iq type='set' id='1'><vCard xmlns='vcard-temp'><FN>Me</FN></vCard></iq>`)
				if v, _ := vcard.Of(p.asks(get)); v.FullName != "Me" || len(v.Photo) != 0 || len(w.s.photo) != 0 {
					t.Errorf("without picture: %+v", v)
				}
			})
		})
	}
}

func TestInterestsAreLearnedOnce(t *testing.T) {
	s, caps := newServices(), clients.NewCaps()
	info := disco.Info{
		Identities: []disco.Identity{{Category: "client", Type: "pc", Name: "Gajim"}},
		Features:   []string{disco.NSInfo, "urn:xmpp:bookmarks:1+notify"},
	}
	presence := `<presence>` + disco.NewCaps("https://gajim.org", info).Element().String() + `</presence>`
	forged := `<presence>` + disco.Caps{Node: "x", Ver: "abc", Hash: "sha-1"}.Element().String() + `</presence>`
	question := func(p *peer) *xmpp.Element {
		for _, st := range p.got() {
			if st.Child(disco.NSInfo, "query") != nil {
				return st
			}
		}
		return nil
	}
	answer := func(p *peer, q *xmpp.Element) {
		p.cl.Stanza(t.Context(), xmpp.NewIQ("result", p.full, domain, q.Get("id")).Add(info.Element()))
	}
	inWorld(t, func(t *testing.T, w *world) {
		a, b, c := w.bind("a"), w.bind("b"), w.bind("c")
		a.send(presence)
		answer(a, question(a))
		if got := s.interests("a"); !slices.Equal(got, []string{"urn:xmpp:bookmarks:1+notify"}) {
			t.Errorf("interests: %q", got)
		}
		b.send(presence)
		if question(b) != nil || len(s.interests("b")) != 1 {
			t.Error("asked again")
		}
		b.send(forged)
		answer(b, question(b)) // believed of b, but of nobody else
		c.send(forged)
		if question(c) == nil {
			t.Error("a hash that is wrong was believed")
		}
		a.send(`<presence type='unavailable'/>`)
		b.conn.end()
		if len(s.interests("a"))+len(s.interests("b")) != 0 {
			t.Error("who is gone hears of nodes")
		}
	}, withServices(s), func(o *clients.Options) { o.Caps = caps })
}
