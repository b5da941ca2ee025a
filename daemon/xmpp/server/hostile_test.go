// SPDX-License-Identifier: GPL-2.0-or-later

package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/server"
)

// from dials from one address of the loopback network.
func (h *harness) from(t *testing.T, ip string, kind server.Kind) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	c, err := d.Dial("tcp", h.addrs[kind])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestTenThousandHalfOpenConnectionsHarmNobody(t *testing.T) {
	h := start(t, server.Limits{HalfOpen: 500, PerAddress: 200})
	p, cl := h.login(t, server.DirectTLS, "juliet", "balcony")
	kinds := []server.Kind{server.StartTLS, server.DirectTLS, server.WebSocket}
	for i := range 10000 {
		// Half of them from one address, the rest from a hundred.
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(max(0, i-4900)%100))}}
		c, err := d.Dial("tcp", h.addrs[kinds[i%3]])
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			// One that was refused already cannot be written to.
			_, _ = c.Write([]byte(opening[:40]))
		}
		defer c.Close()
	}
	cl.send(t, "still here")
	p.wantBodies("still here")
	other, _ := h.login(t, server.StartTLS, "romeo", "orchard")
	other.write("</stream:stream>")
	if n := h.HalfOpen(); n > 500 {
		t.Errorf("%d half-open connections", n)
	}
	h.wantLog(t, "connection refused", "from this address", "127.0.1.")
	h.wantLog(t, "too many connections that do not log in")
}

func TestOneAddressMayHaveSoManyConnections(t *testing.T) {
	h := start(t, server.Limits{PerAddress: 3, HalfOpenPerAddress: 2})
	first := h.from(t, "127.0.2.1", server.StartTLS)
	second := newPeer(t, h.from(t, "127.0.2.1", server.StartTLS))
	second.open()
	refused := func(ip string) bool {
		c := h.from(t, ip, server.StartTLS)
		c.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Write([]byte(opening)); err != nil {
			return true
		}
		n, _ := c.Read(make([]byte, 10))
		return n == 0
	}
	if !refused("127.0.2.1") {
		t.Error("a third half-open connection")
	}
	if refused("127.0.2.2") {
		t.Error("another address suffers")
	}
	first.Close()
	second.write("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	second.want("proceed")
	second.secure()
	second.open()
	second.auth("juliet") // no stranger any more
	h.wantHalfOpen(t, 0, "127.0.2.1")
	if refused("127.0.2.1") {
		t.Error("a logged in client counts as half-open")
	}
}

// wantHalfOpen waits until the server has noticed what was closed.
func (h *harness) wantHalfOpen(t *testing.T, n int, ip string) {
	t.Helper()
	for range 5000 {
		if h.HalfOpenFrom(netip.MustParseAddr(ip)) == n {
			return
		}
		<-time.After(time.Millisecond)
	}
	t.Errorf("%d half-open connections from %s", h.HalfOpenFrom(netip.MustParseAddr(ip)), ip)
}

func TestSessionsAreBounded(t *testing.T) {
	h := start(t, server.Limits{Sessions: 1})
	_, _ = h.login(t, server.DirectTLS, "juliet", "balcony")
	p := h.again(t, "romeo")
	p.write(bindOne)
	p.want("type='error'", "<resource-constraint")
	h.SetLimits(server.Limits{Sessions: 2})
	p.bind("x")
}

func TestAClientThatDoesNotReadIsCutOff(t *testing.T) {
	h := start(t, server.Limits{Write: 200 * time.Millisecond, QueueBytes: 64 << 20})
	p, cl := h.login(t, server.DirectTLS, "juliet", "balcony")
	other, cl2 := h.login(t, server.DirectTLS, "romeo", "orchard")
	for range 100 {
		cl.send(t, strings.Repeat("x", 200<<10))
	}
	cl2.send(t, "hi")
	other.wantBodies("hi")
	rest := <-cl.ended
	if len(rest) == 0 || len(rest) == 100 {
		t.Errorf("%d of 100 unsent", len(rest))
	}
	h.wantLog(t, "client does not read", p.conn.LocalAddr().String())
}

func TestAQueueIsBounded(t *testing.T) {
	h := start(t, server.Limits{QueueBytes: 1 << 20})
	p, cl := h.login(t, server.DirectTLS, "juliet", "balcony")
	p.enable()
	for cl.conn.Send(message(strings.Repeat("x", 10<<10))) == nil {
	}
	if rest := <-cl.ended; len(rest) < 50 || len(rest) > 150 {
		t.Errorf("%d unsent", len(rest))
	}
	h.wantLog(t, "client does not read or acknowledge", p.conn.LocalAddr().String())
}

func TestADetachedQueueIsBounded(t *testing.T) {
	h := start(t, server.Limits{QueueStanzas: 100})
	p, cl := h.login(t, server.DirectTLS, "juliet", "balcony")
	p.enable()
	p.cut()
	cl.wantEvent(t, "detached")
	for cl.conn.Send(message("x")) == nil {
	}
	if rest := <-cl.ended; len(rest) != 101 {
		t.Errorf("%d unsent", len(rest))
	}
}

func TestRenegotiationEndsThatConnectionOnly(t *testing.T) {
	if out, err := exec.Command("../../../packaging/need", "openssl").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	h := start(t, server.Limits{})
	p, cl := h.login(t, server.DirectTLS, "juliet", "balcony")
	cmd := exec.Command("openssl", "s_client", "-connect", h.addrs[server.DirectTLS], "-tls1_2", "-alpn", "xmpp-client")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, opening+"\n"); err != nil {
		t.Fatal(err)
	}
	if err := readPast(out, "</stream:features>"); err != nil {
		t.Fatal(err)
	}
	// A command of openssl's, alone in what it reads.
	if _, err := io.WriteString(in, "R\n"); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(string(rest)+stderr.String(), "RENEGOTIATING") {
		t.Errorf("%v: %s%s", err, rest, stderr.String())
	}
	h.wantLog(t, "stream refused", "tls")
	cl.send(t, "still here")
	p.wantBodies("still here")
}

func TestOldTLSIsRefused(t *testing.T) {
	h := start(t, server.Limits{})
	config := clientTLS()
	config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if c, err := tls.Dial("tcp", h.addrs[server.DirectTLS], config); err == nil {
		c.Close()
		t.Error("TLS 1.1 was accepted")
	}
	config = clientTLS()
	config.NextProtos = []string{"http/1.1"}
	if c, err := tls.Dial("tcp", h.addrs[server.DirectTLS], config); err == nil {
		c.Close()
		t.Error("another protocol was accepted")
	}
}

func TestALoginEndsWithItsConnection(t *testing.T) {
	h := start(t, server.Limits{})
	p := h.secured(t, server.DirectTLS)
	p.write(authElement("slow", "x"))
	p.cut()
	h.wantLog(t, "stream refused", p.conn.LocalAddr().String())
}

func TestALoginIsBounded(t *testing.T) {
	h := start(t, server.Limits{Login: 20 * time.Millisecond})
	p := h.secured(t, server.DirectTLS)
	p.write(authElement("slow", "x"))
	p.want("<failure", "<temporary-auth-failure")
	p.auth("juliet")
}

func TestWrongPasswordsSlowOnlyTheirAddressDown(t *testing.T) {
	h := start(t, server.Limits{})
	try := func(ip, node string) *xmpp.Element {
		c := tls.Client(h.from(t, ip, server.DirectTLS), clientTLS())
		p := newPeer(t, c)
		p.open()
		p.write(authElement(node, "teiluj"))
		e := p.next()
		c.Close()
		return e
	}
	// Each attempt is a connection of its own.
	for range 4 {
		if e := try("127.0.3.1", "romeo"); e.Child("urn:ietf:params:xml:ns:xmpp-sasl", "not-authorized") == nil {
			t.Fatalf("%v", e)
		}
	}
	began := time.Now()
	if e := try("127.0.3.2", "juliet"); e.Name != "success" || time.Since(began) > 500*time.Millisecond {
		t.Errorf("another address: %v after %v", e, time.Since(began))
	}
	began = time.Now()
	if e := try("127.0.3.1", "juliet"); e.Name != "success" || time.Since(began) < 500*time.Millisecond {
		t.Errorf("the same address: %v after %v", e, time.Since(began))
	}
}

func TestShutdownEndsEveryStreamInOrder(t *testing.T) {
	h := start(t, server.Limits{Close: 500 * time.Millisecond})
	stranger := h.dial(t, server.StartTLS)
	stranger.open()
	half := h.again(t, "half")
	p, cl := h.login(t, server.DirectTLS, "juliet", "balcony")
	deaf, deafClient := h.login(t, server.DirectTLS, "deaf", "x")
	detached, detachedClient := h.login(t, server.DirectTLS, "romeo", "x")
	detached.enable()
	detached.cut()
	detachedClient.wantEvent(t, "detached")
	detachedClient.send(t, "kept")
	for range 50 {
		deafClient.send(t, strings.Repeat("x", 100<<10))
	}
	cl.send(t, "last")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	began := time.Now()
	done := make(chan struct{})
	go func() {
		h.Shutdown(ctx, xmpp.SystemShutdown, "see you")
		close(done)
	}()
	p.wantBodies("last")
	p.want("<system-shutdown", "see you")
	p.wantEnd()
	stranger.want("<system-shutdown")
	half.want("<system-shutdown")
	<-done
	if d := time.Since(began); d > 4*time.Second {
		t.Errorf("shutdown took %v", d)
	}
	if rest := bodies(<-detachedClient.ended); rest != "kept" {
		t.Errorf("unsent %q", rest)
	}
	if rest := <-cl.ended; len(rest) != 0 {
		t.Errorf("%d unsent", len(rest))
	}
	if rest := <-deafClient.ended; len(rest) == 0 {
		t.Error("a client that did not read got everything")
	}
	deaf.conn.Close()
}

// TestClosedFromOutside: what an administrator or a second client does.
func TestCloseWritesWhatIsQueuedAndTheReason(t *testing.T) {
	h := start(t, server.Limits{})
	p, cl := h.login(t, server.DirectTLS, "juliet", "balcony")
	id := p.enable()
	cl.send(t, "1")
	cl.conn.Close(xmpp.ConflictStream, "replaced")
	p.wantBodies("1")
	for e := p.next(); ; e = p.next() {
		if e.Is("urn:xmpp:sm:3", "r") {
			continue
		}
		if se := xmpp.StreamErrorOf(e); se == nil || se.Condition != xmpp.ConflictStream || se.Text != "replaced" {
			t.Errorf("%v", e)
		}
		break
	}
	p.wantEnd()
	p.conn.Close()
	if rest := bodies(<-cl.ended); rest != "1" {
		t.Errorf("unsent %q", rest)
	}
	p = h.again(t, "juliet")
	p.write(resume(id, 1))
	p.want("<failed")
}

// piped serves a client over a pipe in a bubble where time is fake.
func piped(t *testing.T, limits server.Limits) (*harness, *peer, func()) {
	h := &harness{users: newUsers(), logs: &logs{}}
	h.Server = newServer(h, limits)
	ours, theirs := net.Pipe()
	go h.ServeSecured(t.Context(), theirs)
	p := &peer{t: t, conn: ours, dec: xmpp.NewDecoder(ours, xmpp.Limits{})}
	return h, p, func() {
		ours.Close()
		h.Shutdown(t.Context(), xmpp.SystemShutdown, "")
	}
}

func TestNegotiationHasADeadlineHoweverSlowlyTheClientSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p, stop := piped(t, server.Limits{Negotiate: 30 * time.Second})
		defer stop()
		began := time.Now()
		got := make(chan string)
		go func() {
			b, _ := io.ReadAll(p.conn)
			got <- string(b)
		}()
		for i := 0; ; i++ {
			if _, err := p.conn.Write([]byte(opening[i%len(opening) : i%len(opening)+1])); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if d := time.Since(began); d > 40*time.Second {
			t.Errorf("cut off after %v", d)
		}
		if s := <-got; !strings.Contains(s, "<connection-timeout") {
			t.Errorf("%s", s)
		}
	})
}

// boundPipe brings a piped client to its session.
func (p *peer) boundPipe(h *harness) *client {
	p.open()
	p.auth("juliet")
	p.bind("x")
	p.want("welcome")
	return <-h.users.clients
}

func TestASilentClientIsAskedAndCutOff(t *testing.T) {
	limits := server.Limits{Idle: 4 * time.Minute, Answer: time.Minute, Write: 10 * time.Second}
	for _, managed := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			h, p, stop := piped(t, limits)
			defer stop()
			cl := p.boundPipe(h)
			question, patience := "ping", 8*time.Minute
			if managed {
				p.enable()
				question, patience = "<r ", 4*time.Minute
			}
			for range 3 {
				began := time.Now()
				e := p.want(question)
				if d := time.Since(began); d < patience-time.Second || d > patience+time.Second {
					t.Errorf("asked after %v", d)
				}
				if managed {
					p.write("<a xmlns='urn:xmpp:sm:3' h='0'/>")
				} else {
					p.write("<iq type='result' id='" + e.Get("id") + "'/>")
				}
			}
			p.want(question)
			began := time.Now()
			p.wantEnd()
			if d := time.Since(began); d < 59*time.Second || d > 61*time.Second {
				t.Errorf("cut off after %v", d)
			}
			if managed {
				cl.wantEvent(t, "detached")
			} else {
				<-cl.ended
			}
			if n := len(cl.stanzas); n != 0 {
				t.Errorf("%d answers reached the client's side", n)
			}
		})
	}
}

func TestSpacesKeepASessionAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p, stop := piped(t, server.Limits{Idle: 4 * time.Minute, Answer: time.Minute})
		defer stop()
		cl := p.boundPipe(h)
		for range 100 {
			time.Sleep(3 * time.Minute)
			p.write(" ")
		}
		// Ours come when the client is silent.
		buf := make([]byte, 10)
		began := time.Now()
		if n, err := p.conn.Read(buf); err != nil || string(buf[:n]) != " " {
			t.Errorf("%q, %v", buf[:n], err)
		}
		if d := time.Since(began); d < 3*time.Minute || d > 5*time.Minute {
			t.Errorf("a space after %v", d)
		}
		select {
		case <-cl.ended:
			t.Error("ended")
		default:
		}
	})
}

// TestAMessageAtAByteASecond: slow is not dead, and costs only the slow one.
func TestAMessageAtAByteASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p, stop := piped(t, server.Limits{})
		defer stop()
		cl := p.boundPipe(h)
		for _, b := range []byte(hello) {
			time.Sleep(time.Second)
			p.write(string(b))
		}
		if st := <-cl.stanzas; xmpp.Body(st) != "SECRET" {
			t.Errorf("%v", st)
		}
	})
}

// TestManyLoginsAtOnce: none of them fails.
func TestManyLoginsAtOnce(t *testing.T) {
	h := start(t, server.Limits{})
	h.users.quiet = true
	const n = 300
	errs := make(chan error, n)
	for i := range n {
		go func() {
			c, err := quickLogin(h.addrs[server.DirectTLS], fmt.Sprintf("user%d", i))
			if err == nil {
				defer c.Close()
			}
			errs <- err
		}()
	}
	for range n {
		if err := <-errs; err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}
}

// TestABusyServerDoesNotTakeItsClientForDead: while a stanza is handled nobody
// reads what the client answers.
func TestABusyServerDoesNotTakeItsClientForDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p, stop := piped(t, server.Limits{Idle: 4 * time.Minute, Answer: time.Minute})
		defer stop()
		cl := p.boundPipe(h)
		cl.block = make(chan struct{})
		p.write("<message to='x@y'><body>slowly</body></message>")
		time.Sleep(time.Hour)
		close(cl.block)
		if st := <-cl.stanzas; xmpp.Body(st) != "slowly" {
			t.Errorf("%v", st)
		}
		p.write("<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>")
		p.want("type='result'", "id='s'")
	})
}
