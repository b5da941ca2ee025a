// SPDX-License-Identifier: GPL-2.0-or-later

package personal_test

import (
	"fmt"
	"strings"
	"testing"
)

const blocklist = "<blocklist xmlns='urn:xmpp:blocking'/>"

func blockOf(name string, jids ...string) string {
	items := ""
	for _, j := range jids {
		items += "<item jid='" + j + "'/>"
	}
	return "<" + name + " xmlns='urn:xmpp:blocking'>" + items + "</" + name + ">"
}

func TestBlockingIsKeptAndTold(t *testing.T) {
	w := newWorld(t)
	equal(t, "the list at first", w.must(laptop, "get", blocklist), blocklist)
	w.must(phone, "set", blockOf("block", "ANN@irc.example.org", ann, "spam.example.net"))
	var pushed []string
	for _, st := range w.received(laptop) {
		if st.Get("type") != "set" || st.Get("from") != me {
			t.Errorf("pushed %s", st)
		}
		pushed = append(pushed, st.First().String())
	}
	equalList(t, "pushed", pushed, []string{blockOf("block", ann, "spam.example.net")})
	if got := w.received(""); len(got) != 0 {
		t.Errorf("a client that did not ask for the list was sent %v", got)
	}
	equalList(t, "the network was told", w.blocked, []string{ann + " true"})

	w.must(phone, "set", blockOf("block", ann))
	if got := w.received(""); len(got) != 0 {
		t.Errorf("nothing new, and pushed %v", got)
	}
	w.Gone("laptop")
	w.open()
	if !w.Blocked(ann) {
		t.Error("forgotten at the next login")
	}
	equal(t, "the list", w.must(phone, "get", blocklist), blockOf("blocklist", ann, "spam.example.net"))
	w.must(laptop, "set", blockOf("unblock", "bob@irc.example.org", ann))
	equal(t, "told of an address", len(w.received(phone)), 1)
	w.must(laptop, "set", blockOf("unblock"))
	equal(t, "pushed to the end", w.received(phone)[0].First().String(), "<unblock xmlns='urn:xmpp:blocking'/>")
	equal(t, "the list in the end", w.must(phone, "get", blocklist), blocklist)
	equalList(t, "the network was told at last", w.blocked, []string{ann + " true", ann + " false"})
	w.open()
	equal(t, "the list of the next login", w.must(phone, "get", blocklist), blocklist)
}

func TestWhoIsBlocked(t *testing.T) {
	w := newWorld(t)
	w.must(laptop, "set", blockOf("block", "bare@a.example", "full@b.example/res", "c.example", "d.example/res"))
	for jid, want := range map[string]bool{
		"bare@a.example": true, "BARE@a.example/x": true, "other@a.example": false, "a.example": false,
		"full@b.example/res": true, "full@b.example": false, "full@b.example/other": false,
		"c.example": true, "any@c.example/x": true, "sub.c.example": false,
		"any@d.example/res": true, "any@d.example": false, "d.example/res": true, "d.example": false,
		"": false, "@": false,
	} {
		if got := w.Blocked(jid); got != want {
			t.Errorf("%q blocked: %v", jid, got)
		}
	}
}

func TestBlockingThatIsWrong(t *testing.T) {
	w := newWorld(t)
	var many []string
	for i := range 1001 {
		many = append(many, fmt.Sprintf("u%d@spam.example", i))
	}
	for payload, want := range map[string]string{
		blockOf("block"):                      "bad-request",
		blockOf("block", ""):                  "jid-malformed",
		blockOf("block", ann, "@"):            "jid-malformed",
		blockOf("unblock", "@"):               "jid-malformed",
		blockOf("block", strings.ToUpper(me)): "not-allowed",
		blockOf("block", many...):             "resource-constraint",
	} {
		equal(t, payload[:min(len(payload), 100)], w.refused(laptop, "", "set", payload), want)
	}
	if w.Blocked(ann) || w.Blocked(many[0]) {
		t.Error("a part of a refused request was done")
	}
}
