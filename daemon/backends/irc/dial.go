// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// dialer opens the transport connection; net.Dialer's method, or a test's.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

const dialTimeout = 30 * time.Second

// dialed is what became of trying a network's servers in turn.
type dialed struct {
	conn net.Conn
	at   endpoint
	tls  *tls.ConnectionState
	err  *backend.Error
}

// dial tries the network's servers, beginning with the first-th; the error
// is the last one's.
func (s *settings) dial(ctx context.Context, open dialer, first int) dialed {
	var d dialed
	for i := range s.endpoints {
		d = s.dialOne(ctx, open, s.endpoints[(first+i)%len(s.endpoints)])
		if d.err == nil || ctx.Err() != nil {
			return d
		}
	}
	return d
}

func (s *settings) dialOne(ctx context.Context, open dialer, e endpoint) dialed {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := open(ctx, "tcp", e.address())
	if err != nil {
		return dialed{at: e, err: dialError(e, err)}
	}
	if !e.tls {
		return dialed{conn: conn, at: e}
	}
	config, err := s.tlsConfig(e.host)
	if err != nil {
		conn.Close()
		return dialed{at: e, err: &backend.Error{
			Code: pbnetwork.ConnectionError_CONNECTION_ERROR_INVALID_SETTINGS,
			Text: "The transport's client certificate for " + e.host + " cannot be used", Err: err,
		}}
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return dialed{at: e, err: dialError(e, err)}
	}
	state := secure.ConnectionState()
	return dialed{conn: secure, at: e, tls: &state}
}
