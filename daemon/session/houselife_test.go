// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"context"
	"errors"
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
	"spectrum.im/spectrum2/daemon/xmpp/delay"
)

func TestLoginLastsWhileAClientIsBound(t *testing.T) {
	inHouse(t, nil, func(h *house) {
		h.attach("a")
		h.netSees("LOGIN romeo", "STATUS_CHANGED INVISIBLE")
		h.post("<presence from='" + me + "/a'><show>dnd</show></presence>")
		h.netSees("STATUS_CHANGED DND")
		h.attach("b")
		h.post("<presence type='unavailable' from='" + me + "/a'/>")
		h.netSees("STATUS_CHANGED INVISIBLE")
		h.wait(time.Hour)
		h.state(session.Online)
		h.detach("a")
		h.state(session.Online)
		h.detach("b")
		h.netSees("LOGOUT")
		h.ended()
	})
}

func TestUserWhoStaysConnectedOutlivesHisClients(t *testing.T) {
	inHouse(t, func(h *house) { h.set.StayConnected = true }, func(h *house) {
		h.enters("a")
		h.detach("a")
		h.netSees("STATUS_CHANGED AWAY")
		h.wait(time.Hour)
		h.state(session.Online)
	})
}

func TestTrialWaitsForAClientAndThenForNobody(t *testing.T) {
	for _, comes := range []bool{true, false} {
		t.Run(fmt.Sprint(comes), func(t *testing.T) {
			tried := make(chan error, 1)
			inHouse(t, func(h *house) {
				h.user.ID = 0
				h.option(func(o *session.Options) { o.Trial = func(err error) { tried <- err } })
			}, func(h *house) {
				if err := <-tried; err != nil {
					t.Fatal(err)
				}
				h.netSees("LOGIN romeo", "STATUS_CHANGED INVISIBLE")
				if comes {
					h.attach("a")
				}
				h.wait(2 * time.Minute)
				if comes {
					h.state(session.Online)
					return
				}
				h.netSees("LOGOUT")
				h.ended()
			})
		})
	}
}

func TestPasswordChangedElsewhereIsToldOnce(t *testing.T) {
	var refusals []error
	inHouse(t, func(h *house) {
		h.option(func(o *session.Options) { o.Refused = func(err error) { refusals = append(refusals, err) } })
	}, func(h *house) {
		h.enters("a")
		h.net.set(func(n *network) { n.password = "new" })
		h.backend((*link).crash)
		h.wait(time.Minute)
		h.state(session.BadCredentials)
		h.attach("b") // tries again
		var refused *session.LoginError
		if len(refusals) != 1 || !errors.As(refusals[0], &refused) || !refused.Refused() {
			t.Errorf("told %v", refusals)
		}
	})
}

func TestFirstRefusalIsTheTrialsOnly(t *testing.T) {
	tried := make(chan error, 1)
	inHouse(t, func(h *house) {
		h.net.password = "other"
		h.option(func(o *session.Options) {
			o.Trial = func(err error) { tried <- err }
			o.Refused = func(err error) { t.Errorf("told beside the trial: %v", err) }
		})
	}, func(h *house) {
		if err := <-tried; err == nil {
			t.Error("a wrong password was taken")
		}
		h.ended()
	})
}

// messages are those of the sent stanzas that have a body.
func messages(sts []*xmpp.Element) (out []*xmpp.Element) {
	for _, st := range sts {
		if st.Name == "message" && xmpp.Body(st) != "" {
			out = append(out, st)
		}
	}
	return out
}

func bodies(sts []*xmpp.Element) (out []string) {
	for _, st := range messages(sts) {
		out = append(out, xmpp.Body(st))
	}
	return out
}

func TestUndeliveredMessagesWaitInTheirOrderWithTheirTime(t *testing.T) {
	for _, kept := range []bool{true, false} {
		t.Run(fmt.Sprintf("kept=%v", kept), func(t *testing.T) {
			inHouse(t, func(h *house) {
				if !kept {
					h.user.ID = 0
				}
			}, func(h *house) {
				h.enters("a")
				h.wait(1500 * time.Millisecond)
				came := time.Now()
				for i := range 5 {
					h.backend(func(l *link) { l.says("juliet", "", fmt.Sprint("m", i)) })
					h.wait(time.Millisecond)
				}
				sent := messages(h.front.take())
				h.wait(3 * time.Minute)                                             // the stream was not resumed
				h.returns(sent[0].Add(delay.Element("gw.example", time.Now(), ""))) // as the stream layer may
				h.returns(sent[1])
				synctest.Wait()
				h.backend(func(l *link) { l.says("juliet", "", "m5") }) // between them
				for _, st := range sent[2:] {
					h.returns(st)
				}
				h.post("<presence type='unavailable' from='" + me + "/a'/>")
				h.backend(func(l *link) { l.says("juliet", "", "m6") })
				h.wait(time.Hour)
				h.compare(bodies(h.front.take()), nil)
				h.attach("b")
				h.post("<presence from='" + me + "/b'/>")
				got := messages(h.front.take())
				h.compare(bodies(got), []string{"m0", "m1", "m2", "m3", "m4", "m5", "m6"})
				if at, ok := delay.Of(got[0]); !ok || at.Sub(came).Abs() > time.Second {
					t.Errorf("came at %v, stamped %v", came, at)
				}
				h.wait(time.Hour)
				h.compare(bodies(h.front.take()), nil) // once
			})
		})
	}
}

func TestWhatComesBackAgainAndAgainDoesNotSpin(t *testing.T) {
	inHouse(t, nil, func(h *house) {
		h.enters("a")
		h.backend(func(l *link) { l.says("juliet", "", "hello") })
		tries := 0
		for range 600 {
			for _, st := range messages(h.front.take()) {
				tries++
				h.returns(st)
			}
			h.wait(time.Second)
		}
		if tries < 3 || tries > 12 {
			t.Errorf("tried %d times in ten minutes", tries)
		}
		h.post("<presence from='" + me + "/a'><show>chat</show></presence>")
		h.compare(bodies(h.front.take()), []string{"hello"})
	})
}

func TestOnlyMessagesWithContentComeBack(t *testing.T) {
	inHouse(t, nil, func(h *house) {
		h.enters("a")
		typing := xmpp.NewMessage("chat", "juliet@gw.example/bot", me).Add(xmpp.New("http://jabber.org/protocol/chatstates", "composing"))
		failure := xmpp.NewMessage("error", "juliet@gw.example/bot", me+"/a").Add(xmpp.NewText(xmpp.NSClient, "body", "x"))
		for _, st := range []*xmpp.Element{typing, failure, xmpp.NewPresence("", "juliet@gw.example", me)} {
			h.returns(st)
		}
		h.post("<presence from='" + me + "/a'><show>chat</show></presence>")
		if got := only(briefs(h.front.take()), "message"); len(got) != 0 {
			t.Errorf("sent %v", got)
		}
		lost := xmpp.NewMessage("chat", "juliet@gw.example/bot", me+"/gone").Add(xmpp.NewText(xmpp.NSClient, "body", "hi"))
		h.returns(lost)
		h.post("<presence from='" + me + "/a'/>")
		h.seesOf("message", `message juliet@gw/bot>romeo@gw chat body="hi" delayed`)
	})
}

func TestAnAccountThatGetsAPlaceInTheStoreGetsWhatIsThere(t *testing.T) {
	inHouse(t, func(h *house) {
		h.user.ID = 0
		h.net.features.SendBuddiesOnLogin = true
		h.net.contacts = []*pbnetwork.Buddy{buddy("juliet", stOnline)}
		h.net.rooms["#verona"] = &netRoom{}
		h.set.StayConnected = true
		h.store.contacts["nurse"] = store.Contact{UserID: 7, Name: "nurse", Subscription: "both", Nickname: "Nurse"}
		h.store.contacts["juliet"] = store.Contact{UserID: 7, Name: "juliet", Subscription: "ask", Nickname: "J", Groups: []string{"Loves"}}
		h.store.rooms["#verona"] = store.Room{UserID: 7, Name: "#verona", Nickname: "romeo"}
		st := xmpp.NewMessage("chat", "nurse@gw.example/bot", me).Add(xmpp.NewText(xmpp.NSClient, "body", "earlier"))
		h.store.queue = []store.Waiting{{ID: 1, UserID: 7, Key: "k", Stanza: []byte(st.String())}}
	}, func(h *house) {
		h.enters("a")
		h.wait(time.Second)
		h.pushed("juliet both")
		h.net.took()
		user := *h.user
		user.ID, user.Settings = 7, map[string]string{"stay_connected": "1"}
		if err := h.s.ChangeAccount(context.Background(), &user); err != nil {
			t.Fatal(err)
		}
		h.wait(time.Second)
		h.pushed(`juliet both "J" [Loves]`, `nurse both "Nurse"`)
		h.netSees("BUDDIES [juliet nurse]", "JOIN_ROOM #verona/romeo")
		h.compare(bodies(h.front.take()), []string{"earlier"})
		h.wait(time.Minute)
		if c := h.store.contacts["juliet"]; c.Nickname != "J" || c.Subscription != "both" {
			t.Errorf("kept as %+v", c)
		}
		if !state(h.store, func(m *memory) bool { return m.online }) {
			t.Error("not marked online")
		}
	})
}

func TestOwnMessagesFromElsewhereAreTheUsersOwn(t *testing.T) {
	inHouse(t, nil, func(h *house) {
		h.enters("a")
		m := &pbnetwork.ConversationMessage{
			UserName: proto.String(me), BuddyName: proto.String("juliet"), Message: proto.String("from my phone"),
			Carbon: proto.Bool(true), RemoteId: proto.String("r1"),
		}
		h.backend(func(l *link) { l.send(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, m) })
		h.sees(`message romeo@gw>juliet@gw chat body="from my phone"`)
	})
}

func TestEachNewClientIsShownEveryContactThatIsThere(t *testing.T) {
	inHouse(t, func(h *house) {
		h.net.contacts = []*pbnetwork.Buddy{buddy("juliet", stOnline), buddy("nurse", stNone), buddy(me[:strings.Index(me, "@")], stOnline)}
	}, func(h *house) {
		h.enters("a")
		h.attach("b")
		h.front.take()
		h.post("<presence from='" + me + "/b'/>")
		h.sees("presence gw>romeo@gw/b", "presence juliet@gw/bot>romeo@gw/b")
		h.wait(time.Minute)
		for _, it := range h.book.take() {
			for _, i := range it {
				if i.JID == me {
					t.Error("the user is his own contact")
				}
			}
		}
		if got := only(briefs(h.front.take()), "iq"); len(got) != 0 {
			t.Errorf("clients were asked %v", got)
		}
	})
}

func TestOwnPictureReachesTheNetwork(t *testing.T) {
	inHouse(t, func(h *house) { h.net.away = true }, func(h *house) {
		ctx := context.Background()
		h.attach("a")
		if err := h.s.SetAvatar(ctx, []byte("face")); err != nil {
			t.Fatal(err)
		}
		h.net.set(func(n *network) { n.away, n.frames = false, nil })
		h.wait(time.Minute)
		h.netSees("LOGIN romeo", "STATUS_CHANGED INVISIBLE", "VCARD")
		for _, photo := range [][]byte{[]byte("face"), []byte("other"), nil, nil} {
			if err := h.s.SetAvatar(ctx, photo); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		h.netSees("VCARD", "VCARD") // another, and none
	})
}
