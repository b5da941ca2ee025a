// SPDX-License-Identifier: GPL-2.0-or-later

package component

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// peerError is a stream error that the server sent.
type peerError struct{ *xmpp.StreamError }

func (e *peerError) Error() string { return "server sent " + e.StreamError.Error() }

// connect dials and shakes hands (XEP-0114 §3), all within Times.Connect.
func (c *Component) connect(ctx context.Context) (net.Conn, *xmpp.Decoder, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Times.Connect)
	defer cancel()
	conn, err := c.o.Dial(ctx, c.o.Addr)
	if err != nil {
		return nil, nil, fmt.Errorf("dial %s: %w", c.o.Addr, err)
	}
	// Whatever the handshake waits for ends with ctx.
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	dec, err := c.handshake(conn)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, nil, fmt.Errorf("shake hands with %s: %w", c.o.Addr, err)
	}
	return conn, dec, nil
}

func (c *Component) handshake(conn net.Conn) (*xmpp.Decoder, error) {
	open := append([]byte(`<?xml version='1.0'?>`), openTag(c.o.JID)...)
	if _, err := conn.Write(open); err != nil {
		return nil, err
	}
	dec := xmpp.NewDecoder(conn, c.o.Limits)
	header, err := dec.ReadHeader()
	if err != nil {
		return nil, err
	}
	sum := sha1.Sum([]byte(header.Get("id") + c.o.Secret.Reveal()))
	digest := xmpp.NewText(xmpp.NSComponent, "handshake", hex.EncodeToString(sum[:]))
	// A server that does not know the host says so instead of waiting for the
	// digest; that is what has to be read, not the failed write.
	_, writeErr := conn.Write(xmpp.Append(nil, digest, xmpp.NSComponent))
	e, err := dec.Next()
	switch {
	case err != nil && writeErr != nil:
		return nil, writeErr
	case err != nil:
		return nil, err
	case e.Is(xmpp.NSClient, "handshake"):
		return dec, nil
	}
	if se := xmpp.StreamErrorOf(e); se != nil {
		return nil, &peerError{se}
	}
	return nil, fmt.Errorf("unexpected <%s/> instead of a handshake", e.Name)
}

// openTag is <stream:stream …>, which has no end tag yet.
func openTag(jid string) []byte {
	e := xmpp.New(xmpp.NSComponent, "stream:stream").Set("xmlns:stream", xmpp.NSStream).Set("to", jid)
	b := xmpp.Append(nil, e, "")
	return append(b[:len(b)-len("/>")], '>')
}

// explain says why there is no link, for the operator.
func (c *Component) explain(err error) string {
	var peer *peerError
	var local *xmpp.StreamError
	var ne net.Error
	switch {
	case errors.As(err, &peer):
		return c.explainCondition(peer.StreamError)
	case errors.As(err, &local):
		return "the server sent what is no valid XMPP stream (" + local.Text + ")"
	case errors.Is(err, errNotReading):
		return "the server does not read what it is sent"
	case errors.Is(err, errSilent):
		return "the server does not answer"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the server closed the connection"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there; is the XMPP server running, with its component port open?"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &ne) && ne.Timeout():
		return "the server did not answer in time"
	}
	return err.Error()
}

func (c *Component) explainCondition(e *xmpp.StreamError) string {
	switch e.Condition {
	case xmpp.NotAuthorizedEnd:
		// ejabberd says so for a host that it does not know, too.
		return fmt.Sprintf("the server does not accept the secret: service.password must be what its configuration has for the component %s", c.o.JID)
	case xmpp.HostUnknown:
		return fmt.Sprintf("the server knows no component %s: add it to the server's configuration", c.o.JID)
	case xmpp.ConflictStream:
		return fmt.Sprintf("another connection as %s is open at the server", c.o.JID)
	case xmpp.SystemShutdown:
		return "the server shuts down"
	}
	if e.Text != "" {
		return fmt.Sprintf("the server ended the stream (%s: %s)", e.Condition, e.Text)
	}
	return fmt.Sprintf("the server ended the stream (%s)", e.Condition)
}
