// SPDX-License-Identifier: GPL-2.0-or-later

package bookmarks_test

import (
	"reflect"
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/bookmarks"
)

func parse(t *testing.T, s string) *xmpp.Element {
	t.Helper()
	e, err := xmpp.Parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestBookmarkSurvivesBothForms(t *testing.T) {
	for _, want := range []bookmarks.Bookmark{
		{JID: "#chan@irc.example.org", Name: "A <chan>", Autojoin: true, Nick: "me", Password: "p&w"},
		{JID: "room@x"},
	} {
		got, ok := bookmarks.Parse(want.JID, parse(t, want.Conference().String()))
		if !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("XEP-0402: %+v", got)
		}
		all, rest := bookmarks.ParseStorage(parse(t, bookmarks.Storage([]bookmarks.Bookmark{want}, nil).String()))
		if len(rest) != 0 || !reflect.DeepEqual(all, []bookmarks.Bookmark{want}) {
			t.Errorf("XEP-0048: %+v, %v", all, rest)
		}
	}
}

func TestExtensionsAreKept(t *testing.T) {
	e := parse(t, "<conference xmlns='urn:xmpp:bookmarks:1' autojoin='0'><extensions><x xmlns='urn:x'/></extensions></conference>")
	b, ok := bookmarks.Parse("r@x", e)
	if !ok || b.Autojoin || b.Conference().String() != "<conference xmlns='urn:xmpp:bookmarks:1'><extensions><x xmlns='urn:x'/></extensions></conference>" {
		t.Errorf("%v, %s", ok, b.Conference())
	}
	plain := b
	plain.Extensions = nil
	if !b.Same(plain) {
		t.Error("a client of XEP-0048 sees a difference")
	}
	if _, ok := bookmarks.Parse("r@x", parse(t, "<conference xmlns='storage:bookmarks'/>")); ok {
		t.Error("the other form was taken for this one")
	}
}

func TestStorageKeepsWhatIsNoRoom(t *testing.T) {
	all, rest := bookmarks.ParseStorage(parse(t, "<storage xmlns='storage:bookmarks'><url url='u'/><conference jid='a@x' name='1'/><conference jid='a@x' name='2'/></storage>"))
	if len(all) != 1 || all[0].Name != "1" || len(rest) != 1 {
		t.Errorf("%+v, %v", all, rest)
	}
}
