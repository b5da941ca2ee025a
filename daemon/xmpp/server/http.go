// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// serveHTTP accepts clients that come by WebSocket: at / and /xmpp-websocket.
func (s *Server) serveHTTP(ctx context.Context, ln net.Listener) error {
	limits := s.limits.Load()
	mux := http.NewServeMux()
	upgrade := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.upgrade(ctx, w, r) })
	mux.Handle("/{$}", upgrade)
	mux.Handle("/xmpp-websocket", upgrade)
	h := &http.Server{
		Handler: mux, MaxHeaderBytes: 8 << 10,
		ReadTimeout: limits.Negotiate, WriteTimeout: limits.Negotiate, IdleTimeout: limits.Close,
		ErrorLog: log.New(s.refuse, "", 0), // handshakes that failed
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
	}
	h.SetKeepAlivesEnabled(false)
	err := h.Serve(&secureListener{Listener: ln, s: s})
	h.Close() // and with it requests that were no upgrades
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

type connKey struct{}

// secureListener accepts what the gate lets in, in TLS whose handshake is the
// HTTP server's.
type secureListener struct {
	net.Listener
	s *Server
}

func (l *secureListener) Accept() (net.Conn, error) {
	c, err := l.s.accept(l.Listener)
	switch {
	case err != nil:
		return nil, err
	case c == nil:
		return nil, net.ErrClosed
	}
	return tls.Server(c, l.s.tls[WebSocket]), nil
}

// upgrade makes a stream of a request. Anybody's page may ask: a stream has a
// login of its own and no cookies.
func (s *Server) upgrade(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	conn, ok := r.Context().Value(connKey{}).(*tls.Conn)
	if !ok {
		http.Error(w, "no TLS", http.StatusInternalServerError)
		return
	}
	l := conn.NetConn().(*link)
	ws, err := websocket.Accept(&smallHijacker{w}, r, &websocket.AcceptOptions{
		Subprotocols: []string{"xmpp"}, InsecureSkipVerify: true,
	})
	if err != nil {
		s.refuse.log("connection refused", "addr", l.addr, "via", WebSocket, "reason", "not a WebSocket request")
		return
	}
	t := s.newStream(l, WebSocket)
	t.secured(conn)
	t.wire = newWSWire(ws, strangers, s.limits.Load().Stream.Bytes)
	err = t.setDeadline(time.Now().Add(s.limits.Load().Negotiate))
	if ws.Subprotocol() != "xmpp" {
		err = &hangup{"WebSocket without the xmpp subprotocol"}
		t.neg.said = true
		ws.Close(websocket.StatusPolicyViolation, "subprotocol xmpp expected")
	}
	// In a new goroutine, so that the request and its buffers can go.
	s.spawn(func() { t.run(ctx, err) })
}

// smallHijacker gives the connection away with small buffers: they live as
// long as it does.
type smallHijacker struct{ http.ResponseWriter }

func (h *smallHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	const size = 512
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if rw.Reader.Buffered() > 0 {
		return conn, rw, nil // rare: frames came with the request
	}
	return conn, bufio.NewReadWriter(bufio.NewReaderSize(conn, size), bufio.NewWriterSize(conn, size)), nil
}
