// SPDX-License-Identifier: GPL-2.0-or-later

package server_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/server"
)

// certificate is the server's, and its own root.
var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: domain}, DNSNames: []string{domain},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

func clientTLS() *tls.Config {
	c, err := x509.ParseCertificate(certificate().Certificate[0])
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(c)
	return &tls.Config{RootCAs: pool, ServerName: domain}
}

// logs is a log that a test can read.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// harness is a running server.
type harness struct {
	*server.Server
	users *users
	logs  *logs
	addrs map[server.Kind]string
}

func start(t testing.TB, limits server.Limits) *harness {
	h := &harness{users: newUsers(), logs: &logs{}, addrs: map[server.Kind]string{}}
	h.Server = newServer(h, limits)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 3)
	for _, kind := range []server.Kind{server.StartTLS, server.DirectTLS, server.WebSocket} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		h.addrs[kind] = ln.Addr().String()
		go func() { served <- h.Serve(ctx, ln, kind) }()
	}
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		h.Shutdown(ctx, xmpp.SystemShutdown, "")
		cancel()
		for range 3 {
			if err := <-served; err != nil {
				t.Errorf("serve: %v", err)
			}
		}
		if n := h.users.open.Load(); n != 0 {
			t.Errorf("%d accounts were neither bound nor closed", n)
		}
		if n := h.Conns(); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
		if t.Failed() {
			t.Log(h.logs)
		}
	})
	return h
}

func newServer(h *harness, limits server.Limits) *server.Server {
	return server.New(server.Options{
		Domain: domain, TLS: &tls.Config{Certificates: []tls.Certificate{certificate()}}, Handler: h.users, Limits: limits,
		Log: slog.New(slog.NewTextHandler(h.logs, nil)),
	})
}

// peer is a client's end of one connection.
type peer struct {
	t    testing.TB
	conn net.Conn
	dec  *xmpp.Decoder
}

func newPeer(t testing.TB, conn net.Conn) *peer {
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &peer{t: t, conn: conn, dec: xmpp.NewDecoder(conn, xmpp.Limits{Frugal: true})}
}

// dial connects, with TLS where the kind begins with it.
func (h *harness) dial(t testing.TB, kind server.Kind) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", h.addrs[kind])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	p := newPeer(t, conn)
	if kind == server.DirectTLS {
		p.secure("xmpp-client")
	}
	return p
}

func (p *peer) secure(protos ...string) {
	p.t.Helper()
	config := clientTLS()
	config.NextProtos = protos
	conn := tls.Client(p.conn, config)
	if err := conn.Handshake(); err != nil {
		p.t.Fatal(err)
	}
	p.conn, p.dec = conn, xmpp.NewDecoder(conn, xmpp.Limits{Frugal: true})
}

const opening = `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='` + domain + `'>`

func (p *peer) write(s string) {
	p.t.Helper()
	if _, err := p.conn.Write([]byte(s)); err != nil {
		p.t.Fatalf("write %.100q: %v", s, err)
	}
}

// next is the next child of the stream.
func (p *peer) next() *xmpp.Element {
	p.t.Helper()
	e, err := p.dec.Next()
	if err != nil {
		p.t.Fatalf("next: %v", err)
	}
	return e
}

// want reads the next child, which must contain all of parts as it is written.
// Requests for acknowledgement may come in between.
func (p *peer) want(parts ...string) *xmpp.Element {
	p.t.Helper()
	e := p.next()
	for e.Is("urn:xmpp:sm:3", "r") && parts[0] != "<r " {
		e = p.next()
	}
	for _, part := range parts {
		if !strings.Contains(e.String(), part) {
			p.t.Fatalf("got %v, want %s", e, part)
		}
	}
	return e
}

func (p *peer) wantEnd() {
	p.t.Helper()
	if e, err := p.dec.Next(); err == nil {
		p.t.Fatalf("got %v, want the end", e)
	}
}

// open opens a stream and returns the features.
func (p *peer) open() *xmpp.Element {
	p.t.Helper()
	p.write(opening)
	p.header()
	return p.next()
}

func (p *peer) header() *xmpp.Element {
	p.t.Helper()
	h, err := p.dec.ReadHeader()
	if err != nil {
		p.t.Fatalf("header: %v", err)
	}
	if h.Get("from") != domain || h.Get("version") != "1.0" || len(h.Get("id")) < 20 {
		p.t.Fatalf("header %v", h)
	}
	return h
}

func (p *peer) startTLS() {
	p.t.Helper()
	p.open()
	p.write("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	p.want("proceed")
	p.secure()
}

// secured brings a fresh connection to the features inside TLS.
func (h *harness) secured(t testing.TB, kind server.Kind) *peer {
	t.Helper()
	p := h.dial(t, kind)
	if kind == server.StartTLS {
		p.startTLS()
	}
	p.open()
	return p
}

func (p *peer) auth(node string) {
	p.t.Helper()
	p.write(authElement(node, password(node)))
	p.want("success")
	p.dec.Restart()
	p.open()
}

func authElement(node, password string) string {
	return "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + plain(node, password) + "</auth>"
}

func (p *peer) bind(resource string) string {
	p.t.Helper()
	p.write("<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>" + resource + "</resource></bind></iq>")
	return p.want("type='result'", "id='b1'").First().First().Text()
}

// login is a bound client with the connection that it has.
func (h *harness) login(t testing.TB, kind server.Kind, node, resource string) (*peer, *client) {
	t.Helper()
	p := h.secured(t, kind)
	p.auth(node)
	p.bind(resource)
	cl := <-h.users.clients
	if !h.users.quiet {
		p.want("welcome")
	}
	return p, cl
}

// enable turns stream management on and returns the session's id.
func (p *peer) enable() string {
	p.t.Helper()
	p.write("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
	return p.want("enabled").Get("id")
}
