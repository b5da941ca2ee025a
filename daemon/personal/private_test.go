// SPDX-License-Identifier: GPL-2.0-or-later

package personal_test

import (
	"fmt"
	"strings"
	"testing"
)

func private(s string) string { return "<query xmlns='jabber:iq:private'>" + s + "</query>" }

func TestPrivateStorage(t *testing.T) {
	w := newWorld(t)
	const empty = "<exodus xmlns='exodus:prefs'/>"
	const doc = "<exodus xmlns='exodus:prefs'><nick a='1'>Hamlet &amp; x</nick><x xmlns='urn:x'/></exodus>"
	equal(t, "before", w.must(laptop, "get", private(empty)), private(empty))
	w.must(laptop, "set", private(doc+"<other xmlns='exodus:prefs'/>"))
	equal(t, "after", w.must(phone, "get", private(empty)), private(doc))
	w.open()
	w.must(laptop, "set", private("<exodus xmlns='exodus:prefs'><new/></exodus>"))
	equal(t, "replaced", w.must(phone, "get", private(empty)), private("<exodus xmlns='exodus:prefs'><new/></exodus>"))
	equal(t, "beside it", w.must(phone, "get", private("<other xmlns='exodus:prefs'/>")), private("<other xmlns='exodus:prefs'/>"))
	name := "<x xmlns='urn:" + strings.Repeat("long", 100) + "'/>"
	w.must(laptop, "set", private(name))
	equal(t, "a long name", w.must(phone, "get", private(name)), private(name))
}

func TestPrivateStorageThatIsWrong(t *testing.T) {
	w := newWorld(t)
	for _, c := range [][3]string{
		{"get", private(""), "bad-request"},
		{"get", private("<a xmlns='urn:a'/><b xmlns='urn:a'/>"), "bad-request"},
		{"set", private(""), "bad-request"},
		{"set", private("<query xmlns='jabber:iq:roster'/>"), "not-acceptable"},
		{"set", private("<message xmlns='jabber:client'/>"), "not-acceptable"},
		{"set", private("<x xmlns='urn:a'>" + strings.Repeat("x", 70000) + "</x>"), "not-acceptable"},
		{"set", private("<storage xmlns='storage:bookmarks'><x>" + strings.Repeat("x", 300000) + "</x></storage>"), "not-acceptable"},
	} {
		equal(t, c[1][:min(len(c[1]), 100)], w.refused(laptop, "", c[0], c[1]), c[2])
	}
}

func TestPrivateStorageIsBounded(t *testing.T) {
	w := newWorld(t)
	for i := range 100 {
		w.must(laptop, "set", private(fmt.Sprintf("<x xmlns='urn:a:%d'/>", i)))
	}
	equal(t, "one more", w.refused(laptop, "", "set", private("<x xmlns='urn:b'/>")), "resource-constraint")
	w.must(laptop, "set", private("<x xmlns='urn:a:5'><again/></x>"))
	w = newWorld(t)
	large := strings.Repeat("x", 60000)
	kept := 0
	for i := range 90 {
		if w.ask(laptop, "set", private(fmt.Sprintf("<x xmlns='urn:a:%d'>%s</x>", i, large))).Get("type") == "result" {
			kept++
		}
	}
	if kept*60000 > 4<<20 || kept < 60 {
		t.Errorf("%d documents of 60 kB were kept", kept)
	}
}
