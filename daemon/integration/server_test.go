// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"bufio"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
)

const (
	secret    = "component-secret"
	transport = "irc.localhost"
)

// xmppServer is a server for one component (XEP-0114), as far as tests and the
// load driver need one: it hands every stanza to see and sends what it is told
// to. It can be stopped and started again at the same address.
type xmppServer struct {
	t    testing.TB
	addr string
	see  func(st *xmpp.Element)

	mu       sync.Mutex
	listener net.Listener
	conn     net.Conn
	out      *bufio.Writer
	up       chan struct{}
	refuse   bool
	// other takes what is sent while there is no link; nil: it is lost.
	other func(b []byte)
}

// newXMPPServer starts a server on a free port.
func newXMPPServer(t testing.TB, see func(*xmpp.Element)) *xmppServer {
	s := &xmppServer{t: t, see: see, addr: "127.0.0.1:0", up: make(chan struct{}, 100)}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *xmppServer) start() {
	s.t.Helper()
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	s.addr, s.listener = l.Addr().String(), l
	s.mu.Unlock()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
}

// stop closes the port and the link, as a server does that is killed.
func (s *xmppServer) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listener.Close()
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

func (s *xmppServer) serve(c net.Conn) {
	defer c.Close()
	s.mu.Lock()
	refuse := s.refuse
	s.mu.Unlock()
	d := xmpp.NewDecoder(c, xmpp.DefaultLimits)
	if _, err := d.ReadHeader(); err != nil {
		return
	}
	const id = "streamid"
	fmt.Fprintf(c, "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' id='%s' from='%s'>", id, transport)
	hs, err := d.Next()
	if err != nil {
		return
	}
	sum := sha1.Sum([]byte(id + secret))
	if refuse || hs.Text() != hex.EncodeToString(sum[:]) {
		fmt.Fprint(c, "<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>")
		return
	}
	s.mu.Lock()
	s.conn, s.out = c, bufio.NewWriterSize(c, 64<<10)
	s.mu.Unlock()
	fmt.Fprint(c, "<handshake/>")
	s.up <- struct{}{}
	s.read(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == c {
		s.conn = nil
	}
}

func (s *xmppServer) read(d *xmpp.Decoder) {
	for {
		st, err := d.Next()
		if err != nil {
			return
		}
		if !xmpp.IsStanza(st) {
			continue // the error of a stream that it is about to close
		}
		if to := st.Get("to"); st.Name == "iq" && (to == transport || to == st.Get("from")) {
			s.send(st) // the fence: the component pings itself
			continue
		}
		s.see(st)
	}
}

// awaitLink waits for the next link that was not waited for yet.
func (s *xmppServer) awaitLink() {
	s.t.Helper()
	select {
	case <-s.up:
	case <-time.After(limit):
		s.t.Fatal("the component does not connect")
	}
}

// send writes one stanza to the component.
func (s *xmppServer) send(st *xmpp.Element) { s.raw(xmpp.Append(nil, st, xmpp.NSComponent)) }

func (s *xmppServer) raw(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		if s.other != nil {
			s.other(b)
		}
		return
	}
	s.out.Write(b)
	s.out.Flush()
}

// refuseAll makes the server refuse every secret from now on.
func (s *xmppServer) refuseAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = true
}
