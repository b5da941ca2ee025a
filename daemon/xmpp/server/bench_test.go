// SPDX-License-Identifier: GPL-2.0-or-later

package server_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/server"
)

// BenchmarkIdle reports what an idle TLS session costs: memory of the process
// that serves SESSIONS (2000) of them. The clients are another process, this
// test's own binary.
func BenchmarkIdle(b *testing.B) {
	n := sessions(b)
	h := start(b, server.Limits{HalfOpen: 20000})
	h.users.quiet = true
	before, heapBefore := memory(b)
	crowd := exec.Command(os.Args[0], "-test.run=^TestCrowd$", "-test.timeout=10m")
	crowd.Env = append(os.Environ(), "CROWD="+h.addrs[server.DirectTLS], "SESSIONS="+strconv.Itoa(n))
	crowd.Stderr = os.Stderr
	out, err := crowd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	in, err := crowd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := crowd.Start(); err != nil {
		b.Fatal(err)
	}
	ready := bufio.NewScanner(out)
	for ready.Scan() && ready.Text() != "ready" {
	}
	if h.Conns() != n {
		b.Fatalf("%d sessions of %d", h.Conns(), n)
	}
	goroutines := runtime.NumGoroutine()
	rss, heap := memory(b)
	b.ReportMetric((rss-before)/float64(n), "rss-B/session")
	b.ReportMetric((heap-heapBefore)/float64(n), "heap+stack-B/session")
	b.ReportMetric(float64(goroutines)/float64(n), "goroutines/session")
	b.ReportMetric(0, "ns/op")
	in.Close()
	if err := crowd.Wait(); err != nil {
		b.Fatal(err)
	}
}

func sessions(t testing.TB) int {
	n, err := strconv.Atoi(os.Getenv("SESSIONS"))
	if os.Getenv("SESSIONS") == "" {
		return 2000
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// memory is the resident set and what Go counts of it, after several
// collections: each halves the stacks that are too large.
func memory(t testing.TB) (rss, heap float64) {
	for range 6 {
		runtime.GC()
	}
	b, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "\nRss:")
	if _, err := fmt.Sscan(rest, &rss); err != nil {
		t.Fatal(err)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return rss * 1024, float64(m.HeapInuse + m.StackInuse)
}

// TestCrowd is the clients of BenchmarkIdle where it is run by that; otherwise
// it is a small crowd of its own.
func TestCrowd(t *testing.T) {
	addr := os.Getenv("CROWD")
	n := 20
	var h *harness
	if addr == "" {
		h = start(t, server.Limits{})
		h.users.quiet = true
		addr = h.addrs[server.DirectTLS]
	} else {
		n = sessions(t)
	}
	conns := make(chan net.Conn, n)
	todo := make(chan int)
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for i := range todo {
				c, err := quickLogin(addr, fmt.Sprintf("user%d", i))
				if err != nil {
					t.Errorf("login %d: %v", i, err)
					continue
				}
				conns <- c
			}
		})
	}
	for i := range n {
		todo <- i
	}
	close(todo)
	workers.Wait()
	if len(conns) != n {
		t.Fatalf("%d logins of %d", len(conns), n)
	}
	if h == nil {
		fmt.Println("ready")
		// The end of our input is when the figures were taken.
		for buf := make([]byte, 1); ; {
			if _, err := os.Stdin.Read(buf); err != nil {
				break
			}
		}
	}
	close(conns)
	for c := range conns {
		c.Close()
	}
}

// quickLogin logs in as fast as a client can: everything in one flight.
func quickLogin(addr, node string) (net.Conn, error) {
	config := clientTLS()
	config.NextProtos = []string{"xmpp-client"}
	config.InsecureSkipVerify = os.Getenv("CROWD") != "" // another process's certificate
	c, err := tls.Dial("tcp", addr, config)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(time.Minute))
	for _, step := range []struct{ send, want string }{
		{opening, "</stream:features>"},
		{authElement(node, password(node)), "<success"},
		{opening, "</stream:features>"},
		{bindTo("r"), "</iq>"},
	} {
		if _, err := c.Write([]byte(step.send)); err != nil {
			return nil, err
		}
		if err := readPast(c, step.want); err != nil {
			return nil, err
		}
	}
	c.SetDeadline(time.Time{})
	return c, nil
}

func readPast(c io.Reader, want string) error {
	var got []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(got, []byte(want)) {
		n, err := c.Read(buf)
		if got = append(got, buf[:n]...); err != nil {
			return fmt.Errorf("%w after %q", err, got)
		}
	}
	return nil
}

// BenchmarkLogins is a whole login over direct TLS, several at a time.
func BenchmarkLogins(b *testing.B) {
	h := start(b, server.Limits{})
	h.users.quiet = true
	go func() {
		for range h.users.clients {
		}
	}()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c, err := quickLogin(h.addrs[server.DirectTLS], "juliet")
			if err != nil {
				b.Error(err)
				return
			}
			c.Close()
		}
	})
}

// BenchmarkStanzas is a message from one client to the other by way of the
// handler: read, checked, and written to the peer.
func BenchmarkStanzas(b *testing.B) {
	b.ReportAllocs()
	h := start(b, server.Limits{QueueStanzas: 1 << 30, QueueBytes: 1 << 40})
	h.users.quiet = true
	from, cl := h.login(b, server.DirectTLS, "juliet", "r")
	to, peer := h.login(b, server.DirectTLS, "romeo", "r")
	cl.forward.Store(peer.conn)
	from.conn.SetDeadline(time.Time{})
	to.conn.SetDeadline(time.Time{})
	msg := []byte("<message to='romeo@irc.example.org' type='chat' id='m1'><body>Wherefore art thou?</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>")
	for range 4 {
		msg = append(msg, msg...)
	}
	b.ResetTimer()
	go func() {
		for i := 0; i < b.N; i += 16 {
			if _, err := from.conn.Write(msg); err != nil {
				b.Error(err)
				return
			}
		}
	}()
	for range b.N {
		if e := to.next(); e.Name != "message" {
			b.Fatal(e)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "stanzas/s")
}

// BenchmarkDelay is the way of one message between two clients.
func BenchmarkDelay(b *testing.B) {
	h := start(b, server.Limits{})
	h.users.quiet = true
	from, cl := h.login(b, server.DirectTLS, "juliet", "r")
	to, peer := h.login(b, server.DirectTLS, "romeo", "r")
	cl.forward.Store(peer.conn)
	from.conn.SetDeadline(time.Time{})
	to.conn.SetDeadline(time.Time{})
	for b.Loop() {
		from.write("<message to='romeo@irc.example.org' type='chat' id='m1'><body>Wherefore art thou?</body></message>")
		if e := to.next(); e.Name != "message" {
			b.Fatal(e)
		}
	}
}

// BenchmarkResume is a resumption, from a login that is done to the answer.
func BenchmarkResume(b *testing.B) {
	h := start(b, server.Limits{})
	h.users.quiet = true
	p, cl := h.login(b, server.DirectTLS, "juliet", "r")
	id := p.enable()
	var took time.Duration
	for b.Loop() {
		p.cut()
		<-cl.events
		p = h.secured(b, server.DirectTLS)
		p.auth("juliet")
		if err := cl.conn.Send(xmpp.NewMessage("", "a@b", "")); err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		p.write(resume(id, 0))
		p.want("<resumed")
		took += time.Since(began)
		<-cl.events
	}
	b.ReportMetric(float64(took.Microseconds())/1000/float64(b.N), "ms/resumption")
}
