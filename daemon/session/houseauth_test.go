// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

func authorizing(h *house) { h.net.features.Authorization = true }

func said(name string, status pbnetwork.StatusType, a pbnetwork.Authorization) *pbnetwork.Buddy {
	b := buddy(name, status)
	b.Authorization = &a
	return b
}

const (
	asked   = pbnetwork.Authorization_AUTHORIZATION_ASKED
	granted = pbnetwork.Authorization_AUTHORIZATION_GRANTED
	denied  = pbnetwork.Authorization_AUTHORIZATION_DENIED
)

func TestAddingAContactAsksForAuthorization(t *testing.T) {
	inHouse(t, authorizing, func(h *house) {
		h.enters("a")
		h.says("juliet@gw.example", "subscribe", "It is I")
		h.netSees(`BUDDY_CHANGED juliet ASKED "It is I"`)
		h.pushed("juliet none ask")
		h.sees()
		h.buddyChanged(said("juliet", stNone, asked))
		h.wait(time.Second)
		h.pushed()
		h.buddyChanged(said("juliet", stOnline, granted))
		h.wait(time.Second)
		h.sees("presence juliet@gw>romeo@gw subscribed", "presence juliet@gw/bot>romeo@gw")
		h.pushed("juliet both")
		h.says("juliet@gw.example", "subscribe", "") // as clients do to be sure
		h.netSees()
		h.seesOf("presence juliet@gw>", "presence juliet@gw>romeo@gw subscribed")
	})
}

func TestRefusedAuthorizationIsToldAndCanBeAskedAgain(t *testing.T) {
	inHouse(t, authorizing, func(h *house) {
		h.enters("a")
		h.says("paris@gw.example", "subscribe", "")
		h.net.took()
		h.book.take()
		h.buddyChanged(said("paris", stNone, denied))
		h.wait(time.Second)
		h.sees("presence paris@gw>romeo@gw unsubscribed")
		h.pushed("paris none")
		h.says("paris@gw.example", "subscribe", "Please")
		h.netSees(`BUDDY_CHANGED paris ASKED "Please"`)
		h.pushed("paris none ask")
		h.buddyChanged(buddy("paris", stAway)) // who is seen has allowed it
		h.wait(time.Second)
		h.pushed("paris both")
	})
}

func TestContactAddedByRosterIsAskedWhenTheClientSubscribes(t *testing.T) {
	inHouse(t, authorizing, func(h *house) {
		h.enters("a")
		if err := h.s.EditContact(context.Background(), "juliet@gw.example", "Juliet", nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		h.pushed(`juliet none "Juliet"`)
		h.says("juliet@gw.example", "subscribe", "Hello")
		h.netSees(`BUDDY_CHANGED juliet exactly "Juliet" []`, `BUDDY_CHANGED juliet ASKED "Hello"`)
		h.pushed(`juliet none ask "Juliet"`)
	})
}

func TestWhereNobodyIsAskedAContactIsThereAtOnce(t *testing.T) {
	inHouse(t, nil, func(h *house) {
		h.enters("a")
		h.says("juliet@gw.example", "subscribe", "It is I")
		h.netSees("BUDDY_CHANGED juliet")
		h.sees("presence juliet@gw>romeo@gw subscribed")
		h.pushed("juliet both")
	})
}

func TestPendingRequestOfTheNetworksListIsShown(t *testing.T) {
	inHouse(t, func(h *house) {
		authorizing(h)
		h.net.contacts = []*pbnetwork.Buddy{said("juliet", stNone, asked), buddy("nurse", stNone)}
	}, func(h *house) {
		h.enters("a")
		h.wait(time.Second)
		h.pushed("juliet none ask", "nurse both")
	})
}

func TestRequestsAreShownToEachClientAndAnswered(t *testing.T) {
	for answer, frame := range map[string]string{
		"subscribed": "AUTH_REQUEST paris GRANTED", "unsubscribed": "AUTH_REQUEST paris DENIED",
	} {
		t.Run(answer, func(t *testing.T) {
			inHouse(t, authorizing, func(h *house) {
				h.enters("a")
				b := buddy("paris", stNone)
				b.StatusMessage = proto.String("May I?")
				h.backend(func(l *link) { l.send(pbnetwork.WrapperMessage_TYPE_AUTH_REQUEST, b) })
				h.sees(`presence paris@gw>romeo@gw subscribe status="May I?"`)
				h.attach("b")
				h.post("<presence from='" + me + "/b'/>")
				h.seesOf("presence paris", `presence paris@gw>romeo@gw/b subscribe status="May I?"`)
				h.compare(h.roster(), []string{}) // who merely asks is no contact
				h.net.took()
				h.says("paris@gw.example", answer, "")
				h.netSees(frame)
				h.attach("c")
				h.post("<presence from='" + me + "/c'/>")
				h.seesOf("presence paris") // answered
				h.wait(time.Second)
				h.pushed()
				h.says("paris@gw.example", answer, "")
				h.netSees() // nobody asked
			})
		})
	}
}

func TestRefusingAContactOfTheListDoesNotRemoveHim(t *testing.T) {
	inHouse(t, func(h *house) {
		authorizing(h)
		h.net.contacts = []*pbnetwork.Buddy{buddy("paris", stNone)}
	}, func(h *house) {
		h.enters("a")
		h.wait(time.Second)
		h.book.take()
		h.backend(func(l *link) { l.send(pbnetwork.WrapperMessage_TYPE_AUTH_REQUEST, buddy("paris", stNone)) })
		h.says("paris@gw.example", "unsubscribed", "")
		h.netSees("AUTH_REQUEST paris DENIED")
		h.says("paris@gw.example", "unsubscribe", "")
		h.netSees()
		h.pushed("paris both") // the roster says how it is
	})
}

func TestAnswersGivenOfflineReachTheNetworkAtLogin(t *testing.T) {
	inHouse(t, authorizing, func(h *house) {
		h.enters("a")
		h.backend(func(l *link) { l.send(pbnetwork.WrapperMessage_TYPE_AUTH_REQUEST, buddy("paris", stNone)) })
		h.net.set(func(n *network) { n.away = true })
		h.backend((*link).crash)
		h.says("paris@gw.example", "subscribed", "")
		h.net.set(func(n *network) { n.away, n.frames = false, nil })
		h.wait(time.Minute)
		h.compare(only(h.net.took(), "AUTH"), []string{"AUTH_REQUEST paris GRANTED"})
	})
}

func TestOlderBackendsHearAnswersAsEdits(t *testing.T) {
	for answer, frame := range map[string]string{"subscribed": "BUDDY_CHANGED paris", "unsubscribed": "BUDDY_REMOVED paris"} {
		inHouse(t, func(h *house) { h.net.level = 0 }, func(h *house) {
			h.enters("a")
			h.backend(func(l *link) { l.send(pbnetwork.WrapperMessage_TYPE_AUTH_REQUEST, buddy("paris", stNone)) })
			h.says("paris@gw.example", answer, "")
			h.netSees(frame)
		})
	}
}

// In gateway mode the user's server keeps his roster, and hears of the answers
// by presence.
func TestGatewayUsersSubscriptionWaitsForTheContact(t *testing.T) {
	inWorld(t, func(w *world) { w.net.features.Authorization = true }, func(w *world) {
		w.online("a")
		w.post("<presence type='subscribe' from='" + romeo + "' to='juliet@gw.example'><status>Please</status></presence>")
		w.netSees(`BUDDY_CHANGED juliet ASKED "Please"`)
		w.sees()
		w.buddyChanged(said("juliet", stNone, granted))
		w.sees("presence juliet@gw>romeo subscribed")
		w.backend(func(l *link) { l.send(pbnetwork.WrapperMessage_TYPE_AUTH_REQUEST, buddy("paris", stNone)) })
		w.post("<presence type='unsubscribed' from='" + romeo + "' to='paris@gw.example'/>")
		w.netSees("AUTH_REQUEST paris DENIED")
		w.wait(time.Minute)
		if _, kept := w.store.contacts["paris"]; kept {
			t.Error("who was refused is kept as a contact")
		}
	})
}
