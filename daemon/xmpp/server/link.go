// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// strangersRaw is how many bytes of the wire, TLS and HTTP included, a client
// may send before it has authenticated.
const strangersRaw = 64 << 10

var errTalksTooMuch = errors.New("too many bytes before authentication")

// link is one accepted connection, below TLS. The gate counts it from accept
// to Close.
type link struct {
	net.Conn
	gate  *gate
	addr  netip.AddrPort
	place place // the gate's

	read   atomic.Int64 // bytes from a stranger; negative once it has authenticated
	heard  atomic.Int64 // when the last byte came, in Unix nanoseconds
	busy   atomic.Bool  // nobody reads: what came before is being handled
	bound  atomic.Bool  // a session looks after its end
	closed atomic.Bool
	// reason why our side cut it; nil if it did not.
	reason atomic.Pointer[string]
}

func newLink(g *gate, c net.Conn, addr netip.AddrPort) *link {
	if tcp, ok := c.(*net.TCPConn); ok {
		// Silent clients are asked by the stream, seldom: TCP's own probes, every
		// 15 seconds, would keep phones awake. Where it fails they are awake.
		_ = tcp.SetKeepAlive(false)
	}
	l := &link{Conn: c, gate: g, addr: addr}
	l.heard.Store(time.Now().UnixNano())
	return l
}

func (l *link) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	if n > 0 {
		l.heard.Store(time.Now().UnixNano())
		if l.read.Load() >= 0 && l.read.Add(int64(n)) > strangersRaw {
			return 0, errTalksTooMuch
		}
	}
	return n, err
}

// silence is for how long nothing has come while somebody listened.
func (l *link) silence(now time.Time) time.Duration {
	if l.busy.Load() {
		return 0
	}
	return now.Sub(time.Unix(0, l.heard.Load()))
}

// trust lifts the bounds of a stranger.
func (l *link) trust() {
	l.read.Store(-1)
	l.gate.trust(l)
}

// cut closes the connection without a word, for the reason given first.
func (l *link) cut(reason string) {
	l.reason.CompareAndSwap(nil, &reason)
	l.Close()
}

// closeWrite closes our direction; one that has no directions altogether.
func (l *link) closeWrite() {
	half, ok := l.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		l.Close()
	}
}

func (l *link) why() string {
	if r := l.reason.Load(); r != nil {
		return *r
	}
	return ""
}

func (l *link) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	l.gate.leave(l)
	return l.Conn.Close()
}

// addrOf is the remote address; the zero one for a connection without.
func addrOf(c net.Conn) netip.AddrPort {
	a, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := a.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// neighbourhood is what counts as one address: an IPv4 address, or the network
// of 64 bits that one IPv6 customer has.
func neighbourhood(a netip.Addr) netip.Prefix {
	a = a.Unmap()
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{} // an address that is none: all of them are one
	}
	return p
}
