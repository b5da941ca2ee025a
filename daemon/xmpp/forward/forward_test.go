// SPDX-License-Identifier: GPL-2.0-or-later

package forward_test

import (
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/forward"
)

func TestAForwardedStanzaComesOutAsItWentIn(t *testing.T) {
	m := xmpp.NewMessage("chat", "a@b/c", "d@e").Add(xmpp.NewText(xmpp.NSClient, "body", "x"))
	for _, at := range []time.Time{{}, time.Date(2020, 2, 29, 12, 0, 0, 0, time.UTC)} {
		wrapped := xmpp.New("urn:x", "x").Add(forward.Element(m, at))
		again, err := xmpp.Parse([]byte(wrapped.String()))
		if err != nil {
			t.Fatal(err)
		}
		if got, when := forward.Of(again); got.String() != m.String() || !when.Equal(at) {
			t.Errorf("%s at %v", got, when)
		}
	}
}

func TestNothingIsForwarded(t *testing.T) {
	if got, _ := forward.Of(xmpp.New("urn:x", "x")); got != nil {
		t.Error(got)
	}
	empty := xmpp.New("urn:x", "x").Add(xmpp.New(forward.NS, "forwarded").Add(xmpp.New("urn:x", "message")))
	if got, _ := forward.Of(empty); got != nil {
		t.Error(got)
	}
}
