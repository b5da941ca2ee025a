// SPDX-License-Identifier: GPL-2.0-or-later

// Package entitytime is entity time (XEP-0202).
package entitytime

import (
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/delay"
)

// NS is the namespace and the feature.
const NS = "urn:xmpp:time"

// Element is <time/> at t, with t's own offset from UTC.
func Element(t time.Time) *xmpp.Element {
	return xmpp.New(NS, "time").Add(
		xmpp.NewText(NS, "tzo", t.Format("-07:00")),
		xmpp.NewText(NS, "utc", delay.Stamp(t)))
}
