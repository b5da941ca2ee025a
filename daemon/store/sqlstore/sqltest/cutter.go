// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"spectrum.im/spectrum2/daemon/store/dbtest"
)

// cutter stands between a program and a server, counts what the program asks
// for, and at one place does something before that goes on to the server.
type cutter struct {
	listen net.Listener
	to     string
	next   func(io.Reader) (message []byte, command bool, err error)
	// at is the number of the command, counted from 0; do is called once.
	at    int64
	do    func()
	count atomic.Int64
	// cut: nothing goes through any more.
	cut   atomic.Bool
	mu    sync.Mutex
	conns []net.Conn
	group sync.WaitGroup
}

func newCutter(t *testing.T, s *dbtest.Server, k Kind, at int, do func(*cutter)) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	c := &cutter{listen: l, to: fmt.Sprintf("127.0.0.1:%d", s.Port()), next: k.Command, at: int64(at)}
	c.do = func() { do(c) }
	c.group.Go(c.accept)
	t.Cleanup(c.end)
	return c
}

func (c *cutter) port() int { return c.listen.Addr().(*net.TCPAddr).Port }

func (c *cutter) accept() {
	for {
		from, err := c.listen.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", c.to)
		if err != nil || !c.keep(from, to) {
			_ = from.Close()
			continue
		}
		c.group.Go(func() { c.forth(from, to) })
		c.group.Go(func() { _, _ = io.Copy(from, to); _ = from.Close() })
	}
}

func (c *cutter) keep(conns ...net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut.Load() {
		for _, conn := range conns {
			_ = conn.Close()
		}
		return false
	}
	c.conns = append(c.conns, conns...)
	return true
}

// forth carries messages to the server, the first of a connection, which logs
// in, as bytes.
func (c *cutter) forth(from, to net.Conn) {
	defer to.Close()
	r := &first{Reader: from}
	for {
		message, command, err := c.next(r)
		if err != nil {
			return
		}
		r.began = true
		if command && c.count.Add(1)-1 == c.at {
			c.do()
		}
		if c.cut.Load() {
			return
		}
		if _, err := to.Write(message); err != nil {
			return
		}
	}
}

// end cuts all connections, and takes no more.
func (c *cutter) end() {
	c.mu.Lock()
	c.cut.Store(true)
	_ = c.listen.Close()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.mu.Unlock()
	c.group.Wait()
}

// stop is end for the cutter's own goroutines, which cannot wait for
// themselves.
func (c *cutter) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut.Store(true)
	_ = c.listen.Close()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

// first tells a connection's first message from the others.
type first struct {
	io.Reader
	began bool
}

// PostgreSQLCommand reads a message of a PostgreSQL client. Commands are simple
// queries, and what ends an extended one.
func PostgreSQLCommand(r io.Reader) (message []byte, command bool, err error) {
	head := make([]byte, 5)
	size := 1
	if !r.(*first).began {
		head, size = head[:4], 0
	}
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, false, err
	}
	body := make([]byte, binary.BigEndian.Uint32(head[size:])-4)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, false, err
	}
	return append(head, body...), size == 1 && (head[0] == 'Q' || head[0] == 'S'), nil
}

// MySQLCommand reads a packet of a MySQL client. One that begins a
// conversation is a command.
func MySQLCommand(r io.Reader) (message []byte, command bool, err error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, false, err
	}
	body := make([]byte, int(head[0])|int(head[1])<<8|int(head[2])<<16)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, false, err
	}
	return append(head, body...), head[3] == 0, nil
}
