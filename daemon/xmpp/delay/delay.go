// SPDX-License-Identifier: GPL-2.0-or-later

// Package delay is delayed delivery (XEP-0203): when a stanza was first sent.
package delay

import (
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// NS is the namespace and the feature.
const NS = "urn:xmpp:delay"

// Element says that a stanza was first sent at t, and who held it back.
func Element(from string, t time.Time, reason string) *xmpp.Element {
	return xmpp.NewText(NS, "delay", reason).Set("from", from).Set("stamp", Stamp(t))
}

// Stamp is t in XMPP's format (XEP-0082), with milliseconds where t has any.
func Stamp(t time.Time) string {
	t = t.UTC()
	if t.Nanosecond() < int(time.Millisecond) {
		return t.Format("2006-01-02T15:04:05Z")
	}
	return t.Format("2006-01-02T15:04:05.000Z")
}

// ParseStamp reads XMPP's format.
func ParseStamp(s string) (time.Time, error) { return time.Parse(time.RFC3339, s) }

// Of is when st was first sent; false without a valid stamp.
func Of(st *xmpp.Element) (time.Time, bool) {
	d := st.Child(NS, "delay")
	if d == nil {
		return time.Time{}, false
	}
	t, err := ParseStamp(d.Get("stamp"))
	return t, err == nil
}
