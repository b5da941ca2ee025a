// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/muc"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
)

const (
	nsStream = "http://etherx.jabber.org/streams"
	nsTLS    = "urn:ietf:params:xml:ns:xmpp-tls"
	nsSASL   = "urn:ietf:params:xml:ns:xmpp-sasl"
	nsBind   = "urn:ietf:params:xml:ns:xmpp-bind"
	nsSM     = "urn:xmpp:sm:3"
)

// freePort is a port that nobody listens on just now.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// host is an instance in server mode.
type host struct {
	*process
	addr string
	// from is the address that clients come from, nil for the usual one.
	from net.IP
}

// startServer runs an instance in server mode; more are lines of [service],
// then of further sections.
func startServer(t testing.TB, backend, more, sections string) *host {
	t.Helper()
	dir, port := t.TempDir(), freePort(t)
	p := startFile(t, dir, fmt.Sprintf(`[service]
jid = %s
server_mode = 1
server = 127.0.0.1
port = %d
backend = %s
working_dir = %s/state
pidfile =
%s
[logging]
file =
%s
`, transport, port, backend, dir, more, strings.ReplaceAll(sections, "$dir", dir)))
	p.expectLog("ready")
	return &host{process: p, addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
}

// kept is the section of an instance that keeps things.
const kept = "[database]\ntype = sqlite3\ndatabase = $dir/state/database.sql\n"

// client is one client of an instance in server mode.
type client struct {
	t    testing.TB
	host *host
	user string // localpart
	full string // JID, once bound
	conn net.Conn
	dec  *xmpp.Decoder

	mu      sync.Mutex
	seen    []*xmpp.Element
	grown   chan struct{}
	read    sync.WaitGroup
	handled uint32 // stanzas that came, for stream management
	resume  string // the id to resume with
	ended   bool
}

// connect opens a connection up to TLS.
func (h *host) connect(t testing.TB, user string) *client {
	t.Helper()
	c := &client{t: t, host: h, user: user, grown: make(chan struct{})}
	var err error
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: h.from}}
	if c.conn, err = d.Dial("tcp", h.addr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.cut() })
	c.open()
	c.write(fmt.Sprintf("<starttls xmlns='%s'/>", nsTLS))
	if e := c.next(); e.Name != "proceed" {
		t.Fatalf("starttls: %s", e)
	}
	c.conn = tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true, ServerName: transport})
	c.open()
	return c
}

// open opens a stream and returns its features.
func (c *client) open() *xmpp.Element {
	c.t.Helper()
	c.write(fmt.Sprintf("<stream:stream to='%s' version='1.0' xmlns='jabber:client' xmlns:stream='%s'>", transport, nsStream))
	c.dec = xmpp.NewDecoder(c.conn, xmpp.Limits{})
	if _, err := c.dec.ReadHeader(); err != nil {
		c.t.Fatalf("stream header: %v", err)
	}
	return c.next()
}

func (c *client) write(text string) {
	c.t.Helper()
	if _, err := c.conn.Write([]byte(text)); err != nil {
		c.t.Logf("write: %v", err)
	}
}

// next reads one element during the negotiation.
func (c *client) next() *xmpp.Element {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(limit))
	e, err := c.dec.Next()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return e
}

// authenticate shows a password and returns the answer.
func (c *client) authenticate(password string) *xmpp.Element {
	c.t.Helper()
	secret := base64.StdEncoding.EncodeToString([]byte("\x00" + c.user + "\x00" + password))
	c.write(fmt.Sprintf("<auth xmlns='%s' mechanism='PLAIN'>%s</auth>", nsSASL, secret))
	return c.next()
}

// login is a client that is bound, with stream management where manage is set.
func (h *host) login(t testing.TB, user, password, resource string, manage bool) *client {
	t.Helper()
	c := h.connect(t, user)
	if e := c.authenticate(password); e.Name != "success" {
		t.Fatalf("login of %s: %s\n%s", user, e, h.log())
	}
	c.open()
	c.write(fmt.Sprintf("<iq type='set' id='bind'><bind xmlns='%s'><resource>%s</resource></bind></iq>", nsBind, resource))
	e := c.next()
	bind := e.Child(nsBind, "bind")
	if bind == nil {
		t.Fatalf("bind: %s", e)
	}
	c.full = bind.ChildText(nsBind, "jid")
	if manage {
		c.write(fmt.Sprintf("<enable xmlns='%s' resume='true'/>", nsSM))
		if e := c.next(); e.Name != "enabled" {
			t.Fatalf("enable: %s", e)
		} else {
			c.resume = e.Get("id")
		}
	}
	c.start()
	return c
}

// refused is a login that the server must refuse; it returns the condition and
// the text.
func (h *host) refused(t testing.TB, user, password string) (condition, text string) {
	t.Helper()
	e := h.connect(t, user).authenticate(password)
	if e.Name != "failure" {
		t.Fatalf("login of %s with a wrong password: %s", user, e)
	}
	return e.First().Name, e.ChildText(nsSASL, "text")
}

// start reads in the background from now on.
func (c *client) start() {
	c.conn.SetReadDeadline(time.Time{})
	conn, dec := c.conn, c.dec
	c.read.Go(func() {
		for {
			e, err := dec.Next()
			if err != nil {
				c.take(nil)
				conn.Close()
				return
			}
			if e.Space == nsSM && e.Name == "r" {
				c.mu.Lock()
				h := c.handled
				c.mu.Unlock()
				fmt.Fprintf(conn, "<a xmlns='%s' h='%d'/>", nsSM, h)
				continue
			}
			c.take(e)
		}
	})
}

// take notes what came; nil is the end.
func (c *client) take(e *xmpp.Element) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e == nil {
		c.ended = true
	} else {
		c.seen = append(c.seen, e)
		if e.Name == "message" || e.Name == "presence" || e.Name == "iq" {
			c.handled++
		}
	}
	close(c.grown)
	c.grown = make(chan struct{})
}

// cut ends the connection without a word.
func (c *client) cut() {
	c.conn.Close()
	c.read.Wait()
}

// resumed takes the session up again on a new connection.
func (c *client) resumed(password string) {
	c.t.Helper()
	fresh := c.host.connect(c.t, c.user)
	if e := fresh.authenticate(password); e.Name != "success" {
		c.t.Fatalf("login to resume: %s", e)
	}
	fresh.open()
	c.mu.Lock()
	h := c.handled
	c.mu.Unlock()
	fresh.write(fmt.Sprintf("<resume xmlns='%s' previd='%s' h='%d'/>", nsSM, c.resume, h))
	if e := fresh.next(); e.Name != "resumed" {
		c.t.Fatalf("resume: %s", e)
	}
	c.conn, c.dec = fresh.conn, fresh.dec
	c.start()
}

func (c *client) mark() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.seen)
}

// expect waits for an element after mark that match takes.
func (c *client) expect(mark int, what string, match func(*xmpp.Element) bool) *xmpp.Element {
	c.t.Helper()
	end := time.After(limit)
	for {
		c.mu.Lock()
		seen, grown := c.seen, c.grown
		c.mu.Unlock()
		for _, st := range seen[mark:] {
			if match(st) {
				return st
			}
		}
		mark = len(seen)
		select {
		case <-grown:
		case <-end:
			var all strings.Builder
			for _, st := range seen {
				all.WriteString(st.String() + "\n")
			}
			c.t.Fatalf("%s does not get %s; what came:\n%s\n%s", c.full, what, &all, c.host.log())
		}
	}
}

func (c *client) send(st *xmpp.Element) { c.write(st.String()) }

// request sends an IQ and returns its answer; to may be "".
func (c *client) request(typ, to string, payload *xmpp.Element) *xmpp.Element {
	c.t.Helper()
	iq := xmpp.NewIQ(typ, "", to, "")
	id, mark := iq.Get("id"), c.mark()
	c.send(iq.Add(payload))
	return c.expect(mark, "an answer to "+payload.Name, func(st *xmpp.Element) bool {
		return st.Name == "iq" && st.Get("id") == id && st.Get("type") != "set" && st.Get("type") != "get"
	})
}

// contact is the roster's item of a contact, asked for or pushed: the network's
// list may come a moment after the login.
func (c *client) contact(jid string) (item *xmpp.Element) {
	c.t.Helper()
	mark := c.mark()
	c.request("get", "", xmpp.New(rosteritem.NS, "query"))
	c.expect(mark, jid+" in the roster", func(st *xmpp.Element) bool {
		for i := range st.Child(rosteritem.NS, "query").Children() {
			if i.Get("jid") == jid {
				item = i
				return true
			}
		}
		return false
	})
	return item
}

// comeOnline sends presence and waits for the transport's.
func (c *client) comeOnline() {
	c.t.Helper()
	mark := c.mark()
	c.send(xmpp.NewPresence("", "", ""))
	c.expect(mark, "the transport online", func(st *xmpp.Element) bool {
		return st.Name == "presence" && st.Get("from") == transport && st.Get("type") == "" && st.Child(xmpp.NSClient, "show") == nil
	})
}

func (c *client) say(to, typ, text string) *xmpp.Element {
	m := xmpp.NewMessage(typ, "", to).Add(xmpp.NewText(xmpp.NSClient, "body", text))
	c.send(m)
	return m
}

func (c *client) hears(mark int, from, text string) *xmpp.Element {
	c.t.Helper()
	return c.expect(mark, fmt.Sprintf("%q from %s", text, from), func(st *xmpp.Element) bool {
		j, err := xmpp.ParseJID(st.Get("from"))
		return err == nil && st.Name == "message" && j.Bare().String() == from && xmpp.Body(st) == text
	})
}

// count is how many messages with this text came.
func (c *client) count(text string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, st := range c.seen {
		if st.Name == "message" && xmpp.Body(st) == text {
			n++
		}
	}
	return n
}

func (c *client) join(room, nick string) {
	c.t.Helper()
	mark := c.mark()
	c.send(xmpp.NewPresence("", "", fmt.Sprintf("%s@%s/%s", room, transport, nick)).Add(xmpp.New(muc.NS, "x")))
	c.expect(mark, "the subject of "+room, func(st *xmpp.Element) bool {
		return st.Name == "message" && st.Get("type") == "groupchat" && st.Child(xmpp.NSClient, "subject") != nil
	})
}

// ends waits for the end of the stream, and returns the stream error's
// condition.
func (c *client) ends() string {
	c.t.Helper()
	end := time.After(limit)
	for {
		c.mu.Lock()
		ended, seen, grown := c.ended, c.seen, c.grown
		c.mu.Unlock()
		if ended {
			if n := len(seen); n > 0 && seen[n-1].Space == nsStream && seen[n-1].Name == "error" {
				return seen[n-1].First().Name
			}
			return ""
		}
		select {
		case <-grown:
		case <-end:
			c.t.Fatalf("the stream of %s does not end", c.full)
		}
	}
}
