// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/backends/irc/irctest"
)

// Bounds and sizes of the load driver. Every phase ends by itself; loadTime and
// loadSilence are for a transport that hangs or loses something.
const (
	loadTime    = 110 * time.Second
	loadSilence = 10 * time.Second
	phaseTime   = 8 * time.Second
	idleTime    = 3 * time.Second
	roomSize    = 10
	// Messages that are under way at once when the driver goes as fast as it
	// can; each in a room is delivered to all in it.
	privateWindow = 200
	roomWindow    = 200
	// loginWindow is as many as ngircd lets wait for being accepted; a login
	// beyond it waits a second for TCP's next try.
	loginWindow = 10
)

// load is one run of the load driver: the driver is the XMPP server of USERS
// users, behind the real main process and backend is a real IRC server.
type load struct {
	b      *testing.B
	ctx    context.Context
	users  int
	rate   int
	crowd  *crowd
	parts  parts
	report report
}

// BenchmarkLoad is the load driver of make bench. It takes about a minute and
// runs once, whatever b.N is: what it measures it reports itself. A message
// that is lost, doubled or refused fails it.
//
//	go test ./daemon/integration -run '^$' -bench BenchmarkLoad -benchtime 1x
func BenchmarkLoad(b *testing.B) {
	users, rate := loadSetting(b, "USERS", 200), loadSetting(b, "RATE", 200)
	if users = users / roomSize * roomSize; users == 0 {
		b.Fatalf("USERS must be at least %d", roomSize)
	}
	ctx, cancel := context.WithTimeout(b.Context(), loadTime)
	defer cancel()
	l := &load{b: b, ctx: ctx, users: users, rate: rate, crowd: newCrowd(b, users)}
	l.start()
	l.logIn()
	l.idle()
	l.private()
	l.rooms()
	l.parts.measure(b, &l.report.after)
	l.crowd.verdict()
	l.report.end(b)
}

// loadSetting is a positive number from the environment.
func loadSetting(b *testing.B, name string, normal int) int {
	text := os.Getenv(name)
	if text == "" {
		return normal
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 10000 {
		b.Fatalf("%s=%s is no number from 1 to 10000", name, text)
	}
	return n
}

// start runs the IRC server and the transport, with all users in one backend,
// which is not full with them, and without the pacing that protects real IRC
// servers.
func (l *load) start() {
	ircd := irctest.StartNgircd(l.b, irctest.Options{})
	more := fmt.Sprintf("irc_server = %s\nusers_per_backend = %d\n[irc.127.0.0.1]\nthrottle = 0\n", ircd.Addr(), l.users+1)
	dir := l.b.TempDir()
	config := configOf(dir, l.crowd.server.addr, more)
	p := startFile(l.b, dir, strings.Replace(config, "spectrum2_template_backend", "spectrum2_irc_backend", 1))
	p.expectLog("ready")
	backends, err := p.control.Backends(l.ctx)
	if err != nil || len(backends) != 1 {
		l.b.Fatalf("%d backends, %v:\n%s", len(backends), err, p.log())
	}
	l.parts = parts{main: p.cmd.Process.Pid, backend: backends[0].PID}
	l.crowd.log = p.log
	l.report = report{w: os.Stdout, users: l.users, rate: l.rate}
	l.report.head()
}

// logIn registers everybody, and then brings all of them online.
func (l *load) logIn() {
	l.crowd.each(l.ctx, "registered", 100, (*member).register)
	l.parts.measure(l.b, &l.report.before)
	meter := l.parts.begin(l.b)
	l.crowd.each(l.ctx, "online", loginWindow, (*member).comeOnline)
	l.report.logins = meter.end(l.b, l.users, 0)
	l.report.line("logins", l.report.logins)
	l.parts.measure(l.b, &l.report.online)
}

// idle leaves everybody alone for a while.
func (l *load) idle() {
	meter := l.parts.begin(l.b)
	select {
	case <-time.After(idleTime):
	case <-l.ctx.Done():
	}
	l.report.idle = meter.end(l.b, 0, 0)
}

// private has everybody write to his neighbour's nick.
func (l *load) private() {
	next := 0
	send := func(due time.Time) {
		from := l.crowd.members[next%l.users]
		next++
		l.crowd.write(due, from, l.crowd.members[next%l.users])
	}
	l.report.private = l.traffic("private", privateWindow, send)
}

// rooms has everybody join one of the rooms and talk there in turn.
func (l *load) rooms() {
	l.crowd.each(l.ctx, "in the room", l.users, (*member).join)
	next := 0
	send := func(due time.Time) {
		from := l.crowd.members[next%l.users]
		next += roomSize + 1 // another room, and another one in it
		l.crowd.say(due, from)
	}
	l.report.room = l.traffic("room", roomWindow, send)
}

// traffic sends as fast as the transport takes it, with at most window
// messages under way, and then at the fixed rate.
func (l *load) traffic(name string, window int, send func(due time.Time)) (t traffic) {
	meter := l.parts.begin(l.b)
	sent := l.crowd.flood(l.ctx, window, send)
	t.flood = meter.end(l.b, sent, l.crowd.box.takeDelays().len())
	l.report.line(name+", as fast as it goes", t.flood)
	meter = l.parts.begin(l.b)
	sent = l.crowd.paced(l.ctx, l.rate, send)
	d := l.crowd.box.takeDelays()
	t.paced = meter.end(l.b, sent, d.len())
	t.p50, t.p99 = d.quantile(0.50), d.quantile(0.99)
	l.report.paced(name, t)
	return t
}
