// SPDX-License-Identifier: GPL-2.0-or-later

package csi_test

import (
	"fmt"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/csi"
)

func parse(t *testing.T, s string) *xmpp.Element {
	t.Helper()
	e, err := xmpp.Parse([]byte(strings.Replace(s, " ", " xmlns='jabber:client' ", 1)))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestWhatCanWait(t *testing.T) {
	const state = `<composing xmlns='http://jabber.org/protocol/chatstates'/>`
	for in, want := range map[string]bool{
		`<presence from='a@x/1'><show>away</show></presence>`:                                                       true,
		`<presence from='a@x/1' type='unavailable'/>`:                                                               true,
		`<presence from='a@x' type='subscribe'/>`:                                                                   false,
		`<presence from='a@x' type='error'/>`:                                                                       false,
		`<presence from='r@x/n'><x xmlns='http://jabber.org/protocol/muc#user'><item/></x></presence>`:              true,
		`<presence from='r@x/n'><x xmlns='http://jabber.org/protocol/muc#user'><status code='110'/></x></presence>`: false,
		`<message from='a@x'>` + state + `</message>`:                                                               true,
		`<message from='a@x'>` + state + `<no-store xmlns='urn:xmpp:hints'/></message>`:                             true,
		`<message from='a@x'>` + state + `<body>hi</body></message>`:                                                false,
		`<message from='a@x'><received xmlns='urn:xmpp:receipts' id='1'/>` + state + `</message>`:                   false,
		`<message from='a@x' type='error'>` + state + `</message>`:                                                  false,
		`<message from='a@x'/>`:              false,
		`<iq from='a@x' type='get' id='1'/>`: false,
	} {
		var h csi.Hold
		if got := h.Add(parse(t, in)); got != want {
			t.Errorf("%s: %v", in, got)
		}
		if n := len(h.Take()); (n == 1) != want {
			t.Errorf("%s: %d held", in, n)
		}
	}
}

func TestOnlyTheLatestOfEachSenderIsKept(t *testing.T) {
	var h csi.Hold
	for _, s := range []string{"a", "b", "a", "c", "a"} {
		h.Add(parse(t, fmt.Sprintf(`<presence from='%s@x/1'/>`, s)))
	}
	h.Add(parse(t, `<message from='a@x/1'><paused xmlns='http://jabber.org/protocol/chatstates'/></message>`))
	var got []string
	for _, e := range h.Take() {
		got = append(got, e.Name[:1]+" "+e.Get("from"))
	}
	if s := strings.Join(got, ", "); s != "p b@x/1, p c@x/1, p a@x/1, m a@x/1" {
		t.Error(s)
	}
	if h.Take() != nil {
		t.Error("taken twice")
	}
}

func TestTheHoldIsBounded(t *testing.T) {
	var h csi.Hold
	n := 0
	for ; n < 100000 && h.Add(parse(t, fmt.Sprintf(`<presence from='%d@x/1'/>`, n))); n++ {
	}
	if n < 50 || n > 1000 {
		t.Errorf("%d stanzas held", n)
	}
}
