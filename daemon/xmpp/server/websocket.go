// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/coder/websocket"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// nsFraming is that of WebSocket's own elements (RFC 7395 §3.3).
const nsFraming = "urn:ietf:params:xml:ns:xmpp-framing"

const streamPrefix = " xmlns:stream='" + xmpp.NSStream + "'"

// wsWire is a stream over WebSocket (RFC 7395): one element a frame. Deadlines
// are those of the connection below.
type wsWire struct {
	ws     *websocket.Conn
	max    int // bytes of a frame: before authentication the link bounds it further
	limits xmpp.Limits
	frame  []byte // read by wait and not parsed; nil if none
	err    error  // of reading: every later call returns it
}

func newWSWire(ws *websocket.Conn, limits xmpp.Limits, longest int) *wsWire {
	ws.SetReadLimit(-1) // ours counts, with an error of the stream's own
	return &wsWire{ws: ws, max: longest, limits: limits}
}

func (w *wsWire) wait() error {
	for w.err == nil && w.frame == nil {
		w.read()
	}
	if w.frame != nil {
		return nil
	}
	return w.err
}

// read reads a frame; one of space alone is nothing, though it should not be.
func (w *wsWire) read() {
	typ, r, err := w.ws.Reader(context.Background())
	if err != nil {
		w.err = readError(err)
		return
	}
	if typ != websocket.MessageText {
		w.err = &xmpp.StreamError{Condition: xmpp.BadFormat, Text: "a frame that is not text"}
		return
	}
	b, err := io.ReadAll(io.LimitReader(r, int64(w.max)+1))
	switch {
	case err != nil:
		w.err = readError(err)
	case len(b) > w.max:
		w.err = &xmpp.StreamError{Condition: xmpp.PolicyViolation, Text: "stanza too large"}
	default:
		if b = bytes.TrimSpace(b); len(b) > 0 {
			w.frame = b
		}
	}
}

// readError makes the peer's orderly close of the WebSocket, without the
// stream's, an end like that of a connection.
func readError(err error) error {
	if websocket.CloseStatus(err) != -1 || errors.Is(err, io.EOF) {
		return fmt.Errorf("read: %w", io.ErrUnexpectedEOF)
	}
	var se *xmpp.StreamError
	if errors.As(err, &se) {
		return se
	}
	return fmt.Errorf("read: %w", err)
}

func (w *wsWire) take(limits xmpp.Limits) (*xmpp.Element, error) {
	if err := w.wait(); err != nil {
		return nil, err
	}
	frame := w.frame
	w.frame = nil
	e, err := xmpp.ParseFrame(frame, limits)
	if se := (*xmpp.StreamError)(nil); errors.As(err, &se) {
		w.err = err
	}
	if err == nil && e.Is(nsFraming, "close") {
		w.err = io.EOF
		return nil, io.EOF
	}
	return e, err
}

func (w *wsWire) open() (*xmpp.Element, string, error) {
	strict := w.limits
	strict.Skip = false
	e, err := w.take(strict)
	if err != nil {
		return nil, "", err
	}
	if !e.Is(nsFraming, "open") {
		w.err = &xmpp.StreamError{Condition: xmpp.InvalidNamespace, Text: "not an opening of a stream"}
		return nil, "", w.err
	}
	return e, xmpp.NSClient, nil
}

func (w *wsWire) next() (*xmpp.Element, error) { return w.take(w.limits) }

func (w *wsWire) restart() {}

func (w *wsWire) limit(l xmpp.Limits) { w.limits = l }

func (w *wsWire) header(dst []byte, h heading) []byte {
	e := xmpp.New(nsFraming, "open").Set("id", h.id).Set("from", h.from).Set("to", h.to).Set("version", "1.0")
	return xmpp.Append(dst, e.SetLang("en"), "")
}

func (w *wsWire) encode(dst []byte, e *xmpp.Element) []byte {
	if e.Space != xmpp.NSStream {
		return xmpp.Append(dst, e, "")
	}
	return appendStream(dst, e, "", streamPrefix)
}

func (w *wsWire) footer(dst []byte) []byte {
	return xmpp.Append(dst, xmpp.New(nsFraming, "close"), "")
}

func (w *wsWire) write(b []byte, ends []int) (int, error) {
	start := 0
	for i, end := range ends {
		if err := w.ws.Write(context.Background(), websocket.MessageText, b[start:end]); err != nil {
			return i, fmt.Errorf("write frame: %w", err)
		}
		start = end
	}
	return len(ends), nil
}

// closeWrite begins the close of the WebSocket; what the reader gets then is
// the peer's part of it.
func (w *wsWire) closeWrite() {
	// Where it fails the connection is closed soon anyway.
	_ = w.ws.Close(websocket.StatusNormalClosure, "")
}
