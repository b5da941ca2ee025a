// SPDX-License-Identifier: GPL-2.0-or-later

package clients_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
)

// TestSendWaitsForRoomInOrder: when stanzas come faster than the worker goes,
// the sender is held back, no longer than its context says, and order is kept.
func TestSendWaitsForRoomInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		taken := make(chan struct{})
		cl := w.sink(t, taken)
		go cl.Stanza(t.Context(), parse(t, `<iq type='set' id='1' from='`+me+`/home'><enable xmlns='urn:xmpp:carbons:2'/></iq>`))
		synctest.Wait() // the worker is busy with the answer
		send := func(ctx context.Context) error {
			return w.u.Send(ctx, parse(t, `<message from='`+joeBot+`' to='`+me+`/home'><body>x</body></message>`))
		}
		n := 0
		for ; n < 5000; n++ {
			ctx, cancel := context.WithCancel(t.Context())
			sent := make(chan error, 1)
			go func() { sent <- send(ctx) }()
			synctest.Wait()
			if len(sent) == 0 {
				cancel()
				if err := <-sent; !errors.Is(err, context.Canceled) {
					t.Errorf("Send: %v", err)
				}
				break
			}
			cancel()
		}
		if n < 100 || n >= 5000 {
			t.Fatalf("%d stanzas wait", n)
		}
		last := make(chan error, 1)
		go func() { last <- send(t.Context()) }()
		for range n + 2 {
			<-taken
		}
		if err := <-last; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		w.u.Wait()
	})
}

// TestASessionThatHangsCostsOneUserABoundedQueue: what it has to be given back
// waits, up to a limit, and nobody who sends is held up.
func TestASessionThatHangsCostsOneUserABoundedQueue(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.s.hold = make(chan struct{})
		for n := range 3000 {
			w.arrives(`<iq type='get' from='` + joeBot + `' to='` + me + `/gone' id='` + strconv.Itoa(n) + `'><x xmlns='urn:x'/></iq>`)
			w.u.Clients()
		}
		synctest.Wait() // all have come to the queue or were left out
		close(w.s.hold)
		synctest.Wait()
		if got := w.s.take(); len(got) < 1000 || len(got) > 1100 || got[0].Get("id") != "0" {
			t.Errorf("%d answers, the first to %s", len(got), got[0].Get("id"))
		}
	})
}

func TestARefusedBindIsTakenBack(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.settings.MoreResources = false
		c := stuck{&fakeConn{}}
		_, cl, err := w.u.Bind(t.Context(), c, "home")
		if err != nil {
			t.Fatal(err)
		}
		c.cl = cl
		w.s.happened()
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 2)
		for _, r := range []string{"phone", "desk"} { // one waits for the old client, one for its turn
			go func() {
				_, _, err := w.u.Bind(ctx, &fakeConn{}, r)
				failed <- err
			}()
		}
		synctest.Wait()
		if w.u.Retire() {
			t.Error("retired while somebody binds")
		}
		cancel()
		for range 2 {
			if err := <-failed; !errors.Is(err, context.Canceled) {
				t.Errorf("bind: %v", err)
			}
		}
		synctest.Wait()
		w.s.mu.Lock()
		defer w.s.mu.Unlock()
		if len(w.s.attached) != 1 || !w.s.attached["home"] {
			t.Errorf("attached: %v", w.s.attached)
		}
		go c.end()
	})
}

func TestAResourceThatCannotBe(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for _, r := range []string{strings.Repeat("x", 1024), "a\x00b", "\xff"} {
			if _, err := w.tryBind(r); bindCondition(err) != xmpp.BadRequest {
				t.Errorf("%.10q: %v", r, err)
			}
		}
		w.bind(strings.Repeat("x", 1023))
	})
}

func TestALongRosterIsCut(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for n := range 20001 {
			j := "c" + strconv.Itoa(n) + "@" + domain
			w.s.roster[j] = rosteritem.Item{JID: j, Subscription: "both"}
		}
		if q := queryOf(w.online("a", 0).asks(rosterGet)); len(q.Items) != 20000 {
			t.Errorf("%d items", len(q.Items))
		}
	})
}

func TestAVCardIsBounded(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.online("a", 0)
		photo := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 257<<10))
		refused(t, p.asks(`<iq type='set' id='1'><vCard xmlns='vcard-temp'><PHOTO><BINVAL>`+photo+`</BINVAL></PHOTO></vCard></iq>`), xmpp.NotAcceptable)
		refused(t, p.asks(`<iq type='set' id='1'><vCard xmlns='vcard-temp'><DESC>`+strings.Repeat("x", 600<<10)+`</DESC></vCard></iq>`), xmpp.NotAcceptable)
		refused(t, p.asks(`<iq type='set' id='1'><card xmlns='vcard-temp'/></iq>`), xmpp.BadRequest)
	})
}

func TestTooManyBlockedAddresses(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var items strings.Builder
		for n := range 1000 {
			items.WriteString(`<item jid='c` + strconv.Itoa(n) + `@` + domain + `'/>`)
		}
		p := w.online("a", 0)
		p.asks(`<iq type='set' id='1'><block xmlns='urn:xmpp:blocking'>` + items.String() + `</block></iq>`)
		one := `<iq type='set' id='1'><block xmlns='urn:xmpp:blocking'><item jid='` + joe + `'/></block></iq>`
		refused(t, p.asks(one), xmpp.ResourceConstraint)
		p.asks(`<iq type='set' id='1'><unblock xmlns='urn:xmpp:blocking'><item jid='c0@` + domain + `/x'/></unblock></iq>`)
		if st := p.asks(one); st.Get("type") != "result" {
			t.Error(st)
		}
	})
}

// TestAClientThatDoesNotAnswerIsNotAskedForEver: it may show new capabilities as
// often as it likes.
func TestAClientThatDoesNotAnswerIsNotAskedForEver(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.online("a", 0)
		for n := range 50 {
			p.send(`<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='x' ver='` + strconv.Itoa(n) + `'/></presence>`)
		}
		asked := 0
		for _, st := range p.got() {
			if st.Name == "iq" {
				asked++
			}
		}
		if asked == 0 || asked > 10 {
			t.Errorf("asked %d times", asked)
		}
	})
}

// TestPresenceThatChangesWhileASessionIsTold: the last that the new session
// hears is true.
func TestPresenceThatChangesWhileASessionIsTold(t *testing.T) {
	for name, change := range map[string]string{
		"status":  `<presence><status>last</status></presence>`,
		"goodbye": `<presence type='unavailable'><status>last</status></presence>`,
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				p := w.online("a", 0)
				next := newSession()
				next.u, next.hold = w.u, make(chan struct{})
				w.u.SetSession(next)
				synctest.Wait() // it is being told
				done := make(chan struct{})
				go func() {
					p.send(change)
					close(done)
				}()
				synctest.Wait()
				close(next.hold)
				<-done
				synctest.Wait()
				got := next.take()
				types := []string{}
				for _, st := range got {
					types = append(types, st.Get("type")+"/"+st.ChildText(xmpp.NSClient, "status"))
				}
				last := got[len(got)-1]
				if last.Get("type") != parse(t, change).Get("type") || last.Get("type") == "" && !slices.Contains(types[len(types)-1:], "/last") {
					t.Errorf("the session heard %q", types)
				}
				w.s = next
			})
		})
	}
}
