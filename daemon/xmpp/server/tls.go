// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"context"
	"crypto/tls"
	"fmt"

	"spectrum.im/spectrum2/daemon/xmpp"
)

const nsTLS = "urn:ietf:params:xml:ns:xmpp-tls"

// startTLS answers <starttls/> (RFC 6120 §5.4.2). What was sent behind it
// before our answer would be taken as sent inside TLS: that is an attack or a
// mistake, and the end. White space is neither: some libraries end all that they
// write with a new line.
func (t *stream) startTLS(ctx context.Context) error {
	refuse := ""
	tcp, ok := t.wire.(*tcpWire)
	switch {
	case t.tls != "" || !ok:
		refuse = "<starttls/> inside TLS"
	case tcp.dec.Buffered() > 0:
		refuse = "bytes behind <starttls/>"
	}
	if refuse != "" {
		if err := t.say(xmpp.New(nsTLS, "failure")); err != nil {
			return err
		}
		return &hangup{refuse}
	}
	if err := t.say(xmpp.New(nsTLS, "proceed")); err != nil {
		return err
	}
	return t.handshake(ctx)
}

func (t *stream) handshake(ctx context.Context) error {
	conn := tls.Server(t.link, t.s.tls[t.kind])
	t.wire = nil // nothing can be said until it is done
	if err := conn.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS handshake: %w", err)
	}
	t.secured(conn)
	t.wire = newTCPWire(conn, strangers)
	return nil
}

func (t *stream) secured(conn *tls.Conn) {
	t.tls = tls.VersionName(conn.ConnectionState().Version)
	t.neg.header, t.neg.opened = true, false
}
