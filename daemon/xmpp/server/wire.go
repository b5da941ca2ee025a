// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"crypto/tls"
	"net"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// wire carries a stream's elements. The reading methods are for one goroutine,
// the writing ones for one at a time.
type wire interface {
	// wait returns when something has come that was not read.
	wait() error
	// open reads the peer's opening of the stream, or its restart, and returns
	// it with its content namespace.
	open() (header *xmpp.Element, content string, err error)
	// next reads a child of the stream; errors are those of xmpp.Decoder.Next.
	next() (*xmpp.Element, error)
	// restart expects another opening.
	restart()
	limit(xmpp.Limits)

	// header, encode and footer append what opens the stream, an element of it,
	// and what ends it.
	header(dst []byte, h heading) []byte
	encode(dst []byte, e *xmpp.Element) []byte
	footer(dst []byte) []byte
	// write writes pieces, which end where ends says, and returns how many of
	// them were written whole.
	write(b []byte, ends []int) (int, error)
	// closeWrite tells the peer that nothing follows.
	closeWrite()
}

// heading is what our opening of a stream says.
type heading struct{ from, to, id string }

// tcpWire is a stream over TCP (RFC 6120 §4).
type tcpWire struct {
	conn net.Conn
	dec  *xmpp.Decoder
}

func newTCPWire(conn net.Conn, limits xmpp.Limits) *tcpWire {
	limits.Frugal = true
	return &tcpWire{conn: conn, dec: xmpp.NewDecoder(conn, limits)}
}

func (w *tcpWire) wait() error { return w.dec.Wait() }

func (w *tcpWire) open() (*xmpp.Element, string, error) {
	h, err := w.dec.ReadHeader()
	return h, w.dec.Content(), err
}

func (w *tcpWire) next() (*xmpp.Element, error) { return w.dec.Next() }

func (w *tcpWire) restart() { w.dec.Restart() }

func (w *tcpWire) limit(l xmpp.Limits) {
	l.Frugal = true
	w.dec.SetLimits(l)
}

func (w *tcpWire) header(dst []byte, h heading) []byte {
	dst = append(dst, `<?xml version='1.0'?>`...)
	e := xmpp.New("", "stream:stream").Set("id", h.id).Set("from", h.from).Set("to", h.to).Set("version", "1.0")
	e.SetLang("en").Set("xmlns", xmpp.NSClient).Set("xmlns:stream", xmpp.NSStream)
	dst = xmpp.Append(dst, e, "")
	return append(dst[:len(dst)-len("/>")], '>')
}

func (w *tcpWire) encode(dst []byte, e *xmpp.Element) []byte {
	if e.Space != xmpp.NSStream {
		return xmpp.Append(dst, e, xmpp.NSClient)
	}
	return appendStream(dst, e, xmpp.NSClient, "")
}

// appendStream writes <stream:features/> and <stream:error/> with the prefix
// that clients look for (RFC 6120 §4.8.5).
func appendStream(dst []byte, e *xmpp.Element, scope, declaration string) []byte {
	dst = append(dst, "<stream:"...)
	dst = append(dst, e.Name...)
	dst = append(dst, declaration...)
	dst = append(dst, '>')
	for c := range e.Children() {
		dst = xmpp.Append(dst, c, scope)
	}
	dst = append(dst, "</stream:"...)
	dst = append(dst, e.Name...)
	return append(dst, '>')
}

func (w *tcpWire) footer(dst []byte) []byte { return append(dst, "</stream:stream>"...) }

func (w *tcpWire) write(b []byte, ends []int) (int, error) {
	n, err := w.conn.Write(b)
	if err == nil {
		return len(ends), nil
	}
	for i, end := range ends {
		if end > n {
			return i, err
		}
	}
	return len(ends), err
}

func (w *tcpWire) closeWrite() {
	// Where it fails the connection is closed soon anyway.
	l, ok := w.conn.(*link)
	if secure, isTLS := w.conn.(*tls.Conn); isTLS {
		_ = secure.CloseWrite()
		l, ok = secure.NetConn().(*link)
	}
	if ok {
		l.closeWrite()
	}
}
