// SPDX-License-Identifier: GPL-2.0-or-later

package clients_test

import (
	"testing"
	"testing/synctest"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/carbons"
	"spectrum.im/spectrum2/daemon/xmpp/delay"
)

// TestWhatAClientDidNotGet has what becomes of each kind of stanza when its
// client ends: b is another client.
func TestWhatAClientDidNotGet(t *testing.T) {
	for _, c := range []struct {
		name, unsent     string
		b, back, session string
	}{
		{"message", `<message type='chat' from='` + joeBot + `' to='` + me + `/a' id='1'><body>x</body></message>`, "x", "x", ""},
		{"normal message", `<message from='` + joeBot + `' to='` + me + `/a' id='1'><body>x</body></message>`, "x", "x", ""},
		{"sign of typing", `<message type='chat' from='` + joeBot + `' to='` + me + `/a'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>`, "", "", ""},
		{"in a room", `<message type='groupchat' from='r@` + domain + `/n' to='` + me + `/a'><body>x</body></message>`, "", "", ""},
		{"error", `<message type='error' from='` + joeBot + `' to='` + me + `/a'><body>x</body></message>`, "", "", ""},
		{"headline", `<message type='headline' from='` + joeBot + `' to='` + me + `/a'><body>x</body></message>`, "", "", ""},
		{"copy of the user's own", carbons.Copy(carbons.Sent, me, me+"/a", xmpp.NewMessage("chat", me+"/b", joe).Add(xmpp.NewText(xmpp.NSClient, "body", "x"))).String(), "", "", ""},
		{"presence", `<presence from='` + joeBot + `' to='` + me + `'/>`, "", "", ""},
		{"request", `<iq type='get' id='1' from='` + joeBot + `' to='` + me + `/a'><x xmlns='urn:x'/></iq>`, "", "", "iq.error(recipient-unavailable) ME/a>" + joeBot},
		{"push", `<iq type='set' id='1' from='` + me + `' to='` + me + `/a'><x xmlns='urn:x'/></iq>`, "", "", ""},
		{"answer", `<iq type='result' id='1' from='` + joeBot + `' to='` + me + `/a'/>`, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				for clients, want := range map[string]string{"a:0 b:0": c.b, "a:0 b:-1": ""} {
					p := w.several(clients)
					p[0].conn.end(parseAny(t, c.unsent))
					got := ""
					for _, st := range p[1].got() {
						if st.Name == "message" {
							got += xmpp.Body(st)
						}
					}
					if got != want {
						t.Errorf("%s: b got %q, want %q", clients, got, want)
					}
					back := ""
					for _, st := range w.s.returned() {
						back += xmpp.Body(st)
						if _, ok := delay.Of(st); !ok {
							t.Errorf("without the time: %s", st)
						}
					}
					if want != "" && back != "" || want == "" && back != c.back {
						t.Errorf("%s: %q came back", clients, back)
					}
					if s := w.s.take(); c.session != "" {
						wants(t, "session", s[1:], c.session)
					}
					p[1].conn.end()
					w.forget()
				}
			})
		})
	}
}

func parseAny(t *testing.T, s string) *xmpp.Element {
	if st, err := xmpp.Parse([]byte(s)); err == nil && st.Space != "" {
		return st
	}
	return parse(t, s)
}

func TestAMessageThatSeveralGotIsSentAgainOnlyIfNoneHasIt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.several("a:0 b:0 c:0")
		p[2].copied()
		w.arrives(`<message type='chat' from='` + joeBot + `' to='` + me + `' id='1'><body>all</body></message>`)
		w.arrives(`<message type='chat' from='` + joeBot + `' to='` + me + `/a' id='2'><body>mine</body></message>`)
		a, b, c := p[0].got(), p[1].got(), p[2].got()
		if len(a) != 2 || len(b) != 1 || len(c) != 2 {
			t.Fatal("not delivered")
		}
		p[0].conn.end(a...)
		p[1].conn.end(b...)
		if got := p[2].saw(); got != "" {
			t.Errorf("c has both already and saw %q again", got)
		}
		d := w.online("d", 0)
		p[2].conn.end(c...)
		if got := d.saw(); got != "all, mine" {
			t.Errorf("nobody had them, and d saw %q", got)
		}
		if len(w.s.returned()) != 0 {
			t.Error("the session got them as well")
		}
	})
}

func TestMessagesForABrokenStreamSayWhenTheyCame(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.online("a", 0)
		p.cl.Detached()
		w.arrives(`<message type='chat' from='` + joeBot + `' to='` + me + `' id='1'><body>x</body></message>`)
		came := time.Now()
		synctest.Wait()
		time.Sleep(time.Hour)
		unsent := p.got()
		p.conn.end(unsent...)
		back := w.s.returned()
		if len(back) != 1 {
			t.Fatalf("%d came back", len(back))
		}
		if at, _ := delay.Of(back[0]); at.Sub(came).Abs() > time.Second {
			t.Errorf("it came at %v, not %v", came, at)
		}
		q := w.online("b", 0)
		q.cl.Detached()
		q.cl.Resumed()
		w.arrives(`<message type='chat' from='` + joeBot + `' to='` + me + `' id='2'><body>x</body></message>`)
		if _, late := delay.Of(q.one()); late {
			t.Error("after the resumption nothing is late")
		}
	})
}

func TestAConnectionThatJustEndedTakesNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.online("a", 0)
		cl := p.conn.cl
		p.conn.cl = nil // Ended comes later
		p.conn.end()
		w.arrives(`<message type='chat' from='` + joeBot + `' to='` + me + `' id='1'><body>x</body></message>`)
		synctest.Wait()
		if back := w.s.returned(); len(back) != 1 {
			t.Errorf("%d came back", len(back))
		}
		cl.Ended(nil)
	})
}
