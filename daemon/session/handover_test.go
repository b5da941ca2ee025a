// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/store"
)

// handOver starts one and returns its end.
func (w *world) handOver() <-chan error {
	done := make(chan error, 1)
	go func() { done <- w.s.HandOver(context.Background()) }()
	synctest.Wait()
	return done
}

// Another main process logs the user in when HandOver returns: the network has
// to have seen the logout by then, and his clients have nothing to see but that
// they must join their rooms again.
func TestHandOverWaitsForTheLogoutAndIsSilent(t *testing.T) {
	inWorld(t, func(w *world) {
		w.net.rooms["ball"] = &netRoom{}
		w.net.contacts = []*pbnetwork.Buddy{buddy("nurse", pbnetwork.StatusType_STATUS_ONLINE)}
		w.net.set(func(n *network) { n.mute = true })
	}, func(w *world) {
		w.online("r")
		w.post("<presence from='" + romeo + "/r' to='ball@" + transport + "/Romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
		w.wait(time.Minute)
		w.front.take()
		w.net.took()
		done := w.handOver()
		w.netSees("LOGOUT confirm")
		w.wait(time.Second)
		select {
		case <-done:
			t.Fatal("handed over although the network has not seen the logout")
		default:
		}
		w.backend(func(l *link) { l.loggedOut() })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		seen := briefs(w.front.take())
		if len(seen) != 1 || !strings.HasPrefix(seen[0], "presence ball@gw/Romeo>romeo/r unavailable") || !strings.HasSuffix(seen[0], " 332") {
			t.Errorf("the client sees %q", seen)
		}
		if !state(w.store, func(m *memory) bool { return m.online }) {
			t.Error("the user is not marked online any more")
		}
		w.ended()
	})
}

// A backend of version 1, or one that hangs, confirms nothing.
func TestHandOverDoesNotWaitForEver(t *testing.T) {
	for _, level := range []int{0, 1} {
		inWorld(t, func(w *world) { w.net.set(func(n *network) { n.mute, n.level = true, level }) }, func(w *world) {
			w.online("r")
			done := w.handOver()
			w.wait(time.Minute)
			select {
			case err := <-done:
				if err != nil {
					t.Error(err)
				}
			default:
				t.Error("it waits still")
			}
			if w.net.linksHeld() != 0 {
				t.Error("the backend is held")
			}
			w.ended()
		})
	}
}

func TestFencedUserReadsWhy(t *testing.T) {
	inWorld(t, func(w *world) {
		w.net.contacts = []*pbnetwork.Buddy{buddy("nurse", pbnetwork.StatusType_STATUS_ONLINE)}
	}, func(w *world) {
		w.online("r")
		w.front.take()
		if err := w.s.Fence(context.Background(), "The database is away", time.Second); err != nil {
			t.Fatal(err)
		}
		w.seesOf("presence", `presence nurse@gw/bot>romeo unavailable`, `presence gw>romeo unavailable status="The database is away"`)
		w.ended()
	})
}

// Another main process has the user: nothing of this one's may go on.
func TestSessionEndsWhenItsWritesAreFenced(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.online("r")
		w.net.took()
		w.store.setBroken(store.ErrFenced)
		w.buddyChanged(buddy("nurse", pbnetwork.StatusType_STATUS_ONLINE))
		w.wait(time.Minute)
		if !slices.Contains(w.net.took(), "LOGOUT confirm") {
			t.Error("the user stays logged in")
		}
		w.ended()
	})
}

// Who writes while another main process takes him over has written.
func TestMessagesWaitForTheFirstLoginOfAnInheritedSession(t *testing.T) {
	inherit := func(w *world) { w.opts = func(o *session.Options) { o.Inherited = true } }
	say := func(w *world) {
		w.post("<message from='" + romeo + "/r' to='nurse@" + transport + "' type='chat' id='m1'><body>hark</body></message>")
	}
	inWorld(t, inherit, func(w *world) {
		say(w)
		if seen := only(briefs(w.front.take()), "message"); len(seen) > 0 {
			t.Errorf("before the login: %q", seen)
		}
		w.online("r")
		if got := w.net.taken(); len(got) != 1 || got[0].GetMessage() != "hark" {
			t.Errorf("the network has %v", got)
		}
	})
	inWorld(t, inherit, func(w *world) { // and is told if he cannot
		say(w)
		w.wait(2 * time.Minute)
		w.seesOf("message", `message nurse@gw>romeo/r error service-unavailable "Not delivered: you are not logged in to the network; send presence to gw.example first"`)
		w.ended()
	})
	inWorld(t, func(w *world) {
		inherit(w)
		w.net.away = true
	}, func(w *world) {
		say(w)
		w.post("<presence from='" + romeo + "/r' to='" + transport + "'/>")
		w.wait(time.Second)
		if seen := only(briefs(w.front.take()), "message"); len(seen) != 1 || !strings.Contains(seen[0], "service-unavailable") {
			t.Errorf("without the network: %q", seen)
		}
	})
}

// What the main process before showed as there is taken back if it is not.
func TestInheritedContactsAreCorrected(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opts = func(o *session.Options) { o.Inherited = true }
		w.store.contacts["nurse"] = store.Contact{Name: "nurse", Subscription: "both"}
		w.store.contacts["tybalt"] = store.Contact{Name: "tybalt", Subscription: "both"}
		w.net.contacts = []*pbnetwork.Buddy{buddy("nurse", pbnetwork.StatusType_STATUS_ONLINE)}
	}, func(w *world) {
		w.online("r")
		w.front.take()
		w.wait(time.Minute)
		w.seesOf("presence tybalt", "presence tybalt@gw/bot>romeo unavailable")
	})
}

// What the user sends while he is handed over is for the session that goes on.
func TestWhatComesDuringAHandOverIsForTheNextSession(t *testing.T) {
	inWorld(t, func(w *world) {
		w.net.set(func(n *network) { n.mute = true })
	}, func(w *world) {
		w.online("r")
		done := w.handOver()
		w.post("<message from='" + romeo + "/r' to='nurse@" + transport + "' type='chat' id='m1'><body>hark</body></message>")
		w.post("<presence from='" + romeo + "' to='tybalt@" + transport + "' type='subscribe'/>")
		w.backend(func(l *link) { l.loggedOut() })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.ended()
		late := briefs(w.s.Late())
		if len(late) != 2 || !strings.HasPrefix(late[0], "message") || !strings.HasPrefix(late[1], "presence") {
			t.Errorf("for the next session there is %q", late)
		}
		if seen := briefs(w.front.take()); len(seen) > 0 {
			t.Errorf("the user is told %q", seen)
		}
	})
}

// A login that is under way is the next session's to finish.
func TestHandOverDuringTheLoginLeavesTheUserMarkedOnline(t *testing.T) {
	inWorld(t, func(w *world) { w.net.set(func(n *network) { n.silent = true }) }, func(w *world) {
		w.post("<presence from='" + romeo + "/r' to='" + transport + "'/>")
		done := w.handOver()
		w.wait(time.Minute)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		w.ended()
		if !state(w.store, func(m *memory) bool { return m.online }) {
			t.Error("nobody will look for the user")
		}
	})
}

// Where another main process may have the user next, he is given back when the
// network has seen him go, or he would be logged in twice.
func TestWhoLeavesIsGivenBackAfterTheLogout(t *testing.T) {
	shared := func(w *world) { w.opts = func(o *session.Options) { o.Shared = true } }
	inWorld(t, func(w *world) {
		shared(w)
		w.net.set(func(n *network) { n.mute = true })
	}, func(w *world) {
		w.online("r")
		w.post("<presence from='" + romeo + "/r' to='" + transport + "' type='unavailable'/>")
		w.netSees("LOGOUT confirm")
		w.wait(time.Second)
		select {
		case <-w.done:
			t.Fatal("the session has ended although the network has not seen the logout")
		default:
		}
		w.post("<presence from='" + romeo + "/r' to='" + transport + "'/>") // he is back
		w.backend(func(l *link) { l.loggedOut() })
		w.ended()
		if late := briefs(w.s.Late()); len(late) != 1 {
			t.Errorf("for the next session there is %q", late)
		}
		if state(w.store, func(m *memory) bool { return m.online }) {
			t.Error("he is still marked online")
		}
		w.seesOf("presence gw", "presence gw>romeo unavailable")
	})
	inWorld(t, func(w *world) { // of a backend that hangs it does not wait for ever
		shared(w)
		w.net.set(func(n *network) { n.mute = true })
	}, func(w *world) {
		w.online("r")
		w.post("<presence from='" + romeo + "/r' to='" + transport + "' type='unavailable'/>")
		w.wait(time.Minute)
		w.ended()
	})
}

// A session that is being handed over in its own time has no more of that when
// the lease is lost.
func TestFenceDoesNotWaitForAHandOver(t *testing.T) {
	inWorld(t, func(w *world) { w.net.set(func(n *network) { n.mute = true }) }, func(w *world) {
		w.online("r")
		done := w.handOver()
		begin := time.Now()
		if err := w.s.Fence(context.Background(), "The database is away", time.Second); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took > time.Second {
			t.Errorf("it took %v", took)
		}
		<-done
		synctest.Wait()
		w.ended()
	})
}
