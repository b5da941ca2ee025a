// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// turns stands between clients and a server on this machine and counts round
// trips: how often a client spoke after the server had.
type turns struct {
	listener net.Listener
	server   string
	n        atomic.Int64
}

func newTurns(t testing.TB, port int) *turns {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &turns{listener: l, server: fmt.Sprintf("127.0.0.1:%d", port)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	t.Cleanup(func() { l.Close() })
	return p
}

func (p *turns) port() int { return p.listener.Addr().(*net.TCPAddr).Port }

// count is 0 where there is no server.
func (p *turns) count() int {
	if p == nil {
		return 0
	}
	return int(p.n.Load())
}

func (p *turns) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	var spoke atomic.Bool // the server, last
	spoke.Store(true)
	go func() {
		defer client.Close()
		relay(client, server, func() { spoke.Store(true) })
	}()
	relay(server, client, func() {
		if spoke.Swap(false) {
			p.n.Add(1)
		}
	})
}

// relay calls passing before each piece that it hands on.
func relay(to io.Writer, from io.Reader, passing func()) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			passing()
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
