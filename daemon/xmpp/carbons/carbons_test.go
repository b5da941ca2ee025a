// SPDX-License-Identifier: GPL-2.0-or-later

package carbons_test

import (
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/carbons"
	"spectrum.im/spectrum2/daemon/xmpp/chatstate"
)

func TestACopyCarriesTheMessage(t *testing.T) {
	m := xmpp.NewMessage("chat", "joe@b/c", "me@a/x").Add(xmpp.NewText(xmpp.NSClient, "body", "hi"))
	for _, d := range []string{carbons.Received, carbons.Sent} {
		c := carbons.Copy(d, "me@a", "me@a/y", m)
		again, err := xmpp.Parse([]byte(c.String()))
		if err != nil {
			t.Fatal(err)
		}
		got, direction := carbons.Of(again)
		if got.String() != m.String() || direction != d {
			t.Errorf("%s: %s", direction, got)
		}
		if c.Get("from") != "me@a" || c.Get("to") != "me@a/y" || c.Get("type") != "chat" {
			t.Errorf("wrapped as %s", c)
		}
		if carbons.Eligible(c, true) || carbons.Eligible(c, false) {
			t.Error("a copy is copied")
		}
	}
	if got, direction := carbons.Of(m); got != nil || direction != "" {
		t.Errorf("a copy out of nothing: %s", got)
	}
}

func TestOnlyConversationsAreCopied(t *testing.T) {
	message := func(typ string, children ...*xmpp.Element) *xmpp.Element {
		return xmpp.NewMessage(typ, "joe@b/c", "me@a").Add(children...)
	}
	body := xmpp.NewText(xmpp.NSClient, "body", "x")
	for name, c := range map[string]struct {
		st   *xmpp.Element
		want bool
	}{
		"chat":                {message("chat"), true},
		"normal":              {message("", body), true},
		"normal, empty":       {message(""), false},
		"unknown type":        {message("foo", body), true},
		"chat state":          {message("", chatstate.Element(chatstate.Paused)), true},
		"direct invitation":   {message("", xmpp.New("jabber:x:conference", "x")), true},
		"headline":            {message("headline", body), false},
		"presence":            {xmpp.NewPresence("", "joe@b/c", "me@a"), false},
		"error":               {message("error", body), false},
		"private":             {message("chat", xmpp.New(carbons.NS, "private")), false},
		"marker of something": {message("", xmpp.New("urn:x", "private")), false},
	} {
		if got := carbons.Eligible(c.st, true); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestExposedTakesOnlyPrivateAway(t *testing.T) {
	m := xmpp.NewMessage("chat", "", "joe@b").Add(xmpp.New(carbons.NS, "private"), xmpp.NewText(xmpp.NSClient, "body", "x"))
	got := carbons.Exposed(m)
	if carbons.Private(got) || xmpp.Body(got) != "x" || !carbons.Private(m) {
		t.Errorf("%s of %s", got, m)
	}
	if carbons.Exposed(got) != got {
		t.Error("copied for nothing")
	}
}
