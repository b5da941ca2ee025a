// SPDX-License-Identifier: GPL-2.0-or-later

// Package last is last activity (XEP-0012).
package last

import (
	"strconv"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// NS is the namespace and the feature.
const NS = "jabber:iq:last"

// Element is <query/>: how long ago, and with what status text.
func Element(ago time.Duration, status string) *xmpp.Element {
	seconds := max(0, int64(ago/time.Second))
	return xmpp.NewText(NS, "query", status).Set("seconds", strconv.FormatInt(seconds, 10))
}

// Of reads the answer that st carries; false without one.
func Of(st *xmpp.Element) (ago time.Duration, status string, ok bool) {
	q := st.Child(NS, "query")
	n, err := strconv.ParseUint(q.Get("seconds"), 10, 32)
	return time.Duration(n) * time.Second, q.Text(), err == nil
}
