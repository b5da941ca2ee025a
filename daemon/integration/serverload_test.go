// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/backends/irc/irctest"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// Sizes of the load driver for server mode.
const (
	atOnce    = 1000 // logins that begin together
	pairs     = 50   // users who write to one another
	exchanges = 1000 // messages whose delay is measured
	resumes   = 200  // cuts that a client comes back from
)

// BenchmarkServerMode measures an instance whose clients connect to itself:
// CLIENTS (1000) of them, each with its own account. It runs once, whatever b.N
// is. A login that fails, or a message that does not arrive, fails it.
//
//	go test ./daemon/integration -run '^$' -bench BenchmarkServerMode -benchtime 1x
func BenchmarkServerMode(b *testing.B) {
	n := loadSetting(b, "CLIENTS", 1000)
	more := "max_sessions_per_address = 0\nusers_per_backend = 20000\nmore_resources = 1\n"
	h := startServer(b, template, more, kept)
	pid := h.cmd.Process.Pid
	h.login(b, "first", "any", "x", true).comeOnline()
	before := memoryOf(b, pid)
	fmt.Fprintf(os.Stdout, "\nServer mode: %d clients with TLS, stream management and presence\n", n)

	began := time.Now()
	clients := make([]*client, n)
	for from := 0; from < n; from += atOnce {
		var all sync.WaitGroup
		for i := from; i < min(n, from+atOnce); i++ {
			all.Go(func() {
				clients[i] = h.login(b, "user"+strconv.Itoa(i), "any", "bench", true)
				clients[i].comeOnline()
			})
		}
		all.Wait()
		if from == 0 {
			fmt.Fprintf(os.Stdout, "%-40s %9.2f s\n", fmt.Sprintf("%d logins at once, until the last", min(n, atOnce)), time.Since(began).Seconds())
		}
	}
	took := time.Since(began)
	fmt.Fprintf(os.Stdout, "%-40s %9.0f a second, driver included\n", "logins", float64(n)/took.Seconds())
	time.Sleep(idleTime) // a measurement of idleness, not a wait for anything
	perClient := float64(memoryOf(b, pid)-before) / float64(n)
	fmt.Fprintf(os.Stdout, "%-40s %9.1f KiB resident in the main process\n", "each idle client and its session", perClient)
	b.ReportMetric(perClient, "main-KiB/client")
	b.ReportMetric(float64(n)/took.Seconds(), "logins/s")

	echo := delaysOf(exchanges, func(i int) {
		c := clients[i%n]
		text, mark := "echo "+strconv.Itoa(i), c.mark()
		c.say("echo@"+transport, "chat", text)
		c.hears(mark, "echo@"+transport, text)
	})
	printDelays(b, "to the backend and back", "echo", echo)
	printDelays(b, "resumption after a cut, login included", "resume", delaysOf(min(n, resumes), func(i int) {
		c := clients[i]
		c.cut()
		c.resumed("any")
	}))
	benchPairs(b)
}

// benchPairs is what one user writes to another, through an IRC server.
func benchPairs(b *testing.B) {
	ircd := irctest.StartNgircd(b, irctest.Options{})
	h := startServer(b, "spectrum2_irc_backend", "max_sessions_per_address = 0\nirc_server = "+ircd.Addr(), "[irc.127.0.0.1]\nthrottle = 0\n")
	var users []*client
	for i := range pairs * 2 {
		c := h.login(b, "user"+strconv.Itoa(i), "x", "bench", false)
		c.comeOnline()
		users = append(users, c)
	}
	printDelays(b, "a message to another user, through IRC", "pair", delaysOf(exchanges, func(i int) {
		from, to := users[i%len(users)], users[(i+1)%len(users)]
		text, mark := "message "+strconv.Itoa(i), to.mark()
		from.say(to.user+"@"+transport, "chat", text)
		to.expect(mark, text, func(st *xmpp.Element) bool { return st.Name == "message" && strings.HasPrefix(xmpp.Body(st), text) })
	}))
}

// delaysOf is how long each of n calls took, in order of length.
func delaysOf(n int, do func(i int)) []time.Duration {
	out := make([]time.Duration, n)
	for i := range out {
		began := time.Now()
		do(i)
		out[i] = time.Since(began)
	}
	slices.Sort(out)
	return out
}

func printDelays(b *testing.B, what, unit string, sorted []time.Duration) {
	p50, p99 := sorted[len(sorted)/2], sorted[len(sorted)*99/100]
	fmt.Fprintf(os.Stdout, "%-40s %9.2f ms p50 %8.2f ms p99\n", what, milli(p50), milli(p99))
	b.ReportMetric(milli(p50), unit+"-p50-ms")
}
