// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/disco"
	"spectrum.im/spectrum2/daemon/xmpp/entitytime"
)

// The domain said that it can tell the time, and refused to.
func TestServerModeDomainTellsTheTime(t *testing.T) {
	h := startServer(t, template, "", "")
	romeo := h.login(t, "romeo", "any", "orchard", false)
	if !disco.ParseInfo(romeo.request("get", transport, disco.InfoQuery("")).Child(disco.NSInfo, "query")).Has(entitytime.NS) {
		t.Error("the domain does not say that it can tell the time")
	}
	r := romeo.request("get", transport, xmpp.New(entitytime.NS, "time"))
	if r.Get("type") != "result" || r.Child(entitytime.NS, "time").ChildText(entitytime.NS, "utc") == "" {
		t.Errorf("the time is %s", r)
	}
}
