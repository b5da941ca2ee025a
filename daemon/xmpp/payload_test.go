// SPDX-License-Identifier: GPL-2.0-or-later

package xmpp_test

import (
	"reflect"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/attention"
	"spectrum.im/spectrum2/daemon/xmpp/chatstate"
	"spectrum.im/spectrum2/daemon/xmpp/delay"
	"spectrum.im/spectrum2/daemon/xmpp/gateway"
	"spectrum.im/spectrum2/daemon/xmpp/last"
	"spectrum.im/spectrum2/daemon/xmpp/nick"
	"spectrum.im/spectrum2/daemon/xmpp/oob"
	"spectrum.im/spectrum2/daemon/xmpp/ping"
	"spectrum.im/spectrum2/daemon/xmpp/receipts"
	"spectrum.im/spectrum2/daemon/xmpp/rosterx"
	"spectrum.im/spectrum2/daemon/xmpp/version"
)

// The small extensions: what is built is read again, and nothing is read out
// of a stanza that does not have it.

func with(children ...*xmpp.Element) *xmpp.Element {
	return xmpp.NewMessage("chat", "a@b", "c@d").Add(children...)
}

func TestMarks(t *testing.T) {
	empty := with()
	if !attention.Is(with(attention.Element())) || attention.Is(empty) {
		t.Error("attention")
	}
	for _, s := range []string{chatstate.Active, chatstate.Composing, chatstate.Paused, chatstate.Inactive, chatstate.Gone} {
		if got := chatstate.Of(with(chatstate.Element(s))); got != s {
			t.Errorf("chat state %s: %q", s, got)
		}
	}
	if chatstate.Of(empty) != "" || chatstate.Of(with(chatstate.Element("flying"))) != "" {
		t.Error("chat state out of nothing")
	}
	if nick.Of(with(nick.Element("Joe"))) != "Joe" || nick.Of(empty) != "" {
		t.Error("nick")
	}
	if p := ping.New("a", "b"); !ping.Is(p) || ping.Is(xmpp.Result(p)) || ping.Is(empty) {
		t.Error("ping")
	}
}

func TestReceipts(t *testing.T) {
	m := with(receipts.Request())
	if !receipts.Requested(m) || receipts.Requested(m.Clone().Set("id", "")) || receipts.Requested(with()) {
		t.Error("request")
	}
	if receipts.ReceivedID(with(receipts.Received("7"))) != "7" || receipts.ReceivedID(with()) != "" {
		t.Error("received")
	}
}

func TestDelay(t *testing.T) {
	for stamp, at := range map[string]time.Time{
		"2002-09-10T23:08:25Z":     time.Date(2002, 9, 10, 23, 8, 25, 0, time.UTC),
		"2002-09-10T23:08:25.500Z": time.Date(2002, 9, 11, 1, 8, 25, 5e8, time.FixedZone("", 7200)),
	} {
		d := delay.Element("capulet.com", at, "Offline Storage")
		if d.Get("stamp") != stamp || d.Text() != "Offline Storage" {
			t.Errorf("%v", d)
		}
		if got, ok := delay.Of(with(d)); !ok || !got.Equal(at) {
			t.Errorf("%s: %v", stamp, got)
		}
	}
	for _, st := range []*xmpp.Element{with(), with(xmpp.New(delay.NS, "delay")), with(xmpp.New(delay.NS, "delay").Set("stamp", "yesterday"))} {
		if _, ok := delay.Of(st); ok {
			t.Errorf("%v", st)
		}
	}
}

func TestRosterExchange(t *testing.T) {
	want := []rosterx.Item{{Action: rosterx.Add, JID: "a@b", Name: "A", Groups: []string{"x", "y"}}, {Action: rosterx.Delete, JID: "c@d"}}
	if got := rosterx.Of(with(rosterx.Element(want))); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	implied := parse(t, "<message xmlns='jabber:client'><x xmlns='http://jabber.org/protocol/rosterx'><item jid='a@b'/><other/></x></message>")
	if got := rosterx.Of(implied); len(got) != 1 || got[0].Action != rosterx.Add {
		t.Errorf("%+v", got)
	}
	if rosterx.Of(with()) != nil {
		t.Error("items out of nothing")
	}
}

func TestAnswers(t *testing.T) {
	v := version.Version{Name: "Spectrum", Version: "2", OS: "Debian"}
	if got := version.Of(with(v.Element())); got != v {
		t.Errorf("%+v", got)
	}
	if ago, status, ok := last.Of(with(last.Element(903*time.Second+time.Millisecond, "away"))); !ok || ago != 903*time.Second || status != "away" {
		t.Error(ago, status, ok)
	}
	if _, _, ok := last.Of(with()); ok {
		t.Error("activity out of nothing")
	}
	if got := last.Element(-time.Second, "").Get("seconds"); got != "0" {
		t.Errorf("the future: %s", got)
	}
	links := []oob.OOB{{URL: "https://a/", Desc: "a"}, {URL: "https://b/"}}
	m := with(links[0].Element(), links[1].Element())
	if oob.Of(m) != links[0] || !reflect.DeepEqual(oob.All(m), links) || oob.Of(with()).URL != "" {
		t.Errorf("%+v", oob.All(m))
	}
	if got := gateway.Name(with(gateway.Prompt("type", "joe"))); got != "joe" {
		t.Error(got)
	}
	if j := gateway.JID("joe@icq"); j.ChildText(gateway.NS, "jid") != "joe@icq" || gateway.Name(with(j)) != "joe@icq" {
		t.Error(j)
	}
}
