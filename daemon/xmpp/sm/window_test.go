// SPDX-License-Identifier: GPL-2.0-or-later

package sm_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/sm"
)

func TestWindowCountsAcrossTheEndOfItsRange(t *testing.T) {
	w := sm.Window{Acked: math.MaxUint32 - 1}
	for _, id := range []string{"a", "b", "c", "d"} {
		w.Sent(xmpp.New(xmpp.NSClient, "message").Set("id", id))
	}
	if w.Count() != 2 {
		t.Errorf("count %d", w.Count())
	}
	for _, c := range []struct {
		h    uint32
		done string
	}{{math.MaxUint32 - 1, ""}, {math.MaxUint32, "a"}, {1, "b c"}, {1, ""}, {2, "d"}} {
		done, err := w.Ack(c.h)
		var ids []string
		for _, e := range done {
			ids = append(ids, e.Get("id"))
		}
		if err != nil || strings.Join(ids, " ") != c.done {
			t.Errorf("h=%d: %v, %v, want %q", c.h, ids, err, c.done)
		}
	}
	if w.Unacked != nil {
		t.Error("an empty window keeps its memory")
	}
}

func TestWindowRefusesCountsOfWhatWasNotSent(t *testing.T) {
	for _, acked := range []uint32{0, 5, math.MaxUint32} {
		w := sm.Window{Acked: acked}
		w.Sent(xmpp.New(xmpp.NSClient, "message"))
		for _, h := range []uint32{acked + 2, acked - 1, acked + 1<<31} {
			_, err := w.Ack(h)
			var high *sm.TooHigh
			if !errors.As(err, &high) || high.Sent != acked+1 || len(w.Unacked) != 1 {
				t.Errorf("acked %d, h=%d: %v, %d left", acked, h, err, len(w.Unacked))
			}
		}
	}
	e := (&sm.TooHigh{H: 9, Sent: 0}).StreamError().Element()
	if app := e.Child(sm.NS, "handled-count-too-high"); app.Get("h") != "9" || app.Get("send-count") != "0" {
		t.Errorf("%v", e)
	}
}

func TestElementsSayWhatTheyShould(t *testing.T) {
	for _, c := range []struct {
		e    *xmpp.Element
		want string
	}{
		{sm.Ack(0), `<a xmlns='urn:xmpp:sm:3' h='0'/>`},
		{sm.Enabled("", 0), `<enabled xmlns='urn:xmpp:sm:3'/>`},
		{sm.Enabled("x", 6e11), `<enabled xmlns='urn:xmpp:sm:3' id='x' resume='true' max='600'/>`},
		{sm.Resumed("x", math.MaxUint32), `<resumed xmlns='urn:xmpp:sm:3' previd='x' h='4294967295'/>`},
		{sm.Failed("item-not-found"), `<failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`},
	} {
		if c.e.String() != c.want {
			t.Errorf("got %v, want %s", c.e, c.want)
		}
	}
	for h, want := range map[string]bool{"0": true, "4294967295": true, "4294967296": false, "-1": false, "": false, "x": false} {
		if _, ok := sm.H(xmpp.New(sm.NS, "a").Set("h", h)); ok != want {
			t.Errorf("h=%q: %v", h, ok)
		}
	}
}
