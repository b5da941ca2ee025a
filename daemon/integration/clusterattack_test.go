// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	ibr "spectrum.im/spectrum2/daemon/xmpp/register"
	handing "spectrum.im/spectrum2/daemon/xmpp/relay"
)

// join adds an XMPP server to the farm, before there are processes. Without its
// component its stanzas go to the one of a.
func (f *farm) join(name string) {
	w := &world{t: f.t, seen: map[string][]*xmpp.Element{}, grown: make(chan struct{})}
	w.server = newXMPPServer(f.t, f.take)
	w.server.other = func(b []byte) { go f.worlds["a"].server.raw(b) }
	f.worlds[name] = w
}

// here brings a client online of a user who is logged in already. Its server may
// have been asked for its presence before, which leaves nothing to be answered.
func (u *user) here() {
	u.t.Helper()
	u.send(xmpp.NewPresence("", "", transport))
	u.talks("here")
}

// relay delivers what one component sends to another, or says that it cannot.
func (f *farm) relay(node string, st *xmpp.Element) {
	if f.worlds[node].server.linked() {
		f.worlds[node].server.send(st)
		return
	}
	from, _ := strings.CutSuffix(st.Get("from"), "."+transport)
	if e := xmpp.ErrorReply(st, "", xmpp.RemoteServerNotFound, "DNS lookup failed"); e != nil && f.worlds[from] != nil {
		f.worlds[from].server.send(e)
	}
}

func (s *xmppServer) linked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn != nil
}

// heard is how often the user's server was sent this text for him.
func (u *user) heard(text string) (n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, st := range u.seen[u.bare] {
		if xmpp.Body(st) == text && st.Get("type") != "error" {
			n++
		}
	}
	return n
}

// logins is how often a user's account came online at p.
func (p *process) logins(user string) (n int) {
	for _, line := range strings.Split(p.log(), "\n") {
		if strings.Contains(line, "state=online") && strings.Contains(line, user) {
			n++
		}
	}
	return n
}

// TestClusterTakesNothingFromStrangers: only a machine of the cluster can say
// what a user sent. A server elsewhere can choose its resource.
func TestClusterTakesNothingFromStrangers(t *testing.T) {
	t.Parallel()
	f := newFarm(t)
	a := f.start("a", f.db.Port())
	romeo := f.client("romeo", "phone", "a")
	romeo.register("romeo_m", "any")
	romeo.here()
	forged := xmpp.NewMessage("chat", romeo.full, "echo@"+transport).Add(xmpp.NewText(xmpp.NSClient, "body", "forged"))
	for _, from := range []string{"evil.example/b." + transport, "evil.example/." + transport, "b." + transport + "/." + transport, "eve@evil.example/b." + transport} {
		for _, to := range []string{transport, "a." + transport, "echo@" + transport} {
			f.worlds["a"].server.send(handing.New(from, to, "b", forged))
			f.worlds["a"].server.send(handing.NewOffer(from, to, romeoJID))
		}
	}
	romeo.talks("my own words")
	if n := romeo.heard("forged"); n > 0 {
		t.Errorf("romeo is said to have written what he did not, %d times", n)
	}
	a.stop()
}

// TestClusterAnswersForTheTransportWhereTheUserIs: what a client asks the
// transport itself is answered by the machine that has the user, even if this
// one has handed nothing on for him yet.
func TestClusterAnswersForTheTransportWhereTheUserIs(t *testing.T) {
	t.Parallel()
	f := newFarm(t)
	a, b := f.start("a", f.db.Port()), f.start("b", f.db.Port())
	a.expectStatus("machine a with b")
	b.expectStatus("machine b with a")
	phone := f.client("romeo", "phone", "a")
	phone.register("romeo_m", "any")
	phone.here()
	desk := f.client("romeo", "desk", "b")
	asks := func(line string) string {
		at := desk.mark()
		desk.say(transport, "chat", line)
		return xmpp.Body(desk.expect(at, "an answer to "+line, func(st *xmpp.Element) bool {
			return st.Name == "message" && st.Get("from") == transport && xmpp.Body(st) != ""
		}))
	}
	if text := asks("status"); !strings.Contains(text, "is online") {
		t.Errorf("status says %q", text)
	}
	r := desk.request("set", transport, ibr.Query{Remove: true}.Element())
	if r.Get("type") != "result" {
		t.Errorf("unregistering at the other machine: %s", r)
	}
	a.has("")
	b.has("")
	a.stop()
	b.stop()
}

// TestClusterOfThreeMachines: a user with clients everywhere, of whom one after
// the other goes. Whatever he says is said once.
func TestClusterOfThreeMachines(t *testing.T) {
	t.Parallel()
	f := newFarm(t)
	f.join("c")
	all := map[string]*process{}
	for _, n := range []string{"a", "b", "c"} {
		all[n] = f.start(n, f.db.Port())
	}
	for _, p := range all {
		p.expectStatus(", ")
	}
	phone, tablet := f.client("romeo", "phone", "a"), f.client("romeo", "tablet", "c")
	desk := &user{f.worlds["b"], phone.bare, phone.bare + "/desk"} // its server does not know that it is online
	phone.register("romeo_m", "any")
	phone.here()
	all["a"].has(romeoJID)
	tablet.here()
	said := 0
	say := func(u *user, hears *user) {
		t.Helper()
		said++
		text := fmt.Sprintf("line %d", said)
		mark := hears.mark()
		u.say("echo@"+transport, "chat", text)
		hears.hears(mark, "echo@"+transport, text)
		if n := hears.heard(text); n != 1 {
			t.Errorf("%s was heard %d times", text, n)
		}
	}
	say(desk, phone) // b learns that a has him
	f.leave(phone)
	say(tablet, tablet)
	all["c"].has(romeoJID)
	for range 3 {
		say(desk, tablet)
		say(tablet, tablet)
	}
	desk = f.client("romeo", "desk", "b")
	desk.here()
	f.leave(tablet)
	say(desk, desk)
	all["b"].has(romeoJID)
	all["a"].has("")
	all["c"].has("")
	if a, b, c := all["a"].logins(romeoJID), all["b"].logins(romeoJID), all["c"].logins(romeoJID); a > 2 || b != 1 || c != 1 {
		t.Errorf("he was logged in %d, %d and %d times", a, b, c)
	}
	for _, p := range all {
		p.stop()
	}
}

// TestClusterTakesWhoStaysConnectedOnce: the machines that are left do not take
// him from each other.
func TestClusterTakesWhoStaysConnectedOnce(t *testing.T) {
	t.Parallel()
	f := newFarm(t)
	f.join("c")
	all := map[string]*process{}
	for _, n := range []string{"a", "b", "c"} {
		all[n] = f.start(n, f.db.Port())
	}
	for _, p := range all {
		p.expectStatus(", ")
	}
	phone := f.client("romeo", "phone", "a")
	phone.register("romeo_m", "any")
	phone.here()
	phone.asks("set stay_connected 1")
	f.leave(phone)
	all["a"].poll("that no client is there", func(ctx context.Context) bool {
		list, err := all["a"].control.Users(ctx)
		return err == nil && len(list) == 1 && list[0].Resources == 0
	}, func() string { return users(all["a"]) })
	all["a"].cmd.Process.Signal(syscall.SIGKILL)
	<-all["a"].done
	b, c := all["b"], all["c"]
	there := func() string { return strings.TrimSpace(users(b) + " " + users(c)) }
	b.poll("romeo at b or c", func(ctx context.Context) bool { return there() == romeoJID }, there)
	b.poll("romeo online", func(ctx context.Context) bool { return b.logins(romeoJID)+c.logins(romeoJID) > 0 }, there)
	b.expectStatus("machine b with c, ") // and not with a: both have looked around since
	c.expectStatus("machine c with b, ")
	if n := b.logins(romeoJID) + c.logins(romeoJID); n != 1 || there() != romeoJID {
		t.Errorf("he was logged in %d times, and is at %q", n, there())
	}
	b.stop()
	c.stop()
}

// TestClusterKeepsWhatIsSaidAfterAMachineDied: what comes to another machine
// while the dead one's lease lasts waits until the user is there, in order.
func TestClusterKeepsWhatIsSaidAfterAMachineDied(t *testing.T) {
	t.Parallel()
	f := newFarm(t)
	a, b := f.start("a", f.db.Port()), f.start("b", f.db.Port())
	b.expectStatus("machine b with a")
	phone := f.client("romeo", "phone", "a")
	phone.register("romeo_m", "any")
	phone.here()
	desk := f.client("romeo", "desk", "b")
	desk.talks("before") // b knows that a has him
	a.cmd.Process.Signal(syscall.SIGKILL)
	b.poll("that a's server has noticed", func(context.Context) bool { return !f.worlds["a"].server.linked() }, func() string { return "" })
	mark := desk.mark()
	for i := range 20 {
		desk.say("echo@"+transport, "chat", fmt.Sprintf("line %d", i))
	}
	desk.hears(mark, "echo@"+transport, "line 19")
	b.has(romeoJID)
	var heard []string
	desk.mu.Lock()
	for _, st := range desk.seen[desk.bare][mark:] {
		if text := xmpp.Body(st); text != "" || st.Get("type") == "error" {
			heard = append(heard, st.Get("type")+" "+text)
		}
	}
	desk.mu.Unlock()
	for i := range 20 {
		if len(heard) != 20 || heard[i] != fmt.Sprintf("chat line %d", i) {
			t.Fatalf("he hears %q", heard)
		}
	}
	b.stop()
}

// TestClusterLosesNothingWhileAUserMoves: what he says while he goes from one
// machine to the other is answered once, or comes back with an error.
func TestClusterLosesNothingWhileAUserMoves(t *testing.T) {
	t.Parallel()
	f := newFarm(t)
	a, b := f.start("a", f.db.Port()), f.start("b", f.db.Port())
	a.expectStatus("machine a with b")
	b.expectStatus("machine b with a")
	phone, desk := f.client("romeo", "phone", "a"), f.client("romeo", "desk", "b")
	phone.register("romeo_m", "any")
	phone.here()
	desk.send(xmpp.NewPresence("", "", transport))
	desk.talks("both are there")
	mark := desk.mark()
	said, enough, over := 0, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				desk.say("echo@"+transport, "chat", fmt.Sprintf("line %05d", said))
				said++
			case <-enough:
				return
			}
		}
	}()
	f.leave(phone)
	b.has(romeoJID)
	close(enough)
	<-over
	desk.talks("the end")
	answers := map[string]int{}
	desk.expect(mark, "an answer to each line", func(st *xmpp.Element) bool {
		if text := xmpp.Body(st); strings.HasPrefix(text, "line ") {
			answers[text]++
		}
		return len(answers) == said
	})
	for text, n := range answers {
		if n > 1 {
			t.Errorf("%s was answered %d times", text, n)
		}
	}
	a.stop()
	b.stop()
}
