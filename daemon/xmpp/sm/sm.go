// SPDX-License-Identifier: GPL-2.0-or-later

// Package sm is stream management (XEP-0198): its elements, and the window of
// stanzas that the peer has not acknowledged.
package sm

import (
	"strconv"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// NS is the namespace and the feature.
const NS = "urn:xmpp:sm:3"

// Feature offers stream management.
func Feature() *xmpp.Element { return xmpp.New(NS, "sm") }

// Request asks the peer for an acknowledgement.
func Request() *xmpp.Element { return xmpp.New(NS, "r") }

// Ack tells the peer how many of his stanzas were handled.
func Ack(h uint32) *xmpp.Element { return xmpp.New(NS, "a").Set("h", number(h)) }

// Enabled answers <enable/>. Without an id the stream cannot be resumed.
func Enabled(id string, keep time.Duration) *xmpp.Element {
	e := xmpp.New(NS, "enabled")
	if id != "" {
		e.Set("id", id).Set("resume", "true").Set("max", strconv.Itoa(int(keep/time.Second)))
	}
	return e
}

// Resumed answers <resume/>.
func Resumed(id string, h uint32) *xmpp.Element {
	return xmpp.New(NS, "resumed").Set("previd", id).Set("h", number(h))
}

// Failed refuses <enable/> or <resume/> with the condition of a stanza error.
func Failed(condition string) *xmpp.Element {
	return xmpp.New(NS, "failed").Add(xmpp.New(xmpp.NSStanzas, condition))
}

// H is the count in <a/> or <resume/>.
func H(e *xmpp.Element) (uint32, bool) {
	h, err := strconv.ParseUint(e.Get("h"), 10, 32)
	return uint32(h), err == nil
}

// WantsResume reports whether <enable/> asks for a stream that can be resumed.
func WantsResume(enable *xmpp.Element) bool {
	v := enable.Get("resume")
	return v == "true" || v == "1"
}

// number never is empty, which Set would take for a removal.
func number(h uint32) string { return strconv.FormatUint(uint64(h), 10) }
