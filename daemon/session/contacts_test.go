// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/disco"
	"spectrum.im/spectrum2/daemon/xmpp/nick"
	"spectrum.im/spectrum2/daemon/xmpp/rosterx"
	"spectrum.im/spectrum2/daemon/xmpp/vcard"
)

// answerDisco answers the question that the session asked the client about
// what it can; features are its own.
func (w *world) answerDisco(features ...string) {
	w.t.Helper()
	for _, st := range w.front.take() {
		if st.Name == "iq" && st.Child(disco.NSInfo, "query") != nil {
			info := disco.Info{Features: features}.Element()
			w.post(fmt.Sprintf("<iq type='result' from='%s' to='gw.example' id='%s'>%s</iq>", st.Get("to"), st.Get("id"), info))
			return
		}
	}
	w.t.Fatal("the client was not asked")
}

func TestNewContactsAreSuggestedBySubscriptionSpreadInTime(t *testing.T) {
	inWorld(t, func(w *world) {
		for i := range 12 {
			w.net.contacts = append(w.net.contacts, buddy(fmt.Sprintf("c%02d", i), stNone))
		}
	}, func(w *world) {
		w.online("a")
		w.wait(time.Second)
		w.answerDisco("urn:example")
		w.wait(350 * time.Millisecond)
		if got := only(briefs(w.front.take()), "presence c"); len(got) != 5 || got[0] != "presence c00@gw>romeo subscribe" {
			t.Errorf("first: %v", got)
		}
		w.wait(5 * time.Second)
		if got := only(briefs(w.front.take()), "presence c"); len(got) != 7 {
			t.Errorf("then: %v", got)
		}
		if n := state(w.store, func(m *memory) int { return len(m.contacts) }); n != 12 {
			t.Errorf("%d contacts kept", n)
		}
	})
}

func TestClientWithoutAnswerGetsSubscriptions(t *testing.T) {
	inWorld(t, func(w *world) { w.net.contacts = []*pbnetwork.Buddy{buddy("juliet", stNone)} }, func(w *world) {
		w.online("a")
		w.wait(40 * time.Second)
		w.seesOf("presence juliet", "presence juliet@gw>romeo subscribe")
	})
}

func TestRosterItemExchangeSendsOnlyDifferences(t *testing.T) {
	inWorld(t, func(w *world) {
		w.store.contacts["old"] = store.Contact{Name: "old", Subscription: "both", Nickname: "Old", Groups: []string{"Friends"}}
		w.store.contacts["same"] = store.Contact{Name: "same", Subscription: "both", Nickname: "Same", Groups: []string{"Friends"}}
		old, same, fresh := buddy("old", stNone), buddy("same", stOnline), buddy("new", stNone)
		old.Alias, old.Group = proto.String("Older"), []string{"Friends"}
		same.Alias, same.Group = proto.String("Same"), []string{"Friends"}
		fresh.Alias, fresh.Group = proto.String("New"), []string{"B", "A", "A"}
		w.net.contacts = []*pbnetwork.Buddy{old, same, fresh}
	}, func(w *world) {
		w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
		w.wait(400 * time.Millisecond)
		w.answerDisco(rosterx.NS)
		w.wait(400 * time.Millisecond)
		var items []rosterx.Item
		for _, st := range w.front.take() {
			items = append(items, rosterx.Of(st)...)
			if st.Get("type") == "subscribe" {
				t.Errorf("subscription beside the exchange: %s", st)
			}
		}
		if got := fmt.Sprint(items); got != "[{add new@gw.example New [A B]} {modify old@gw.example Older [Friends]}]" {
			t.Errorf("items %s", got)
		}
		w.backend(func(l *link) {
			l.send(pbnetwork.WrapperMessage_TYPE_BUDDY_REMOVED, buddy("old", stNone))
		})
		w.wait(400 * time.Millisecond)
		for _, st := range w.front.take() {
			if it := rosterx.Of(st); len(it) != 1 || it[0].Action != "delete" || it[0].JID != "old@gw.example" {
				t.Errorf("sent %s", st)
			}
		}
		if _, kept := w.store.contacts["old"]; kept {
			t.Error("removed contact still kept")
		}
		before := w.store.writes
		for _, b := range w.net.contacts[1:] {
			w.buddyChanged(b)
		}
		w.wait(time.Minute)
		if w.store.writes != before || len(w.front.take()) != 0 {
			t.Error("an unchanged list was told again")
		}
	})
}

func TestContactPresence(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.online("a")
		b := buddy("Juliet Capulet", stAway)
		b.StatusMessage, b.Alias, b.IconHash = proto.String("at the balcony"), proto.String("Juliet"), proto.String("abc123")
		w.buddyChanged(b)
		sent := w.front.take()
		w.compare(briefs(sent), []string{`presence juliet\20capulet@gw/bot>romeo show="away" status="at the balcony"`})
		st := sent[0]
		if hash, _ := vcard.UpdateOf(st); hash != "abc123" {
			t.Errorf("photo hash %q", hash)
		}
		if n := nick.Of(st); n != "Juliet" {
			t.Errorf("nick %q", n)
		}
		caps, ok := disco.CapsOf(st)
		if !ok {
			t.Fatal("no caps")
		}
		w.post("<iq type='get' id='1' from='" + romeo + "/a' to='" + st.Get("from") + "'><query xmlns='" + disco.NSInfo + "' node='" + caps.Node + "#" + caps.Ver + "'/></iq>")
		info := disco.ParseInfo(w.front.take()[0].Child(disco.NSInfo, "query"))
		if got := info.Hash(); got != caps.Ver {
			t.Errorf("disco hashes to %s, caps say %s", got, caps.Ver)
		}
		w.buddyChanged(b)
		w.sees() // nothing new
		w.post("<presence type='probe' from='" + romeo + "/a' to='juliet\\20capulet@gw.example'/>")
		w.sees(`presence juliet\20capulet@gw/bot>romeo/a show="away" status="at the balcony"`)
		w.post("<presence type='probe' from='" + romeo + "/a' to='nobody@gw.example'/>")
		w.sees("presence nobody@gw>romeo/a unsubscribed")
		b.Status = stNone.Enum()
		w.buddyChanged(b)
		w.sees(`presence juliet\20capulet@gw/bot>romeo unavailable status="at the balcony"`)
	})
}

func TestLogoutTakesContactsAway(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.online("a")
		w.buddyChanged(buddy("juliet", stOnline))
		w.buddyChanged(buddy("nurse", stNone))
		w.front.take()
		w.s.Logout(context.Background(), "Bye")
		synctest.Wait()
		w.sees("presence juliet@gw/bot>romeo unavailable", `presence gw>romeo unavailable status="Bye"`)
		w.netSees("LOGOUT")
		w.wait(time.Hour)
		w.netSees() // stays out until the user acts
		w.s.Login(context.Background())
		synctest.Wait()
		w.netSees("LOGIN romeo")
	})
}

func TestUserEditsContacts(t *testing.T) {
	for _, remove := range []bool{false, true} {
		t.Run(fmt.Sprintf("enable_remove_buddy=%v", remove), func(t *testing.T) {
			inWorld(t, func(w *world) { w.set.RemoveBuddy = remove }, func(w *world) {
				w.online("a")
				w.post("<presence type='subscribe' from='" + romeo + "' to='tybalt@gw.example'/>")
				w.sees("presence tybalt@gw>romeo subscribed")
				w.netSees("BUDDY_CHANGED tybalt")
				w.buddyChanged(buddy("tybalt", stOnline))
				w.wait(time.Second)
				w.sees("presence tybalt@gw/bot>romeo")
				w.post("<presence type='unsubscribe' from='" + romeo + "' to='tybalt@gw.example'/>")
				w.post("<presence type='unsubscribed' from='" + romeo + "' to='tybalt@gw.example'/>")
				if got := briefs(w.front.take()); len(got) < 2 || got[0] != "presence tybalt@gw>romeo unsubscribed" || got[1] != "presence tybalt@gw/bot>romeo unavailable" {
					t.Errorf("sent %v", got)
				}
				if remove {
					w.netSees("BUDDY_REMOVED tybalt")
					return
				}
				w.netSees()
				w.buddyChanged(buddy("tybalt", stAway))
				w.wait(time.Minute)
				w.sees() // unwanted, and not suggested again
				if s := w.store.contacts["tybalt"].Subscription; s != "none" {
					t.Errorf("kept as %q", s)
				}
			})
		})
	}
}

func TestEditsBeforeLoginReachTheNetwork(t *testing.T) {
	inWorld(t, func(w *world) { w.net.away = true }, func(w *world) {
		w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
		w.post("<presence type='subscribe' from='" + romeo + "' to='tybalt@gw.example'/>")
		w.net.set(func(n *network) { n.away = false; n.frames = nil })
		w.wait(time.Minute)
		w.netSees("LOGIN romeo", "BUDDY_CHANGED tybalt")
	})
}

func TestAuthorizationRequests(t *testing.T) {
	for answer, frame := range map[string]string{"subscribed": "BUDDY_CHANGED paris", "unsubscribed": "BUDDY_REMOVED paris"} {
		t.Run(answer, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				w.online("a")
				b := buddy("paris", stNone)
				b.StatusMessage = proto.String("May I?")
				w.backend(func(l *link) { l.send(pbnetwork.WrapperMessage_TYPE_AUTH_REQUEST, b) })
				w.sees(`presence paris@gw>romeo subscribe status="May I?"`)
				w.post("<presence type='" + answer + "' from='" + romeo + "' to='paris@gw.example'/>")
				w.netSees(frame)
			})
		})
	}
}

func TestBackendThatWantsTheRosterGetsIt(t *testing.T) {
	inWorld(t, func(w *world) {
		w.net.features.SendBuddiesOnLogin = true
		w.store.contacts["b"] = store.Contact{Name: "b"}
		w.store.contacts["a"] = store.Contact{Name: "a"}
	}, func(w *world) {
		w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
		w.netSees("LOGIN romeo", "BUDDIES [a b]")
	})
}

func TestContactsStayVisibleThroughAShortReconnect(t *testing.T) {
	inWorld(t, func(w *world) {
		w.net.contacts = []*pbnetwork.Buddy{buddy("juliet", stOnline), buddy("nurse", stOnline)}
	}, func(w *world) {
		w.online("a")
		w.net.set(func(n *network) { n.contacts = n.contacts[:1] })
		w.backend((*link).crash)
		w.wait(5 * time.Second)
		w.seesOf("presence juliet")
		w.wait(40 * time.Second) // the nurse did not come back
		w.seesOf("presence nurse@gw/bot", "presence nurse@gw/bot>romeo unavailable")
	})
	inWorld(t, func(w *world) { w.net.contacts = []*pbnetwork.Buddy{buddy("juliet", stOnline)} }, func(w *world) {
		w.online("a")
		w.net.set(func(n *network) { n.away = true })
		w.backend((*link).crash)
		w.wait(30 * time.Second)
		w.seesOf("presence juliet", "presence juliet@gw/bot>romeo unavailable")
	})
}

func TestLinkUpShowsEverythingAgain(t *testing.T) {
	inWorld(t, func(w *world) { w.net.contacts = []*pbnetwork.Buddy{buddy("juliet", stOnline)} }, func(w *world) {
		w.online("a")
		w.post("<presence from='" + romeo + "/b' to='gw.example'/>")
		w.s.LinkDown(context.Background())
		synctest.Wait()
		w.front.take()
		w.s.LinkUp(context.Background())
		synctest.Wait()
		got := briefs(w.front.take())
		for _, want := range []string{"presence gw>romeo probe", "presence gw>romeo", "presence juliet@gw/bot>romeo"} {
			if len(only(got, want)) == 0 {
				t.Errorf("no %q in %v", want, got)
			}
		}
		// Only one of the clients is still there.
		w.post("<presence from='" + romeo + "/b' to='gw.example'/>")
		w.wait(61 * time.Second)
		if r := strings.Join(w.s.Status().Resources, " "); r != "b" {
			t.Errorf("resources %q", r)
		}
	})
}

func TestContactQuestions(t *testing.T) {
	ask := func(to, payload string) string {
		return "<iq type='get' id='q' from='" + romeo + "/a' to='" + to + "'>" + payload + "</iq>"
	}
	inWorld(t, nil, func(w *world) {
		w.online("a")
		w.buddyChanged(buddy("juliet", stOnline))
		w.front.take()
		w.post(ask("juliet@gw.example", "<vCard xmlns='vcard-temp'/>"))
		if v, _ := vcard.Of(w.front.take()[0]); v.FullName != "Full juliet" {
			t.Errorf("vCard %+v", v)
		}
		w.post(ask("mute@gw.example", "<vCard xmlns='vcard-temp'/>"))
		w.wait(31 * time.Second)
		w.seesOf("iq mute", `iq mute@gw>romeo/a error remote-server-timeout "The network did not answer in time" {jabber:client}error`)
		w.post(ask("juliet@gw.example/bot", "<ping xmlns='urn:xmpp:ping'/>"))
		w.sees("iq juliet@gw/bot>romeo/a result")
		w.post(ask("juliet@gw.example/bot", "<query xmlns='jabber:iq:version'/>"))
		w.sees("iq juliet@gw/bot>romeo/a result {jabber:iq:version}query")
		w.post(ask("juliet@gw.example/bot", "<query xmlns='jabber:iq:last'/>"))
		w.sees("iq juliet@gw/bot>romeo/a result {jabber:iq:last}query")
		w.post(ask("juliet@gw.example/bot", "<query xmlns='urn:unheard'/>"))
		w.sees(`iq juliet@gw/bot>romeo/a error service-unavailable "This is not served here" {jabber:client}error`)
		w.post("<iq type='set' id='q' from='" + romeo + "/a' to='juliet@gw.example'/>")
		w.sees(`iq juliet@gw>romeo/a error bad-request "This request is empty" {jabber:client}error`)
	})
}

func TestAddressesGoBothWays(t *testing.T) {
	for _, escape := range []bool{true, false} {
		a := session.Addresses{Transport: transport, Escape: escape}
		for name, want := range map[string][2]string{
			"12345":              {"12345@gw.example", "12345@gw.example"},
			"joe@example.net":    {`joe\40example.net@gw.example`, "joe%example.net@gw.example"},
			"#chan@irc.libera":   {`#chan\40irc.libera@gw.example`, "#chan%irc.libera@gw.example"},
			`odd\40name@example`: {`odd\5c40name\40example@gw.example`, ""},
		} {
			j, err := a.JID(name, "")
			if err != nil {
				t.Errorf("JID(%q): %v", name, err)
				continue
			}
			w := want[0]
			if !escape {
				w = want[1]
			}
			if w == "" {
				continue
			}
			if j.String() != w {
				t.Errorf("JID(%q) = %s, want %s", name, j, w)
			}
			if back := a.Name(j); back != name {
				t.Errorf("Name(%s) = %q, want %q", j, back, name)
			}
		}
	}
	percent, _ := xmpp.ParseJID("joe%example.net@gw.example")
	if n := (session.Addresses{Transport: transport, Escape: true}).Name(percent); n != "joe@example.net" {
		t.Errorf("%% form read as %q", n)
	}
}
