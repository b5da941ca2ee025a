// SPDX-License-Identifier: GPL-2.0-or-later

package dbtest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Proxy stands between clients and a server, and can make the server slow. It
// reads the servers' protocols, so that it is the requests that take longer,
// one by one on each connection, and not the bytes. TLS goes around it.
type Proxy struct {
	listener net.Listener
	server   string
	frames   func(*proxied) error

	mu    sync.Mutex
	delay time.Duration
	// turn is closed and replaced when delay changes.
	turn  chan struct{}
	held  int
	seen  int
	conns map[net.Conn]bool
	wg    sync.WaitGroup
}

// proxied is one connection's way to the server.
type proxied struct {
	*Proxy
	in   *bufio.Reader
	out  *bufio.Writer
	gone chan struct{}
}

// Proxy makes one that ends with the test.
func (s *Server) Proxy(t testing.TB) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{
		listener: l, server: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port())), frames: s.kind.frames,
		turn: make(chan struct{}), conns: map[net.Conn]bool{},
	}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.Cut()
		p.wg.Wait()
	})
	return p
}

// Port is on 127.0.0.1.
func (p *Proxy) Port() int { return p.listener.Addr().(*net.TCPAddr).Port }

// Delay makes every request take so much longer from now on; those that are
// held already go on when it gets less.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
	close(p.turn)
	p.turn = make(chan struct{})
}

// Held is how many requests are held just now, Seen how many were since New.
func (p *Proxy) Held() int { p.mu.Lock(); defer p.mu.Unlock(); return p.held }

// Seen counts the requests that came.
func (p *Proxy) Seen() int { p.mu.Lock(); defer p.mu.Unlock(); return p.seen }

// Cut breaks all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.serve(c) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	p.note(client, server)
	defer p.forget(client, server)
	c := &proxied{Proxy: p, in: bufio.NewReader(client), out: bufio.NewWriter(server), gone: make(chan struct{})}
	var answers sync.WaitGroup
	answers.Go(func() {
		defer close(c.gone)
		defer client.Close()
		_, _ = io.Copy(client, server) // its end is the connection's
	})
	_ = c.frames(c) // so is this one's
	_ = server.Close()
	answers.Wait()
}

func (p *Proxy) note(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = true
	}
}

func (p *Proxy) forget(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
	}
}

// hold lets one request wait.
func (c *proxied) hold() {
	begin := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen++
	c.held++
	for left := c.delay; left > 0; left = c.delay - time.Since(begin) {
		turn := c.turn
		c.mu.Unlock()
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-turn:
		case <-c.gone:
			timer.Stop()
			c.mu.Lock()
			c.held--
			return
		}
		timer.Stop()
		c.mu.Lock()
	}
	c.held--
}

var errTooLong = errors.New("frame too long")

// pass hands on what was read and n bytes more.
func (c *proxied) pass(head []byte, n int) error {
	if n < 0 || n > 1<<28 {
		return errTooLong
	}
	if _, err := c.out.Write(head); err != nil {
		return err
	}
	if _, err := io.CopyN(c.out, c.in, int64(n)); err != nil {
		return err
	}
	if c.in.Buffered() > 0 {
		return nil
	}
	return c.out.Flush()
}

// postgresFrames is PostgreSQL's protocol 3: a request ends with Query or Sync.
func postgresFrames(c *proxied) error {
	const startup = 196608
	for begun := false; !begun; { // a question for TLS may stand before the startup
		head := make([]byte, 8)
		if _, err := io.ReadFull(c.in, head); err != nil {
			return err
		}
		begun = binary.BigEndian.Uint32(head[4:]) == startup
		if err := c.pass(head, int(binary.BigEndian.Uint32(head))-8); err != nil {
			return err
		}
	}
	for head := make([]byte, 5); ; {
		if _, err := io.ReadFull(c.in, head); err != nil {
			return err
		}
		if head[0] == 'Q' || head[0] == 'S' {
			c.hold()
		}
		if err := c.pass(head, int(binary.BigEndian.Uint32(head[1:]))-4); err != nil {
			return err
		}
	}
}

// mysqlFrames is MySQL's: a request is a packet with the number 0.
func mysqlFrames(c *proxied) error {
	const quit, closeStatement = 1, 25 // which nobody answers
	for head := make([]byte, 4); ; {
		if _, err := io.ReadFull(c.in, head); err != nil {
			return err
		}
		n := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
		if command, err := c.in.Peek(1); head[3] == 0 && n > 0 && err == nil && command[0] != quit && command[0] != closeStatement {
			c.hold()
		}
		if err := c.pass(head, n); err != nil {
			return err
		}
	}
}
