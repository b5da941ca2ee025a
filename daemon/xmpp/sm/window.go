// SPDX-License-Identifier: GPL-2.0-or-later

package sm

import (
	"spectrum.im/spectrum2/daemon/xmpp"
)

// Window is what was sent and not acknowledged. Counts are modulo 2^32
// (XEP-0198 §4). The zero value is that of a new stream.
type Window struct {
	Acked   uint32          // the last count that the peer told
	Unacked []*xmpp.Element // the stanzas after it, oldest first; nil if none
}

// Sent adds a stanza.
func (w *Window) Sent(st *xmpp.Element) { w.Unacked = append(w.Unacked, st) }

// Count is how many stanzas were sent, modulo 2^32.
func (w *Window) Count() uint32 { return w.Acked + uint32(len(w.Unacked)) }

// Ack takes the peer's count and returns the stanzas that it covers. It is an
// error, of type *TooHigh, if the peer counts what was never sent.
func (w *Window) Ack(h uint32) ([]*xmpp.Element, error) {
	n := int64(h - w.Acked)
	if n > int64(len(w.Unacked)) {
		return nil, &TooHigh{H: h, Sent: w.Count()}
	}
	done := w.Unacked[:n:n]
	w.Acked = h
	if w.Unacked = w.Unacked[n:]; len(w.Unacked) == 0 {
		w.Unacked = nil
	}
	return done, nil
}

// TooHigh is a peer that acknowledges stanzas which were not sent.
type TooHigh struct{ H, Sent uint32 }

func (e *TooHigh) Error() string {
	return "acknowledged " + number(e.H) + " stanzas of " + number(e.Sent)
}

// StreamError ends the stream for it (XEP-0198 §7).
func (e *TooHigh) StreamError() *xmpp.StreamError {
	app := xmpp.New(NS, "handled-count-too-high").Set("h", number(e.H)).Set("send-count", number(e.Sent))
	return &xmpp.StreamError{Condition: xmpp.UndefinedCondition, Text: "you acknowledged what was not sent", App: app}
}
