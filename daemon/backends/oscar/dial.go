// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// dialer opens a connection from the address from, which is invalid where the
// system chooses; dialFrom, or a test's.
type dialer func(ctx context.Context, from netip.Addr, address string) (net.Conn, error)

const dialTimeout = 30 * time.Second

// keepAlive finds out about a server that is gone within two minutes.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 60 * time.Second, Interval: 15 * time.Second, Count: 4}

func dialFrom(ctx context.Context, from netip.Addr, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout, KeepAliveConfig: keepAlive}
	if from.IsValid() {
		d.LocalAddr = &net.TCPAddr{IP: from.AsSlice()}
	}
	return d.DialContext(ctx, "tcp", address)
}

// dial connects to a service. What there is of the session ends the link with
// itself.
func (s *session) dial(ctx context.Context, service uint16, address string, handlers table) (*link, error) {
	conn, err := s.network.dial(ctx, sourceOf(s.network.settings.bind, s.name), address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	l := newLink(s, service, conn, handlers)
	if !s.adopt(l) {
		conn.Close()
		return nil, errEnded
	}
	return l, nil
}

// redirect is the address that a server named, with the login server's port
// where it named none.
func (s *session) redirect(address string) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	return net.JoinHostPort(address, s.network.settings.port)
}

// sourceOf gives a user his address within bind: the same one each time.
func sourceOf(bind netip.Prefix, name string) netip.Addr {
	if !bind.IsValid() || bind.IsSingleIP() {
		return bind.Addr()
	}
	sum := sha256.Sum256([]byte(name))
	b := bind.Addr().AsSlice()
	for i := range b {
		fixed := min(max(bind.Bits()-8*i, 0), 8)
		mask := byte(0xff) >> fixed
		b[i] |= sum[i] & mask
	}
	if last := len(b) - 1; bind.Bits() <= 8*last {
		b[last] = 1 + sum[last]%254 // neither the network nor its broadcast
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
