// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// TestNothingIsSilent throws everything at a session in random order and
// checks what must hold whatever happened: no panic, one link at most, and for
// each message of the user either the network confirmed it (version 1: has it)
// or an error came back, at most one.
func TestNothingIsSilent(t *testing.T) {
	for seed := range 150 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				verona(w)
				w.net.level = seed % 2
				w.net.contacts = []*pbnetwork.Buddy{buddy("juliet", stOnline)}
				if seed%3 == 0 {
					w.user.Settings["stay_connected"] = "1"
				}
			}, func(w *world) { chaos(w, rand.New(rand.NewPCG(uint64(seed), 1))) })
		})
	}
}

func chaos(w *world, r *rand.Rand) {
	sent := map[string]bool{}
	for i := range 150 {
		select {
		case err := <-w.done:
			if err != nil {
				w.t.Fatalf("session ended: %v\n%s", err, w.log.String())
			}
			w.start() // the caller's part: a new session for the next stanza
		default:
		}
		disturb(w, r, i, sent)
	}
	w.net.set(func(n *network) { n.away, n.full, n.slow = false, nil, false })
	w.front.setDown(false)
	_ = w.s.Unregister(context.Background())
	synctest.Wait()
	if w.net.linksHeld() != 0 {
		w.t.Errorf("%d links held in the end", w.net.linksHeld())
	}
	has := map[string]int{}
	for _, st := range w.front.take() {
		if st.Name == "message" && st.Get("type") == "error" {
			has[st.Get("id")]++
		}
	}
	for id, n := range has {
		if n > 1 {
			w.t.Errorf("%d errors for %s", n, id)
		}
	}
	w.net.set(func(n *network) {
		for _, text := range n.settled {
			has[text]++
		}
	})
	for id := range sent {
		if has[id] == 0 {
			w.t.Errorf("nobody knows what became of %s", id)
		}
	}
}

// disturb does one thing of many. Messages are not sent while the link with
// the server is down: no error could come back.
func disturb(w *world, r *rand.Rand, i int, sent map[string]bool) {
	resource := string(rune('a' + r.IntN(3)))
	id := fmt.Sprintf("m%d", i)
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	switch r.IntN(16) {
	case 0, 1:
		w.post("<presence from='" + romeo + "/" + resource + "' to='gw.example'><priority>" + fmt.Sprint(r.IntN(9)-2) + "</priority></presence>")
	case 2:
		w.post("<presence type='" + pick("unavailable", "error", "probe", "subscribe") + "' from='" + romeo + "/" + resource + "' to='" + pick("gw.example", "#verona@gw.example/me", "juliet@gw.example") + "'/>")
	case 3, 4:
		w.post(joins(resource, pick("me", "other")))
	case 5, 6:
		sent[id] = true
		w.post(strings.Replace(tells(pick("juliet@gw.example", "#verona@gw.example/juliet", "#verona@gw.example"), id, id), "/a'", "/"+resource+"'", 1))
	case 7:
		sent[id] = true
		w.post(says(resource, id, id))
	case 8:
		w.wait(time.Duration(r.IntN(100)) * time.Second)
	case 9:
		w.net.set(func(n *network) { n.away, n.slow = r.IntN(3) == 0, r.IntN(2) == 0 })
	case 10:
		if w.net.current() != nil && w.net.linksHeld() > 0 {
			w.backend((*link).crash)
		}
	case 11:
		if w.net.current() != nil {
			w.backend(func(l *link) { l.says(pick("juliet", "#verona"), pick("", "nurse"), "hello") })
		}
	case 12:
		if w.net.current() != nil {
			p := occupant(pick("me", "nurse", "other"))
			p.Room, p.Flag = proto.String("#verona"), proto.Int32(int32(r.IntN(128)))
			p.Status = pbnetwork.StatusType(r.IntN(7)).Enum()
			p.Newname = proto.String(pick("", "", "me", "nurse", "x"))
			w.backend(func(l *link) { l.participant(p) })
		}
	case 13: // the network goes on while the server is away
		w.front.setDown(true)
		if r.IntN(2) == 0 {
			_ = w.s.LinkDown(context.Background())
		}
		for range r.IntN(5) {
			if w.net.current() != nil {
				w.backend(func(l *link) { l.says(pick("juliet", "#verona"), pick("", "nurse"), "hello") })
			}
		}
		if r.IntN(2) == 0 && w.net.linksHeld() > 0 {
			w.backend((*link).crash)
		}
		w.wait(time.Second)
		w.front.setDown(false)
		_ = w.s.LinkUp(context.Background())
		synctest.Wait()
	case 14:
		_ = pickErr(r, func() error { return w.s.Login(context.Background()) }, func() error { return w.s.Logout(context.Background(), "x") })
		synctest.Wait()
	case 15:
		w.buddyMaybe(pick("juliet", "nurse"), pbnetwork.StatusType(r.IntN(7)))
		w.post("<iq type='get' id='q' from='" + romeo + "/" + resource + "' to='" + pick("juliet@gw.example", "#verona@gw.example", "#verona@gw.example/me") + "'><" + pick("ping xmlns='urn:xmpp:ping'", "vCard xmlns='vcard-temp'", "query xmlns='http://jabber.org/protocol/disco#info'") + "/></iq>")
	}
}

func pickErr(r *rand.Rand, f ...func() error) error { return f[r.IntN(len(f))]() }

func (w *world) buddyMaybe(name string, st pbnetwork.StatusType) {
	if w.net.current() != nil {
		w.buddyChanged(buddy(name, st))
	}
}
