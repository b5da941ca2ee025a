// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"context"
	"database/sql"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	ibr "spectrum.im/spectrum2/daemon/xmpp/register"
)

// sleepers are more than the pool of connections.
const sleepers = 50

// puppet is the backend of tests, see its package; it is built once.
var puppet = sync.OnceValues(func() (string, error) {
	dir, err := programs()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "puppet")
	if out, err := exec.Command("go", "build", "-o", path, "spectrum.im/spectrum2/daemon/integration/puppet").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// puppetConfig is an instance of the puppets' network; database are the lines
// of that section.
func puppetConfig(t testing.TB, dir, addr, database string) string {
	t.Helper()
	path, err := puppet()
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(configOf(dir, addr, ""), "[database]")
	text = strings.Replace(text, "backend = "+template, "backend = "+path, 1)
	return text + "[settings]\nstay_connected = 1\n[database]\n" + database
}

// troubled is an instance whose database gets into trouble: romeo and juliet
// talk all the time, others sleep, and others come and go.
type troubled struct {
	*world
	t             *testing.T
	p             *process
	sql           *sql.DB // on the database, past the trouble
	prefix        string
	romeo, juliet *user
	asleep        []*user
	leaver        *user
	said          int
	phases        []string
}

func newTroubled(t *testing.T, database, prefix string, pool *sql.DB) *troubled {
	t.Helper()
	x := &troubled{world: newPoliteWorld(t), t: t, sql: pool, prefix: prefix}
	dir := t.TempDir()
	x.p = startFile(t, dir, puppetConfig(t, dir, x.server.addr, database))
	x.p.expectLog("ready")
	x.romeo, x.juliet, x.leaver = x.user("romeo"), x.user("juliet"), x.user("leaver")
	all := []*user{x.romeo, x.juliet, x.leaver}
	for i := range sleepers {
		x.asleep = append(x.asleep, x.user(fmt.Sprintf("sleeper%d", i)))
	}
	all = append(all, x.asleep...)
	for _, u := range all {
		u.register(u.puppet(), "any")
	}
	for _, u := range all {
		u.comeOnline()
	}
	for _, u := range x.asleep {
		u.send(xmpp.NewPresence("unavailable", "", transport))
	}
	x.talk(1)
	return x
}

// newPoliteWorld is a world whose clients answer what they are asked.
func newPoliteWorld(t testing.TB) *world {
	w := &world{t: t, seen: map[string][]*xmpp.Element{}, grown: make(chan struct{})}
	w.server = newXMPPServer(t, func(st *xmpp.Element) {
		if st.Name == "iq" && xmpp.IsRequest(st) {
			w.server.send(xmpp.ErrorReply(st, "", xmpp.ServiceUnavailable, ""))
			return
		}
		w.take(st)
	})
	return w
}

// puppet is the user's name on the network.
func (u *user) puppet() string {
	name, _, _ := strings.Cut(u.bare, "@")
	return name + "_p"
}

func (u *user) address() string { return u.puppet() + "@" + transport }

// talk lets romeo and juliet exchange a message each, n times, and returns the
// longest time that one took there and back.
func (x *troubled) talk(n int) (worst time.Duration) {
	x.t.Helper()
	for range n {
		x.said++
		there, back := fmt.Sprintf("question %d", x.said), fmt.Sprintf("answer %d", x.said)
		begin := time.Now()
		mark := x.juliet.mark()
		x.romeo.say(x.juliet.address(), "chat", there)
		x.juliet.hears(mark, x.romeo.address(), there)
		mark = x.romeo.mark()
		x.juliet.say(x.romeo.address(), "chat", back)
		x.romeo.hears(mark, x.juliet.address(), back)
		worst = max(worst, time.Since(begin))
	}
	return worst
}

// pending is what users did in a phase, and what of it is to be seen later.
type pending struct {
	name     string
	newcomer *user
	register string // the IQ's id
	setting  int    // the mark before the leaver's answer
	left     int
}

// act is everything that needs the database, without waiting for any of it.
func (x *troubled) act(name string) *pending {
	a := &pending{name: name, newcomer: x.user("newcomer-" + name)}
	x.phases = append(x.phases, name)
	for _, u := range x.asleep {
		x.romeo.say(u.address(), "chat", "good morning "+name)
	}
	iq := xmpp.NewIQ("set", "", transport, "register-"+name)
	a.register = iq.Get("id")
	a.newcomer.send(iq.Add(ibr.Query{Fields: []ibr.Field{{Name: "username", Value: a.newcomer.puppet()}, {Name: "password", Value: "any"}}}.Element()))
	for _, u := range []*user{x.romeo, x.juliet} {
		u.say("director@"+transport, "chat", "alias benvolio "+name)
		u.say("director@"+transport, "chat", "picture benvolio "+strings.Repeat("0", 30)+fmt.Sprintf("%010x", len(x.phases)))
		u.say("director@"+transport, "chat", "status benvolio "+name)
		u.send(xmpp.NewPresence("subscribe", "", "friend-"+name+"@"+transport))
	}
	a.setting = x.juliet.mark()
	x.juliet.say(transport, "chat", "set send_headlines 1")
	a.left = x.leaver.mark()
	x.leaver.say(transport, "chat", "logout")
	return a
}

// answered waits for the newcomer's answer: an empty sentence if he is
// registered now, otherwise what he is told.
func (x *troubled) answered(a *pending) string {
	x.t.Helper()
	r := a.newcomer.expect(0, "an answer to his registration", func(st *xmpp.Element) bool { return st.Get("id") == a.register })
	if r.Get("type") == "result" {
		return ""
	}
	_, text := xmpp.ErrorOf(r)
	if text == "" {
		x.t.Errorf("%s: a refusal without a sentence: %s", a.name, r)
	}
	return text
}

// settled checks what has to be so when the database is well again.
func (x *troubled) settled(a *pending) {
	x.t.Helper()
	x.juliet.expect(a.setting, "an answer about her setting", func(st *xmpp.Element) bool {
		return st.Name == "message" && st.Get("from") == transport && xmpp.Body(st) != ""
	})
	x.leaver.expect(a.left, "the transport gone", func(st *xmpp.Element) bool {
		return st.Name == "presence" && st.Get("from") == transport && st.Get("type") == "unavailable"
	})
	x.kept("messages of all sleepers", len(x.phases)*sleepers, "SELECT count(*) FROM "+x.prefix+"spectrum2_waiting")
	x.kept("contacts with their new names", 2, "SELECT count(*) FROM "+x.prefix+"buddies WHERE uin = 'benvolio' AND nickname = '"+a.name+"'")
	x.kept("contacts that were added", 2, "SELECT count(*) FROM "+x.prefix+"buddies WHERE uin = 'friend-"+a.name+"'")
	x.leaver.comeOnline()
}

// kept waits until a question to the database has the answer.
func (x *troubled) kept(what string, want int, query string) {
	x.t.Helper()
	got := -1
	var err error
	x.p.poll(what, func(ctx context.Context) bool {
		err = x.sql.QueryRowContext(ctx, query).Scan(&got)
		return err == nil && got == want
	}, func() string { return fmt.Sprintf("%d instead of %d (%v)", got, want, err) })
}

// wake lets the sleepers come back: each gets each message once, in order.
func (x *troubled) wake() {
	x.t.Helper()
	for _, u := range x.asleep {
		u.comeOnline()
		mark := 0
		for _, name := range x.phases {
			u.hears(mark, x.romeo.address(), "good morning "+name)
		}
	}
	x.kept("messages left", 0, "SELECT count(*) FROM "+x.prefix+"spectrum2_waiting")
	for _, u := range x.asleep {
		u.mu.Lock()
		var got []string
		for _, st := range u.seen[u.bare] {
			if text, ok := strings.CutPrefix(xmpp.Body(st), "good morning "); ok {
				got = append(got, text)
			}
		}
		u.mu.Unlock()
		if strings.Join(got, " ") != strings.Join(x.phases, " ") {
			x.t.Errorf("%s got %v, want %v", u.bare, got, x.phases)
		}
	}
}

// lines counts the lines of the log that have the text.
func (p *process) lines(text string) (n int) {
	for line := range strings.Lines(p.log()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}
