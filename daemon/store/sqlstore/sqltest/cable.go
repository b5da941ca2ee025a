// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/store/dbtest"
)

// cable is what stands between one node and the server. It can be pulled out:
// then nothing arrives any more, and nobody is told. It can be long: then
// everything takes its time.
type cable struct {
	listen net.Listener
	to     string
	done   chan struct{}
	group  sync.WaitGroup

	mu    sync.Mutex
	plug  chan struct{} // closed while it is in
	delay time.Duration
	conns []net.Conn
}

func newCable(t *testing.T, s *dbtest.Server) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	c := &cable{listen: l, to: fmt.Sprintf("127.0.0.1:%d", s.Port()), done: make(chan struct{}), plug: make(chan struct{})}
	close(c.plug)
	c.group.Go(c.accept)
	t.Cleanup(c.end)
	return c
}

func (c *cable) port() int { return c.listen.Addr().(*net.TCPAddr).Port }

func (c *cable) pull() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.plug = make(chan struct{})
}

func (c *cable) push() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.plug)
}

// lengthen makes everything that is sent to the server take so long.
func (c *cable) lengthen(delay time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.delay = delay
}

func (c *cable) accept() {
	for {
		from, err := c.listen.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", c.to)
		if err != nil {
			_ = from.Close()
			continue
		}
		c.mu.Lock()
		c.conns = append(c.conns, from, to)
		c.mu.Unlock()
		c.group.Go(func() { c.carry(from, to, true) })
		c.group.Go(func() { c.carry(to, from, false) })
	}
}

func (c *cable) carry(from, to net.Conn, forth bool) {
	defer from.Close()
	defer to.Close()
	b := make([]byte, 1<<16)
	for {
		n, err := from.Read(b)
		if n > 0 && c.wait(forth) {
			_, _ = to.Write(b[:n]) // the other direction notices
		}
		if err != nil {
			return
		}
	}
}

// wait reports whether the cable still is there afterwards.
func (c *cable) wait(forth bool) bool {
	c.mu.Lock()
	delay := c.delay
	c.mu.Unlock()
	if delay > 0 && forth {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.done:
			return false
		}
	}
	for {
		c.mu.Lock()
		plug := c.plug
		c.mu.Unlock()
		select {
		case <-plug:
			return true
		case <-c.done:
			return false
		}
	}
}

func (c *cable) end() {
	close(c.done)
	_ = c.listen.Close()
	c.mu.Lock()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.mu.Unlock()
	c.group.Wait()
}
