// SPDX-License-Identifier: GPL-2.0-or-later

package entitytime_test

import (
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp/entitytime"
)

// TestElement is the example of XEP-0202 §3.
func TestElement(t *testing.T) {
	e := entitytime.Element(time.Date(2006, 12, 19, 11, 58, 35, 0, time.FixedZone("CST", -6*3600)))
	if tzo, utc := e.ChildText(entitytime.NS, "tzo"), e.ChildText(entitytime.NS, "utc"); tzo != "-06:00" || utc != "2006-12-19T17:58:35Z" {
		t.Errorf("%s %s", tzo, utc)
	}
}
