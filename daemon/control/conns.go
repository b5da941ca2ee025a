// SPDX-License-Identifier: GPL-2.0-or-later

package control

import (
	"context"
	"log/slog"
	"net"
	"sync"
)

// Limits on connections at the same time. Those of one user are counted apart,
// so that nobody can shut root out.
const (
	maxConnsPerUser = 16
	// maxRefused is how many more of one user's get a sentence; what is beyond
	// is closed without one.
	maxRefused = 16
)

// peerKey finds the caller in a request's context.
type peerKey struct{}

// caller is who is at the other end of a connection, and whether he may ask.
type caller struct {
	peer Peer
	// refused is the sentence for him, nil if he may.
	refused error
	busy    bool
}

// conns counts the open connections by user.
type conns struct {
	net.Listener
	allow func(Peer) error
	log   *slog.Logger

	mu   sync.Mutex
	open map[uint32]int
}

// Accept hands on only connections whose peer is known and not far beyond his
// limit.
func (l *conns) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if counted := l.count(c); counted != nil {
			return counted, nil
		}
		c.Close()
	}
}

// count returns the connection with its caller, or nil for one to close.
func (l *conns) count(c net.Conn) net.Conn {
	unixConn, ok := c.(*net.UnixConn)
	if !ok {
		l.log.Warn("control connection refused: no unix socket")
		return nil
	}
	peer, err := peerOf(unixConn)
	if err != nil {
		l.log.Warn("control connection refused: peer unknown", "err", err)
		return nil
	}
	l.mu.Lock()
	n := l.open[peer.UID] + 1
	if n <= maxConnsPerUser+maxRefused {
		l.open[peer.UID] = n
	}
	l.mu.Unlock()
	if n > maxConnsPerUser+maxRefused {
		l.log.Warn("control connection closed: too many of one user", "uid", peer.UID, "pid", peer.PID)
		return nil
	}
	return &countedConn{
		Conn:   c,
		caller: caller{peer: peer, refused: l.allow(peer), busy: n > maxConnsPerUser},
		done:   sync.OnceFunc(func() { l.release(peer.UID) }),
	}
}

func (l *conns) release(uid uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[uid]--; l.open[uid] <= 0 {
		delete(l.open, uid)
	}
}

// countedConn gives its place back when it is closed.
type countedConn struct {
	net.Conn
	caller caller
	done   func()
}

func (c *countedConn) Close() error {
	c.done()
	return c.Conn.Close()
}

// withCaller is the http.Server's ConnContext.
func withCaller(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, c.(*countedConn).caller)
}
