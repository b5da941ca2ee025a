// SPDX-License-Identifier: GPL-2.0-or-later

package clients_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/clients"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/carbons"
	"spectrum.im/spectrum2/daemon/xmpp/delay"
	"spectrum.im/spectrum2/daemon/xmpp/server"
)

// lossy is a connection whose client acknowledged only a part of what it was
// sent when it ends.
type lossy struct {
	resource string
	ending   sync.WaitGroup

	mu     sync.Mutex
	cl     *clients.Client
	got    []*xmpp.Element
	has    []*xmpp.Element // what it acknowledged
	ended  bool
	closed bool
}

func (l *lossy) JID() jid.JID      { return jid.MustParse(me + "/" + l.resource) }
func (l *lossy) Info() server.Info { return server.Info{JID: l.JID()} }

func (l *lossy) Send(st *xmpp.Element) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return server.ErrGone
	}
	l.got = append(l.got, st)
	return nil
}

func (l *lossy) Close(string, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed = true; l.cl != nil {
		l.ending.Go(l.end)
	}
}

// bound gives the connection its client, as the server does after Bind.
func (l *lossy) bound(cl *clients.Client) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cl = cl; l.closed {
		l.ending.Go(l.end)
	}
}

func (l *lossy) end() {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return
	}
	l.ended = true
	n := rand.IntN(len(l.got) + 1)
	l.has = l.got[:n]
	unsent := l.got[n:]
	l.mu.Unlock()
	l.cl.Ended(unsent)
}

// TestNothingIsLostInChaos: clients come, replace each other and go without
// having read everything, while messages come for the user. Each message is
// with a client or back with the session in the end; each client got what was
// sent directly in order; and the session knows that all are gone.
func TestNothingIsLostInChaos(t *testing.T) {
	w := newWorld(t)
	const devices, rounds = 6, 60
	messages := 0
	ticks := make(chan struct{})
	var mu sync.Mutex
	var conns []*lossy
	var running sync.WaitGroup
	for d := range devices {
		running.Go(func() {
			for range rounds {
				if l := w.live(t, "r"+strconv.Itoa(rand.IntN(4)), d, ticks); l != nil {
					mu.Lock()
					conns = append(conns, l)
					mu.Unlock()
				}
			}
		})
	}
	var sending sync.WaitGroup
	sending.Go(func() {
		for range ticks {
			for range 3 {
				to := me
				if rand.IntN(3) == 0 {
					to += "/r" + strconv.Itoa(rand.IntN(4))
				}
				st := xmpp.NewMessage("chat", joeBot, to).Add(xmpp.NewText(xmpp.NSClient, "body", strconv.Itoa(messages)))
				if err := w.u.Send(context.Background(), st); err != nil {
					t.Error(err)
				}
				messages++
			}
		}
	})
	running.Wait()
	close(ticks)
	sending.Wait()
	w.u.Close(xmpp.SystemShutdown, "")
	for _, l := range conns {
		l.ending.Wait()
	}
	w.u.Wait()
	if !w.u.Retire() {
		t.Error("somebody is still there")
	}

	safe := map[string]bool{}
	for _, l := range conns {
		checkOrder(t, l)
		for _, st := range l.has {
			safe[bodyOf(st)] = true
		}
	}
	back := w.s.returned()
	for _, st := range back {
		safe[xmpp.Body(st)] = true
	}
	for n := range messages {
		if !safe[strconv.Itoa(n)] {
			t.Errorf("message %d is lost", n)
		}
	}
	w.checkGone(t)
	if len(back) == 0 || len(back) == messages {
		t.Errorf("%d of %d messages came back", len(back), messages)
	}
	t.Logf("%d connections, %d messages, %d came back", len(conns), messages, len(back))
}

// live is the life of one connection; nil where it did not get a place.
func (w *world) live(t *testing.T, resource string, seed int, ticks chan<- struct{}) *lossy {
	l := &lossy{resource: resource}
	ctx := context.Background()
	_, cl, err := w.u.Bind(ctx, l, resource)
	if err != nil {
		var refused *server.BindError
		if !errors.As(err, &refused) {
			t.Error(err)
		}
		return nil
	}
	send := func(s string) { cl.Stanza(ctx, parse(t, s).Set("from", me+"/"+resource)) }
	l.bound(cl)
	// A connection's calls are never two at once: one that was closed ends
	// after the client's last stanza, in its own goroutine.
	l.mu.Lock()
	busy := !l.closed
	if busy {
		l.ending.Add(1)
		cl, l.cl = l.cl, nil
	}
	l.mu.Unlock()
	if !busy {
		return l
	}
	if rand.IntN(2) == 0 {
		send(`<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>`)
	}
	send(fmt.Sprintf(`<presence><priority>%d</priority></presence>`, rand.IntN(4)-1))
	send(`<presence to='room@` + domain + `/nick'/>`)
	send(`<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>`)
	for range rand.IntN(5) {
		ticks <- struct{}{}
		send(`<message type='chat' to='` + joe + `'><body>from ` + strconv.Itoa(seed) + `</body></message>`)
	}
	if rand.IntN(4) == 0 {
		cl.Detached()
		cl.Resumed()
	}
	if rand.IntN(4) == 0 {
		send(`<presence type='unavailable'/>`)
	}
	l.mu.Lock()
	l.cl = cl
	closed := l.closed
	l.mu.Unlock()
	if closed || rand.IntN(2) == 0 {
		l.end()
	} else {
		l.later()
	}
	l.ending.Done()
	return l
}

// later leaves the connection to be replaced, or to the end of the test.
func (l *lossy) later() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		l.ending.Go(l.end)
	}
}

func bodyOf(st *xmpp.Element) string {
	if m, _ := carbons.Of(st); m != nil {
		return xmpp.Body(m)
	}
	return xmpp.Body(st)
}

func checkOrder(t *testing.T, l *lossy) {
	last := -1
	for _, st := range l.got {
		if _, again := delay.Of(st); again || st.Name != "message" || st.Get("from") != joeBot {
			continue
		}
		n, err := strconv.Atoi(xmpp.Body(st))
		if err != nil || n <= last {
			t.Errorf("%s got %q after %d", l.resource, xmpp.Body(st), last)
		}
		last = n
	}
}

// checkGone fails unless the last that the session heard of every client is
// that it is gone.
func (w *world) checkGone(t *testing.T) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if len(w.s.attached) != 0 {
		t.Errorf("attached: %v", w.s.attached)
	}
	there := map[string]string{}
	for _, st := range w.s.got {
		if st.Name == "presence" {
			there[st.Get("from")+">"+st.Get("to")] = st.Get("type")
		}
	}
	for who, typ := range there {
		if typ != "unavailable" {
			t.Errorf("%s is still there", strings.ReplaceAll(who, me, "ME"))
		}
	}
}
