// SPDX-License-Identifier: GPL-2.0-or-later

package clients_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// FuzzStanza sends a client's stanzas, whatever they are: nothing breaks, what
// goes on has the client's address, and a request has one answer or goes on
// once.
func FuzzStanza(f *testing.F) {
	for _, s := range []string{
		`<presence xmlns='jabber:client'/>`,
		`<presence xmlns='jabber:client' type='subscribe' to='joe@msn.example.org'/>`,
		`<message xmlns='jabber:client' to='joe@msn.example.org'><body>x</body></message>`,
		`<iq xmlns='jabber:client' type='get' id='1'><query xmlns='jabber:iq:roster' ver=''/></iq>`,
		`<iq xmlns='jabber:client' type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='a@msn.example.org'><group>g</group></item></query></iq>`,
		`<iq xmlns='jabber:client' type='set' id='1'><block xmlns='urn:xmpp:blocking'><item jid='a@b'/></block></iq>`,
		`<iq xmlns='jabber:client' type='set' id='1'><vCard xmlns='vcard-temp'><PHOTO><BINVAL>AAAA</BINVAL></PHOTO></vCard></iq>`,
		`<iq xmlns='jabber:client' type='set' id='1'><invisible xmlns='urn:xmpp:invisible:1'/></iq>`,
		`<iq xmlns='jabber:client' type='get' id='1'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>`,
		`<iq xmlns='jabber:client' type='result' id='1' to='msn.example.org'><query xmlns='jabber:iq:version'/></iq>`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		st, err := xmpp.Parse([]byte(s))
		if err != nil || !xmpp.IsStanza(st) {
			return
		}
		w := newWorld(t)
		p := w.bind("a")
		st.Set("from", p.full)
		p.cl.Stanza(t.Context(), st)
		w.u.Clients()
		on := append(w.s.take(), w.toTransport()...)
		for _, o := range on {
			if from := o.Get("from"); from != p.full && from != me {
				t.Errorf("%s went on from %q", o.Name, from)
			}
		}
		if answers := p.conn.take(); xmpp.IsRequest(st) {
			checkAnswered(t, st, answers, on)
		}
		p.conn.end()
		w.u.Wait()
	})
}

func checkAnswered(t *testing.T, request *xmpp.Element, answers, on []*xmpp.Element) {
	n := 0
	for _, a := range append(answers, on...) {
		if a.Name == "iq" && a.Get("id") == request.Get("id") {
			n++
		}
	}
	// An id of the client's own choice may be one that we use.
	if n != 1 && !strings.Contains(request.Get("id"), "-") {
		t.Errorf("%d answers to %s: %v %v", n, request, answers, on)
	}
}

// TestEveryClientGetsEachMessageOnceAtMost: with any priorities, carbons and
// addresses, no client is given a message twice, directly and as a copy, and
// one that somebody sends to the bare address is with all who are willing, or
// back with the session.
func TestEveryClientGetsEachMessageOnceAtMost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		var peers []*peer
		willing := map[*peer]bool{}
		for _, r := range []string{"a", "b", "c", "d"}[:rapid.IntRange(0, 4).Draw(rt, "clients")] {
			p := w.bind(r)
			if priority := rapid.SampledFrom([]string{"", "-1", "0", "7"}).Draw(rt, "priority"); priority != "" {
				p.send(`<presence><priority>` + priority + `</priority></presence>`)
				willing[p] = priority != "-1"
			}
			if rapid.Bool().Draw(rt, "carbons") {
				p.send(`<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>`)
			}
			peers = append(peers, p)
		}
		w.u.Clients()
		for _, p := range peers {
			p.conn.take()
		}
		to := rapid.SampledFrom([]string{"", "/a", "/b", "/gone"}).Draw(rt, "to")
		typ := rapid.SampledFrom([]string{"chat", "normal", "headline", "groupchat", "error"}).Draw(rt, "type")
		st := xmpp.NewMessage(typ, joeBot, me+to).Add(xmpp.NewText(xmpp.NSClient, "body", "x"))
		if len(peers) > 0 && rapid.Bool().Draw(rt, "of a client") {
			peers[0].cl.Stanza(t.Context(), st.Set("from", peers[0].full))
		} else if err := w.u.Send(t.Context(), st); err != nil {
			rt.Fatal(err)
		}
		w.u.Clients()
		taken := 0
		for _, p := range peers {
			n := 0
			for _, got := range p.conn.take() {
				if bodyOf(got) == "x" && got.Get("id") == st.Get("id") {
					taken++
				}
				if bodyOf(got) == "x" && got.Get("type") == typ {
					n++
				}
			}
			if n > 1 {
				rt.Fatalf("%s got it %d times", p.full, n)
			}
			if n == 0 && to == "" && willing[p] && (typ == "chat" || typ == "normal") {
				rt.Fatalf("%s did not get it", p.full)
			}
		}
		w.u.Close("", "")
		for _, p := range peers {
			p.conn.ending.Wait()
		}
		w.u.Wait()
		if back := len(w.s.returned()); typ == "chat" && (taken > 0) == (back > 0) {
			rt.Fatalf("%d took it, %d came back", taken, back)
		}
	})
}
