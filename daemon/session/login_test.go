// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/store"
)

func TestPresenceLogsInAndOut(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.post("<presence from='" + romeo + "/orchard' to='gw.example'/>")
		w.sees(`presence gw>romeo show="away" status="Connecting"`, `presence gw>romeo`)
		w.netSees("LOGIN romeo")
		st := w.s.Status()
		if st.State != session.Online || st.LegacyName != "Romeo" || st.BackendID != 1 || len(st.Resources) != 1 {
			t.Errorf("status: %+v", st)
		}
		if !state(w.store, func(m *memory) bool { return m.online }) {
			t.Error("not marked online")
		}
		w.post("<presence from='" + romeo + "/orchard' to='gw.example' type='unavailable'/>")
		w.sees("presence gw>romeo unavailable")
		w.ended()
		if err := w.s.Login(context.Background()); !errors.Is(err, session.ErrEnded) {
			t.Errorf("posting to an ended session: %v", err)
		}
		if state(w.store, func(m *memory) bool { return m.online }) {
			t.Error("still marked online")
		}
	})
}

func TestSessionWithoutEventsEnds(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.wait(59 * time.Second)
		if err := w.s.LinkUp(context.Background()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.ended()
	})
}

func TestHighestPriorityCounts(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.online("a")
		w.post("<presence from='" + romeo + "/b' to='gw.example'><show>away</show><status>lunch</status><priority>5</priority></presence>")
		w.netSees("STATUS_CHANGED AWAY lunch")
		w.post("<presence from='" + romeo + "/a' to='gw.example'><show>dnd</show><priority>1</priority></presence>")
		w.netSees()
		w.post("<presence from='" + romeo + "/b' to='gw.example' type='unavailable'/>")
		w.netSees("STATUS_CHANGED DND")
		w.state(session.Online)
		w.post("<presence from='" + romeo + "/a' to='gw.example'><show>dnd</show><priority>1</priority></presence>")
		w.netSees()
	})
}

func TestStayConnected(t *testing.T) {
	inWorld(t, func(w *world) { w.user.Settings["stay_connected"] = "1" }, func(w *world) {
		w.online("a")
		w.post("<presence from='" + romeo + "/a' to='gw.example' type='unavailable'/>")
		w.netSees("STATUS_CHANGED AWAY")
		w.state(session.Online)
		if err := w.s.SetSetting(context.Background(), "stay_connected", "0"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.ended()
	})
}

func TestRefusedPasswordIsToldOnceAndNotTriedAgain(t *testing.T) {
	inWorld(t, func(w *world) { w.user.Password = "wrong" }, func(w *world) {
		login := "<presence from='" + romeo + "/a' to='gw.example'/>"
		w.post(login)
		w.sees(`presence gw>romeo show="away" status="Connecting"`,
			`presence gw>romeo unavailable status="Wrong password."`,
			`message gw>romeo chat body="Verona refused the login: Wrong password. Register again with the right name and password, or send “login” to try once more."`)
		w.state(session.BadCredentials)
		w.wait(time.Hour)
		w.post("<presence from='" + romeo + "/a' to='gw.example'><show>xa</show></presence>") // idle, not the user
		w.sees()
		if w.net.logins() != 1 {
			t.Fatalf("%d logins", w.net.logins())
		}
		// A new password and the same presence again: the user acts.
		w.net.set(func(n *network) { n.password = "wrong" })
		w.post("<presence from='" + romeo + "/a' to='gw.example'><show>xa</show></presence>")
		w.state(session.Online)
	})
}

func TestProbeAnswerIsNotTheUserActing(t *testing.T) {
	inWorld(t, func(w *world) { w.user.Password = "wrong" }, func(w *world) {
		login := "<presence from='" + romeo + "/a' to='gw.example'/>"
		w.post(login)
		w.s.LinkDown(context.Background())
		w.s.LinkUp(context.Background())
		synctest.Wait()
		w.post(login)
		if w.net.logins() != 1 {
			t.Fatalf("%d logins", w.net.logins())
		}
	})
}

func TestReRegistrationLogsInAnew(t *testing.T) {
	inWorld(t, func(w *world) { w.user.Password = "wrong" }, func(w *world) {
		w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
		w.state(session.BadCredentials)
		u := *w.user
		u.Password = "secret"
		if err := w.s.ChangeAccount(context.Background(), &u); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.state(session.Online)
	})
}

func TestNetworkErrorsAreRetriedWithGrowingDelays(t *testing.T) {
	inWorld(t, func(w *world) { w.net.away = true }, func(w *world) {
		w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
		w.state(session.Unreachable)
		w.sees(`presence gw>romeo show="away" status="Connecting"`,
			`presence gw>romeo show="away" status="Cannot reach the network, trying again: Connection refused"`)
		var tries []int
		for range 6 {
			before := w.net.logins()
			w.wait(10 * time.Minute)
			tries = append(tries, w.net.logins()-before)
		}
		if tries[0] < 5 || tries[5] < 2 || tries[5] > 5 {
			t.Errorf("tries in each 10 minutes: %v", tries)
		}
		w.net.set(func(n *network) { n.away = false })
		w.wait(5 * time.Minute)
		w.state(session.Online)
	})
}

func TestNoBackendIsToldAndRetried(t *testing.T) {
	inWorld(t, func(w *world) { w.net.full = errors.New("The backend cannot be started") }, func(w *world) {
		w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
		w.sees(`presence gw>romeo show="away" status="Connecting"`,
			`presence gw>romeo show="away" status="Cannot reach the network, trying again: The backend cannot be started"`)
		w.net.set(func(n *network) { n.full = nil })
		w.wait(10 * time.Second)
		w.state(session.Online)
	})
}

func TestSilentLoginIsGivenUp(t *testing.T) {
	inWorld(t, func(w *world) { w.net.silent = true }, func(w *world) {
		w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
		w.state(session.Connecting)
		w.wait(121 * time.Second)
		w.state(session.Unreachable)
		w.netSees("LOGIN romeo", "LOGOUT")
		if w.net.linksHeld() != 0 {
			t.Error("link still held")
		}
	})
}

func TestLogoutWhileWaitingForABackend(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opts = func(o *session.Options) { o.Limiter = slowLimiter{} }
	}, func(w *world) {
		w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
		w.post("<presence from='" + romeo + "/a' to='gw.example' type='unavailable'/>")
		w.ended()
		if w.net.logins() != 0 {
			t.Error("a backend was taken for nobody")
		}
	})
}

// slowLimiter never lets anybody through.
type slowLimiter struct{}

func (slowLimiter) Wait(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func TestDisabledAndVIPOnly(t *testing.T) {
	for name, prepare := range map[string]func(*world){
		"disabled": func(w *world) { w.user.Settings["enable_transport"] = "0" },
		"vip":      func(w *world) { w.set.VIPOnly, w.set.VIPMessage = true, "Pay first" },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, prepare, func(w *world) {
				w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
				w.state(session.Disabled)
				got := briefs(w.front.take())
				if len(got) != 1 || !strings.HasPrefix(got[0], "presence gw>romeo unavailable status=") {
					t.Errorf("sent %v", got)
				}
			})
		})
	}
	inWorld(t, nil, func(w *world) {
		w.online("a")
		if err := w.s.SetSetting(context.Background(), "enable_transport", "0"); err != nil {
			t.Fatal(err)
		}
		w.state(session.Disabled)
		if err := w.s.SetSetting(context.Background(), "enable_transport", "1"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.state(session.Online)
	})
}

func TestTrial(t *testing.T) {
	cases := map[string]struct {
		prepare func(*world)
		refused bool
		fails   bool
	}{
		"right password": {prepare: func(*world) {}},
		"wrong password": {prepare: func(w *world) { w.user.Password = "wrong" }, fails: true, refused: true},
		"network away":   {prepare: func(w *world) { w.net.away = true }, fails: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			results := make(chan error, 2)
			inWorld(t, func(w *world) {
				w.user.ID = 0
				c.prepare(w)
				w.opts = func(o *session.Options) { o.Trial = func(err error) { results <- err } }
			}, func(w *world) {
				err := <-results
				var le *session.LoginError
				if (err != nil) != c.fails || c.fails && (!errors.As(err, &le) || le.Refused() != c.refused) {
					t.Fatalf("trial: %v", err)
				}
				if c.fails {
					synctest.Wait()
					w.ended()
					return
				}
				w.wait(61 * time.Second)
				w.ended()
			})
		})
	}
}

func TestKeptTrialGoesOn(t *testing.T) {
	results := make(chan error, 1)
	inWorld(t, func(w *world) {
		w.user.ID = 0
		w.net.contacts = []*pbnetwork.Buddy{buddy("Juliet", stOnline)}
		w.opts = func(o *session.Options) { o.Trial = func(err error) { results <- err } }
	}, func(w *world) {
		if err := <-results; err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		u := *w.user
		u.ID = 12
		w.s.ChangeAccount(context.Background(), &u)
		w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
		w.wait(2 * time.Minute)
		w.state(session.Online)
		if w.net.logins() != 1 {
			t.Errorf("%d logins", w.net.logins())
		}
		if state(w.store, func(m *memory) int { return len(m.contacts) }) != 1 {
			t.Error("contact of the trial not kept")
		}
	})
}

func TestStopShowsTheTransportGoAndKeepsTheMark(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.online("a")
		w.buddyChanged(buddy("Juliet", stOnline))
		w.front.take()
		if err := w.s.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		w.sees("presence juliet@gw/bot>romeo unavailable", `presence gw>romeo unavailable status="The transport is being shut down"`)
		w.ended()
		w.netSees() // no LOGOUT
		if !state(w.store, func(m *memory) bool { return m.online }) {
			t.Error("mark is gone")
		}
	})
}

func TestPanicEndsOnlyThisSession(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.online("a")
		w.front.explodeOn("explode")
		w.backend(func(l *link) { l.says("juliet", "", "explode") })
		err := <-w.done
		w.done <- err
		if err == nil || !strings.Contains(w.log.String(), "stack=") {
			t.Errorf("err %v, log %s", err, w.log.String())
		}
		w.sees(`presence gw>romeo unavailable status="Internal error; log in again"`)
		if w.net.linksHeld() != 0 {
			t.Error("link still held")
		}
	})
}

func TestStepWaitsForTheUser(t *testing.T) {
	step := &pbnetwork.Step{
		User: proto.String(romeo), Id: proto.String("s1"), Kind: pbnetwork.Step_CODE.Enum(), Title: proto.String("Confirm the login"),
		Field: []*pbnetwork.StepField{{Name: proto.String("code"), Label: proto.String("Code"), Required: proto.Bool(true)}},
	}
	start := func(w *world) {
		w.post("<presence from='" + romeo + "/a' to='gw.example'/>")
		w.state(session.WaitingForYou)
		if p := w.s.PendingStep(); p == nil || p.ID != "s1" || len(p.Fields) != 1 {
			w.t.Fatalf("pending step %+v", p)
		}
		w.front.take()
	}
	ask := func(w *world) { w.net.step = step }
	t.Run("answered", func(t *testing.T) {
		inWorld(t, ask, func(w *world) {
			start(w)
			w.wait(4 * time.Minute) // longer than any login may take
			if err := w.s.AnswerStep(context.Background(), "other", nil); !errors.Is(err, session.ErrNoStep) {
				t.Errorf("answer of another step: %v", err)
			}
			if err := w.s.AnswerStep(context.Background(), "s1", map[string]string{}); err == nil {
				t.Error("answered without the code")
			}
			if err := w.s.AnswerStep(context.Background(), "s1", map[string]string{"code": "1234"}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			w.state(session.Online)
			if w.s.PendingStep() != nil {
				t.Error("step still pending")
			}
		})
	})
	t.Run("expired", func(t *testing.T) {
		inWorld(t, ask, func(w *world) {
			start(w)
			w.wait(5*time.Minute + time.Second)
			w.state(session.BadCredentials)
			got := only(briefs(w.front.take()), "message")
			if len(got) != 2 || !strings.Contains(got[0], "The time to answer is over: Confirm the login") {
				t.Errorf("told %q", got)
			}
		})
	})
}

func TestCommands(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		if _, err := w.s.Command(context.Background(), "", "whois", nil); !errors.Is(err, session.ErrOffline) {
			t.Errorf("offline: %v", err)
		}
		<-w.done // nothing to keep up
		w.start()
		w.online("a")
		text, err := w.s.Command(context.Background(), "#verona@gw.example", "whois", []string{"juliet"})
		if err != nil || text != "#verona whois juliet" {
			t.Errorf("%q, %v", text, err)
		}
		var ce *session.CommandError
		if _, err := w.s.Command(context.Background(), "", "fail", nil); !errors.As(err, &ce) {
			t.Errorf("failed command: %v", err)
		}
	})
	inWorld(t, func(w *world) { w.net.level = 0 }, func(w *world) {
		w.online("a")
		if _, err := w.s.Command(context.Background(), "", "whois", nil); !errors.Is(err, session.ErrNoCommands) {
			t.Errorf("version 1: %v", err)
		}
	})
}

func TestUnregisterTakesEverythingBack(t *testing.T) {
	inWorld(t, func(w *world) {
		w.store.contacts["Juliet"] = store.Contact{Name: "Juliet", Subscription: "both"}
	}, func(w *world) {
		w.online("a")
		if err := w.s.Unregister(context.Background()); err != nil {
			t.Fatal(err)
		}
		w.sees("presence juliet@gw>romeo unsubscribe", "presence juliet@gw>romeo unsubscribed", "presence juliet@gw/bot>romeo unavailable",
			`presence gw>romeo unavailable status="You are not registered any more"`,
			"presence gw>romeo unsubscribe", "presence gw>romeo unsubscribed", "presence gw>romeo unavailable")
		synctest.Wait()
		w.netSees("LOGOUT")
		w.ended()
	})
}
