// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/xmpp"
	handing "spectrum.im/spectrum2/daemon/xmpp/relay"
)

// farm is a cluster of XMPP servers, a and b, each with a main process beside
// it. A client's stanzas go to the component beside its own server, and to the
// other where there is none; each component has an alias.
type farm struct {
	t      testing.TB
	db     *dbtest.Server
	name   string // of the database
	worlds map[string]*world

	mu sync.Mutex
	// clients are the full JIDs that are online, and their servers' names.
	clients map[string]string
	// relayed counts stanzas that one component sent to another.
	relayed int
}

func newFarm(t testing.TB) *farm {
	f := &farm{t: t, db: dbtest.NewPostgreSQL(t), worlds: map[string]*world{}, clients: map[string]string{}}
	f.name = f.db.Database(t)
	for _, n := range []string{"a", "b"} {
		w := &world{t: t, seen: map[string][]*xmpp.Element{}, grown: make(chan struct{})}
		w.server = newXMPPServer(t, f.take)
		f.worlds[n] = w
	}
	for n, other := range map[string]string{"a": "b", "b": "a"} {
		f.worlds[n].server.other = func(b []byte) { go f.worlds[other].server.raw(b) }
	}
	return f
}

// take delivers what a component sent.
func (f *farm) take(st *xmpp.Element) {
	if node, yes := strings.CutSuffix(st.Get("to"), "."+transport); yes && f.worlds[node] != nil {
		if handing.Of(st) != nil {
			f.mu.Lock()
			f.relayed++
			f.mu.Unlock()
		}
		f.relay(node, st)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for client, n := range f.clients {
		to, probe := st.Get("to"), st.Get("type") == "probe"
		if to != client && to != accountOf(client) {
			continue
		}
		if probe {
			go f.worlds[n].server.send(xmpp.NewPresence("", client, transport))
			continue
		}
		f.worlds[n].take(st)
	}
}

func accountOf(full string) string { b, _, _ := strings.Cut(full, "/"); return b }

// client is one of the user's at a server, which knows that it is online.
func (f *farm) client(name, resource, node string) *user {
	u := &user{f.worlds[node], name + "@localhost", name + "@localhost/" + resource}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clients[u.full] = node
	return u
}

// leave takes a client offline.
func (f *farm) leave(u *user) {
	f.mu.Lock()
	delete(f.clients, u.full)
	f.mu.Unlock()
	u.send(xmpp.NewPresence("unavailable", "", transport))
}

func (f *farm) hops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.relayed
}

// start starts the main process of a node, with more lines for [database].
func (f *farm) start(node string, port int) *process {
	f.t.Helper()
	dir := f.t.TempDir()
	config, _, _ := strings.Cut(configOf(dir, f.worlds[node].server.addr, ""), "[database]")
	config = strings.Replace(config, "[logging]\n", "[logging]\nlevel = debug\n", 1)
	config += fmt.Sprintf("[database]\ntype = pqxx\nserver = 127.0.0.1\nport = %d\nuser = %s\npassword = %s\ndatabase = %s\ncluster = 1\nnode = %s\nlease = 4\n",
		port, dbtest.User, dbtest.Password, f.name, node)
	p := startFile(f.t, dir, config)
	p.expectLog("ready")
	f.worlds[node].server.awaitLink()
	return p
}

// talks has the user's client say something that echo says again.
func (u *user) talks(text string) {
	u.t.Helper()
	mark := u.mark()
	u.say("echo@"+transport, "chat", text)
	u.hears(mark, "echo@"+transport, text)
}

// users are those who have a session at p.
func users(p *process) string {
	list, err := p.control.Users(context.Background())
	if err != nil {
		return err.Error()
	}
	var names []string
	for _, u := range list {
		names = append(names, u.JID)
	}
	return strings.Join(names, " ")
}

// has waits until exactly this user has a session at p.
func (p *process) has(want string) {
	p.t.Helper()
	p.poll("the users "+want, func(context.Context) bool { return users(p) == want }, func() string { return users(p) })
}

const romeoJID = "romeo@localhost"

// TestClusterServesAUserFromOneMachine: a user's clients may come to several
// machines; one has him, and the others hand his stanzas on. He goes where his
// clients are, without that a contact seems to leave.
func TestClusterServesAUserFromOneMachine(t *testing.T) {
	t.Parallel()
	f := newFarm(t)
	a, b := f.start("a", f.db.Port()), f.start("b", f.db.Port())
	a.expectStatus("machine a with b")
	phone := f.client("romeo", "phone", "a")
	phone.register("romeo_m", "any")
	phone.here()
	a.has(romeoJID)
	phone.talks("from the phone")

	desk := f.client("romeo", "desk", "b")
	desk.here()
	mark := phone.mark()
	desk.talks("from the desk")
	a.has(romeoJID)
	b.has("")
	if f.hops() == 0 {
		t.Error("no stanza was handed on")
	}
	f.leave(phone)
	desk.talks("alone")
	b.has(romeoJID)
	a.has("")
	hops := f.hops()
	desk.talks("at home")
	if f.hops() != hops {
		t.Error("stanzas of a user at home are handed on")
	}
	for _, st := range phone.seen[phone.bare][mark:] {
		if st.Name == "presence" && st.Get("from") == "echo@"+transport && st.Get("type") == "unavailable" {
			t.Errorf("echo seemed to leave: %s", st)
		}
	}
	a.stop()
	b.stop()
}

// TestClusterMovesUsersOfAMachineThatStops: orderly, killed, and back again.
func TestClusterMovesUsersOfAMachineThatStops(t *testing.T) {
	t.Parallel()
	f := newFarm(t)
	a, b := f.start("a", f.db.Port()), f.start("b", f.db.Port())
	romeo, juliet := f.client("romeo", "phone", "a"), f.client("juliet", "phone", "b")
	romeo.register("romeo_m", "any")
	romeo.here()
	juliet.register("juliet_c", "any")
	juliet.here()
	a.has(romeoJID)
	b.has("juliet@localhost")

	a.stop()
	b.has("juliet@localhost " + romeoJID)
	romeo.talks("by way of b")

	a = f.start("a", f.db.Port())
	romeo.talks("a is back")
	a.has(romeoJID)
	b.has("juliet@localhost")

	a.cmd.Process.Signal(syscall.SIGKILL)
	<-a.done
	b.has("juliet@localhost " + romeoJID)
	romeo.talks("a was killed")
	juliet.talks("nothing happened here")
	b.stop()
}

// TestClusterMachineWithoutDatabaseGivesUpItsUsers: cut off from the database,
// a machine logs its users out before another one has them, and leaves the XMPP
// server; later it is there again.
func TestClusterMachineWithoutDatabaseGivesUpItsUsers(t *testing.T) {
	t.Parallel()
	f := newFarm(t)
	wire := f.db.Proxy(t)
	a, b := f.start("a", wire.Port()), f.start("b", f.db.Port())
	romeo := f.client("romeo", "phone", "a")
	romeo.register("romeo_m", "any")
	romeo.here()
	a.has(romeoJID)
	mark := romeo.mark()
	wire.Delay(time.Hour)
	romeo.expect(mark, "that the transport goes", func(st *xmpp.Element) bool {
		return st.Name == "presence" && st.Get("from") == transport && st.Get("type") == "unavailable" && strings.Contains(st.String(), "database")
	})
	a.expectStatus("may have no users")
	b.has(romeoJID)
	romeo.talks("by way of b")
	wire.Delay(0)
	a.expectStatus("machine a with b, ")
	f.worlds["a"].server.awaitLink()
	romeo.talks("a is back")
	a.has(romeoJID)
	b.has("")
	a.stop()
	b.stop()
}
