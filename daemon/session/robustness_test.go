// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/vcard"
)

// TestNoEventIsLostToASessionThatEnds posts messages while sessions end all the
// time. Each is answered by the session that took it, or ErrEnded said that
// none did.
func TestNoEventIsLostToASessionThatEnds(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		refused := 0
		for round := range 20 {
			s := w.s
			for i := range 20 {
				wg.Go(func() {
					st := xmpp.NewMessage("chat", romeo+"/a", "juliet@"+transport).Set("id", fmt.Sprintf("%d-%d", round, i))
					if err := s.Stanza(context.Background(), st.Add(xmpp.NewText(xmpp.NSClient, "body", "x"))); errors.Is(err, session.ErrEnded) {
						mu.Lock()
						defer mu.Unlock()
						refused++
					}
				})
			}
			wg.Wait()
			synctest.Wait()
			<-w.done
			w.start()
		}
		if got := len(w.front.take()); got+refused != 400 || got == 0 {
			t.Errorf("%d answers and %d refusals for 400 messages", got, refused)
		}
	})
}

func TestFullMailboxHoldsThePosterUntilHisContextEnds(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opts = func(o *session.Options) { o.Front = stuckFront{} }
	}, func(w *world) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		var err error
		n := 0
		for ; n < 1000 && err == nil; n++ {
			err = w.s.Stanza(ctx, xmpp.NewPresence("", romeo+"/a", transport))
		}
		if !errors.Is(err, context.DeadlineExceeded) || n < 200 || n > 600 {
			t.Errorf("%v after %d events", err, n)
		}
	})
}

// stuckFront never takes anything.
type stuckFront struct{}

func (stuckFront) Send(ctx context.Context, _ *xmpp.Element) error { <-ctx.Done(); return ctx.Err() }

func TestContactList(t *testing.T) {
	inWorld(t, func(w *world) {
		w.store.contacts["b"] = store.Contact{Name: "b", Subscription: "both", Nickname: "Bea", Groups: []string{"Friends"}}
	}, func(w *world) {
		w.online("a")
		w.backend(func(l *link) {
			l.send(pbnetwork.WrapperMessage_TYPE_BUDDIES, &pbnetwork.Buddies{Buddy: []*pbnetwork.Buddy{buddy("a@x", stAway), buddy("b", stOnline), buddy("", stOnline)}})
		})
		list, err := w.s.ContactList(context.Background())
		if got := fmt.Sprint(list, err); got != `[{a@x a\40x@gw.example  [] ask STATUS_AWAY } {b b@gw.example Bea [Friends] both STATUS_ONLINE }] <nil>` {
			t.Errorf("contacts %s", got)
		}
	})
}

func TestQuestionsOfALostBackendAreAnswered(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.online("a")
		w.post("<iq type='get' id='q' from='" + romeo + "/a' to='mute@gw.example'><vCard xmlns='vcard-temp'/></iq>")
		w.sees()
		w.backend((*link).crash)
		w.seesOf("iq", `iq mute@gw>romeo/a error recipient-unavailable "No vCard: the connection with the network was lost" {jabber:client}error`)
	})
}

func TestAvatarOfTheUserReachesTheNetworkOnce(t *testing.T) {
	photo := []byte("\x89PNG picture")
	hash := vcard.PhotoHash(photo)
	presence := "<presence from='" + romeo + "/a' to='gw.example'><x xmlns='vcard-temp:x:update'><photo>" + hash + "</photo></x></presence>"
	inWorld(t, nil, func(w *world) {
		w.online("a")
		w.post(presence)
		asked := only(briefs(w.front.take()), "iq")
		if len(asked) != 1 || asked[0] != "iq gw>romeo get {vcard-temp}vCard" {
			t.Fatalf("asked %v", asked)
		}
		w.post(presence)
		w.seesOf("iq")
	})
	inWorld(t, nil, func(w *world) {
		w.online("a")
		w.post(presence)
		for _, st := range w.front.take() {
			if st.Name == "iq" {
				card := "<vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>" + base64.StdEncoding.EncodeToString(photo) + "</BINVAL></PHOTO></vCard>"
				w.post("<iq type='result' from='" + romeo + "' to='gw.example' id='" + st.Get("id") + "'>" + card + "</iq>")
			}
		}
		w.netSees("VCARD")
		if w.store.settings["photohash"] != hash {
			t.Errorf("settings %v", w.store.settings)
		}
	})
}

func TestOnlyWhoWasAskedCanAnswer(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.online("a")
		w.s.LinkUp(context.Background())
		synctest.Wait()
		for _, st := range w.front.take() {
			if st.Name == "iq" {
				if !session.OwnID(st.Get("id")) {
					t.Errorf("id %q is not marked", st.Get("id"))
				}
				w.post("<iq type='result' from='" + romeo + "/other' to='gw.example' id='" + st.Get("id") + "'/>")
			}
		}
		w.wait(61 * time.Second)
		w.ended() // the client did not answer, so it is gone
	})
}

func TestAnotherAccountHasOtherContacts(t *testing.T) {
	inWorld(t, func(w *world) {
		w.store.contacts["juliet"] = store.Contact{Name: "juliet", Subscription: "both"}
	}, func(w *world) {
		w.online("a")
		u := *w.user
		u.Name = "benvolio"
		w.s.ChangeAccount(context.Background(), &u)
		w.wait(time.Minute)
		w.netSees("LOGOUT", "LOGIN benvolio")
		got := only(briefs(w.front.take()), "presence juliet@gw>")
		w.compare(got, []string{"presence juliet@gw>romeo unsubscribe", "presence juliet@gw>romeo unsubscribed"})
		if len(w.store.contacts) != 0 {
			t.Errorf("kept %v", w.store.contacts)
		}
	})
}

func TestMessagesInFlightComeBackEvenWhenTheServerIsAway(t *testing.T) {
	inWorld(t, func(w *world) { w.net.slow = true }, func(w *world) {
		w.online("a")
		w.post(tells("juliet@gw.example", "m1", "One"))
		w.front.setDown(true)
		w.s.LinkDown(context.Background())
		w.backend((*link).crash)
		w.front.setDown(false)
		w.s.LinkUp(context.Background())
		synctest.Wait()
		if got := only(briefs(w.front.take()), "message juliet@gw>romeo/a error remote-server-timeout"); len(got) != 1 {
			t.Errorf("returned %v", got)
		}
	})
}

func TestBackendThatDoesNotConfirmIsBounded(t *testing.T) {
	inWorld(t, func(w *world) { w.net.slow = true }, func(w *world) {
		w.online("a")
		for i := range 1001 {
			w.post(tells("juliet@gw.example", fmt.Sprint(i), "x"))
		}
		if got := briefs(w.front.take()); len(got) != 1 || !strings.Contains(got[0], "resource-constraint") {
			t.Errorf("sent %v", got)
		}
	})
}

func TestHostileTextsAreCutToASentence(t *testing.T) {
	inWorld(t, func(w *world) { w.net.full = errors.New(strings.Repeat("ä\n", 2000)) }, func(w *world) {
		w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
		st := w.front.take()[1]
		if text := st.ChildText(xmpp.NSClient, "status"); len(text) > 600 || strings.Contains(text, "\n") || !strings.HasSuffix(text, "…") {
			t.Errorf("%d bytes: %q", len(text), text)
		}
	})
}

func TestCommandWithoutAnswer(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.online("a")
		result := make(chan error, 1)
		go func() {
			_, err := w.s.Command(context.Background(), "", "hang", nil)
			result <- err
		}()
		synctest.Wait()
		w.wait(2 * time.Minute)
		var ce *session.CommandError
		if err := <-result; !errors.As(err, &ce) {
			t.Errorf("answer %v", err)
		}
		go func() {
			_, err := w.s.Command(context.Background(), "", "hang", nil)
			result <- err
		}()
		synctest.Wait()
		w.backend((*link).crash)
		if err := <-result; !errors.Is(err, session.ErrOffline) {
			t.Errorf("after a crash: %v", err)
		}
	})
}

func TestReceiptsNameTheirMessage(t *testing.T) {
	inWorld(t, func(w *world) { w.net.features.Receipts = true; w.net.slow = true }, func(w *world) {
		w.online("a")
		for i := range 300 { // more than are remembered
			w.post(fmt.Sprintf("<message type='chat' id='m%d' from='%s/a' to='juliet@gw.example'><body>x</body><request xmlns='urn:xmpp:receipts'/></message>", i, romeo))
		}
		for _, id := range []string{"m0", "m299", "m299"} {
			w.backend(func(l *link) {
				l.send(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE_ACK, &pbnetwork.ConversationMessage{UserName: proto.String(romeo), BuddyName: proto.String("juliet"), Message: proto.String(""), Id: &id})
			})
		}
		w.sees("message juliet@gw>romeo/a chat")
	})
}
