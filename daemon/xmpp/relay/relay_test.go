// SPDX-License-Identifier: GPL-2.0-or-later

package relay_test

import (
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/relay"
)

// A stanza has to come out as it went in, by way of two component streams.
func TestStanzaComesThrough(t *testing.T) {
	st := xmpp.NewMessage("chat", "romeo@example.org/r", "echo@irc.example.org").Set("id", "1").
		Add(xmpp.NewText(xmpp.NSClient, "body", "hi <&> \u202e")).Add(xmpp.New("urn:other", "x").Add(xmpp.New(xmpp.NSClient, "body")))
	wire := xmpp.Append(nil, relay.New("a.irc.example.org", "b.irc.example.org", "c", st), xmpp.NSComponent)
	back, err := xmpp.Parse(wire)
	if err != nil {
		t.Fatal(err)
	}
	if got := relay.Of(back); got == nil || got.String() != st.String() || relay.Origin(back) != "c" {
		t.Errorf("%s\nbecame %v of %q", st, got, relay.Origin(back))
	}
}

func TestWhatIsNoRelay(t *testing.T) {
	for _, s := range []string{
		`<iq xmlns='jabber:client'/>`,
		`<iq xmlns='jabber:client'><relay xmlns='urn:x-spectrum2:relay'/></iq>`,
		`<iq xmlns='jabber:client'><relay xmlns='urn:x-spectrum2:relay'><stream xmlns='jabber:client'/></relay></iq>`,
		`<iq xmlns='jabber:client'><relay xmlns='urn:x-spectrum2:relay'><message xmlns='urn:x'/></relay></iq>`,
	} {
		st, err := xmpp.Parse([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		if got := relay.Of(st); got != nil {
			t.Errorf("%s hands on %v", s, got)
		}
	}
	offer := relay.NewOffer("a.irc.example.org", "b.irc.example.org", "romeo@example.org")
	if relay.OfferOf(offer) != "romeo@example.org" || relay.OfferOf(xmpp.NewMessage("", "a", "b")) != "" {
		t.Error("offers are not told from others")
	}
}
