// SPDX-License-Identifier: GPL-2.0-or-later

package storetest

import (
	"cmp"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/store"
)

func put(kind, node, item string, order int64, value string) store.Change {
	return store.Change{Put: &store.Item{Kind: kind, Node: node, Item: item, Order: order, Value: []byte(value)}}
}

func personalItems(t *testing.T, s store.Store, id int64, kind, node string) (names []string) {
	t.Helper()
	items, err := s.PersonalItems(t.Context(), id, kind, node)
	must(t, err)
	for _, i := range items {
		names = append(names, i.Node+"/"+i.Item+"="+string(i.Value))
	}
	return names
}

func personalKept(t *testing.T, open Opener) {
	s := migrated(t, open)
	u, other := addUser(t, s, "a@example.org"), addUser(t, s, "b@example.org")
	change := func(id int64, changes ...store.Change) {
		t.Helper()
		must(t, s.ChangePersonal(t.Context(), 0, id, changes))
	}
	expect := func(kind, node string, want ...string) {
		t.Helper()
		if got := personalItems(t, s, u.ID, kind, node); !slices.Equal(got, want) {
			t.Errorf("%s of %s: got %q, want %q", node, kind, got, want)
		}
	}
	change(other.ID, put("pep", "n", "1", 1, "other's"))
	change(u.ID, put("pep", "n", "b", 1, "one"), put("pep", "n", "a", 2, "two"), put("pep", "N", "a", 3, "N's"), put("block", "n", "a", 1, ""))
	expect("pep", "n", "n/b=one", "n/a=two")
	expect("pep", "", "N/a=N's", "n/b=one", "n/a=two")
	expect("block", "n", "n/a=")
	expect("none", "")
	expect("", "", "n/a=", "N/a=N's", "n/b=one", "n/a=two")

	change(u.ID, put("pep", "n", "b", 5, "again"))
	expect("pep", "n", "n/a=two", "n/b=again")

	// In the order in which they stand.
	change(u.ID, store.Change{Kind: "pep", Node: "n"}, put("pep", "n", "c", 1, "new"), put("pep", "n", "d", 2, "x"),
		store.Change{Kind: "pep", Node: "n", Item: "d"}, store.Change{Kind: "pep", Node: "n", Item: "not there"})
	expect("pep", "n", "n/c=new")
	expect("pep", "N", "N/a=N's")
	change(u.ID, store.Change{Kind: "pep"})
	expect("pep", "")
	expect("block", "", "n/a=")
	if got := personalItems(t, s, other.ID, "pep", ""); !slices.Equal(got, []string{"n/1=other's"}) {
		t.Errorf("the other user has %q", got)
	}
}

func personalAllOrNone(t *testing.T, open Opener) {
	s := migrated(t, open)
	u := addUser(t, s, "a@example.org")
	if err := s.ChangePersonal(t.Context(), 0, u.ID, []store.Change{put("pep", "n", "a", 1, "x"), {}}); err == nil {
		t.Error("a change of nothing was made")
	}
	if got := personalItems(t, s, u.ID, "pep", ""); len(got) != 0 {
		t.Errorf("half of it was kept: %q", got)
	}
	must(t, s.DeleteUser(t.Context(), 0, u.ID))
	if err := s.ChangePersonal(t.Context(), 0, u.ID, []store.Change{put("pep", "n", "a", 1, "x")}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("for a removed user: %v, want ErrNotFound", err)
	}
}

func personalOddValues(t *testing.T, open Opener) {
	s := migrated(t, open)
	u := addUser(t, s, "a@example.org")
	long := strings.Repeat("é", store.KeyLength/2)
	for i, name := range []string{"", " ", "'; DROP TABLE users; --", `"`, "\\", "%", "_", "a\nb", "žluťoučký 🐎", long} {
		want := store.Item{Kind: "pep", Node: cmp.Or(name, "n"), Item: name, Order: int64(i) << 50, Value: []byte(strings.Repeat(name+"<x/>", 20000))}
		must(t, s.ChangePersonal(t.Context(), 0, u.ID, []store.Change{{Put: &want}}))
		got, err := s.PersonalItems(t.Context(), u.ID, "pep", want.Node)
		must(t, err)
		if !reflect.DeepEqual(got, []store.Item{want}) {
			t.Errorf("%q came back as %d items", name, len(got))
		}
	}
}

func personalSize(t *testing.T, open Opener) {
	s := migrated(t, open)
	u, other := addUser(t, s, "a@example.org"), addUser(t, s, "b@example.org")
	must(t, s.ChangePersonal(t.Context(), 0, other.ID, []store.Change{put("pep", "n", "a", 1, "12345")}))
	if size, err := s.PersonalSize(t.Context(), u.ID); err != nil || size != (store.PersonalSize{}) {
		t.Errorf("of nothing: %+v, %v", size, err)
	}
	must(t, s.ChangePersonal(t.Context(), 0, u.ID, []store.Change{put("pep", "n", "a", 1, "é"), put("private", "n", "a", 1, "123")}))
	if size, err := s.PersonalSize(t.Context(), u.ID); err != nil || size != (store.PersonalSize{Items: 2, Bytes: 5}) {
		t.Errorf("of two: %+v, %v", size, err)
	}
}
