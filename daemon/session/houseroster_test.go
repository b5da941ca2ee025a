// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/store"
)

func TestAThousandContactsAreOneRosterInOneGo(t *testing.T) {
	inHouse(t, func(h *house) {
		for i := range 1000 {
			b := buddy(fmt.Sprintf("c%04d", i), stNone)
			b.Alias, b.Group = proto.String(fmt.Sprint("Contact ", i)), []string{"Friends"}
			h.net.contacts = append(h.net.contacts, b)
		}
		h.net.whole = true
	}, func(h *house) {
		h.enters("a")
		h.wait(400 * time.Millisecond)
		pushes := h.book.take()
		n := 0
		for _, p := range pushes {
			n += len(p)
		}
		if n != 1000 || len(pushes) > 5 {
			t.Fatalf("%d items in %d pushes", n, len(pushes))
		}
		if got := briefItem(pushes[0][7]); got != `c0007 both "Contact 7" [Friends]` {
			t.Errorf("item %s", got)
		}
		if got := only(briefs(h.front.take()), "presence c"); len(got) != 0 {
			t.Errorf("the user was asked: %v", got[:1])
		}
		h.wait(15 * time.Second)
		if n := state(h.store, func(m *memory) int { return len(m.contacts) }); n != 1000 {
			t.Errorf("%d contacts kept", n)
		}
		// The same list after a reconnect costs nothing.
		writes := state(h.store, func(m *memory) int { return m.writes })
		h.backend((*link).crash)
		h.wait(time.Minute)
		h.pushed()
		if now := state(h.store, func(m *memory) int { return m.writes }); now != writes {
			t.Errorf("%d writes for an unchanged list", now-writes)
		}
	})
}

func TestRosterFollowsTheNetworkByDifferences(t *testing.T) {
	inHouse(t, func(h *house) {
		h.store.contacts["old"] = store.Contact{UserID: 7, Name: "old", Subscription: "both", Nickname: "Old"}
		h.store.contacts["unwanted"] = store.Contact{UserID: 7, Name: "unwanted", Subscription: "none"}
		h.net.whole, h.net.away = true, true
		h.net.contacts = []*pbnetwork.Buddy{buddy("juliet", stOnline), buddy("unwanted", stNone)}
	}, func(h *house) {
		h.attach("a")
		h.compare(h.roster(), []string{`old both "Old"`, "unwanted both"}) // before the login
		h.net.set(func(n *network) { n.away = false })
		h.wait(10 * time.Second)
		h.enters("a")
		h.pushed("old remove", "juliet both")
		h.compare(h.roster(), []string{"juliet both", "unwanted both"})
		b := buddy("juliet", stAway)
		h.buddyChanged(b)
		h.wait(time.Second)
		h.pushed() // presence is none of the roster's business
		b.Alias = proto.String("Juliet")
		h.buddyChanged(b)
		h.wait(time.Second)
		h.pushed(`juliet both "Juliet"`)
		h.front.take()
		h.backend(func(l *link) { l.send(pbnetwork.WrapperMessage_TYPE_BUDDY_REMOVED, b) })
		h.wait(2 * time.Second)
		h.pushed("juliet remove")
		h.sees("presence juliet@gw/bot>romeo@gw unavailable")
		if got := state(h.store, func(m *memory) int { return len(m.contacts) }); got != 1 {
			t.Errorf("%d contacts kept", got)
		}
	})
}

func TestAnEmptyListEmptiesTheRoster(t *testing.T) {
	inHouse(t, func(h *house) {
		h.store.contacts["old"] = store.Contact{UserID: 7, Name: "old", Subscription: "both"}
		h.net.whole = true
	}, func(h *house) {
		h.enters("a")
		h.wait(time.Second)
		h.pushed("old remove")
	})
}

func TestCompleteListRemovesInGatewayModeToo(t *testing.T) {
	inWorld(t, func(w *world) {
		w.store.contacts["old"] = store.Contact{UserID: 7, Name: "old", Subscription: "both"}
		w.net.whole = true
		w.net.contacts = []*pbnetwork.Buddy{buddy("juliet", stNone)}
	}, func(w *world) {
		w.online("a")
		w.wait(time.Second)
		w.answerDisco("urn:example")
		w.wait(time.Second)
		w.seesOf("presence old", "presence old@gw>romeo unsubscribe", "presence old@gw>romeo unsubscribed")
	})
}

func TestRosterThatWasNotTakenIsPushedAgain(t *testing.T) {
	inHouse(t, func(h *house) { h.net.contacts = []*pbnetwork.Buddy{buddy("juliet", stNone)} }, func(h *house) {
		h.book.fail(errors.New("not now"))
		h.enters("a")
		h.wait(time.Second)
		h.book.fail(nil)
		h.wait(time.Second)
		h.pushed("juliet both")
	})
}

func TestUserEditsTheNetworksList(t *testing.T) {
	ctx := context.Background()
	inHouse(t, nil, func(h *house) {
		h.enters("a")
		if err := h.s.EditContact(ctx, "tybalt@gw.example", "Tybalt", []string{"Foes", "Cats"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		h.pushed(`tybalt both "Tybalt" [Cats Foes]`)
		h.netSees(`BUDDY_CHANGED tybalt exactly "Tybalt" ["Cats" "Foes"]`)
		if err := h.s.EditContact(ctx, "tybalt@gw.example", "", nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		h.pushed("tybalt both")
		h.netSees(`BUDDY_CHANGED tybalt exactly "" []`)
		if err := h.s.EditContact(ctx, "tybalt@gw.example", "", nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		h.netSees() // nothing is new
		h.buddyChanged(buddy("tybalt", stOnline))
		h.front.take()
		if err := h.s.RemoveContact(ctx, "tybalt@gw.example"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		h.pushed("tybalt remove")
		h.sees("presence tybalt@gw/bot>romeo@gw unavailable")
		h.netSees("BUDDY_REMOVED tybalt")
		h.buddyChanged(buddy("tybalt", stAway)) // was under way
		h.wait(time.Second)
		h.pushed()
		h.compare(h.roster(), []string{})
		h.wait(time.Minute)
		h.buddyChanged(buddy("tybalt", stAway)) // added elsewhere
		h.wait(time.Second)
		h.pushed("tybalt both")
		for _, address := range []string{"joe@elsewhere.example", "gw.example", "", "@gw.example", me} {
			if err := h.s.EditContact(ctx, address, "x", nil); !errors.Is(err, session.ErrNoContact) {
				t.Errorf("edit of %q: %v", address, err)
			}
		}
		if err := h.s.RemoveContact(ctx, "nobody@gw.example"); !errors.Is(err, session.ErrNoContact) {
			t.Errorf("remove: %v", err)
		}
	})
}

// What the user did to his list was lost if he left within half a second.
func TestEditsAreKeptBeforeTheUserLeaves(t *testing.T) {
	inHouse(t, nil, func(h *house) {
		h.enters("a")
		if err := h.s.EditContact(context.Background(), "tybalt@gw.example", "Tybalt", []string{"Cats"}); err != nil {
			t.Fatal(err)
		}
		h.detach("a")
		kept := state(h.store, func(m *memory) store.Contact { return m.contacts["tybalt"] })
		if kept.Nickname != "Tybalt" || len(kept.Groups) != 1 {
			t.Errorf("the store has %+v", kept)
		}
	})
}

func TestEditsWhileOfflineReachTheNetworkAtLogin(t *testing.T) {
	ctx := context.Background()
	inHouse(t, func(h *house) {
		h.net.away = true
		h.store.contacts["paris"] = store.Contact{UserID: 7, Name: "paris", Subscription: "both"}
	}, func(h *house) {
		h.attach("a")
		for _, err := range []error{
			h.s.EditContact(ctx, "tybalt@gw.example", "Tybalt", nil),
			h.s.EditContact(ctx, "tybalt@gw.example", "Tyb", []string{"Cats"}),
			h.s.RemoveContact(ctx, "paris@gw.example"),
			h.s.Block(ctx, "tybalt@gw.example", true),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		h.net.set(func(n *network) { n.away, n.frames = false, nil })
		h.wait(time.Minute)
		h.netSees("LOGIN romeo", "STATUS_CHANGED INVISIBLE",
			`BUDDY_CHANGED tybalt exactly "Tyb" ["Cats"]`, "BUDDY_REMOVED paris", "BUDDY_CHANGED tybalt blocked=true")
		h.compare(h.roster(), []string{`tybalt both "Tyb" [Cats]`})
	})
}

func TestGatewayUsersEditsFollowBack(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.online("a")
		w.post("<presence type='subscribe' from='" + romeo + "' to='tybalt@gw.example'/>")
		w.net.took()
		if err := w.s.EditContact(context.Background(), "tybalt@gw.example", "Tybalt", []string{"Cats"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.netSees(`BUDDY_CHANGED tybalt exactly "Tybalt" ["Cats"]`)
		if c := w.store.contacts["tybalt"]; c.Nickname != "Tybalt" || c.Subscription != "both" {
			t.Errorf("kept as %+v", c)
		}
		w.wait(time.Second)
		w.seesOf("presence tybalt", "presence tybalt@gw>romeo subscribed")
	})
}

func TestBlockingReachesTheNetwork(t *testing.T) {
	for _, level := range []int{0, 1} {
		t.Run(fmt.Sprint("level ", level), func(t *testing.T) {
			inHouse(t, func(h *house) {
				h.net.level = level
				h.net.contacts = []*pbnetwork.Buddy{buddy("tybalt", stNone)}
			}, func(h *house) {
				h.enters("a")
				for _, who := range []string{"tybalt", "stranger", "tybalt"} {
					if err := h.s.Block(context.Background(), who+"@gw.example", true); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				if level == 0 {
					h.netSees("BUDDY_CHANGED tybalt")
					return
				}
				h.netSees("BUDDY_CHANGED tybalt blocked=true", "BUDDY_CHANGED stranger blocked=true")
				if got := h.roster(); len(got) != 1 {
					t.Errorf("a blocked stranger is in the roster: %v", got)
				}
			})
		})
	}
}
