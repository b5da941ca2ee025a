// SPDX-License-Identifier: GPL-2.0-or-later

package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"spectrum.im/spectrum2/daemon/store"
)

func contacts(t *testing.T, open Opener) {
	s := migrated(t, open)
	u := addUser(t, s, "a@example.org")
	ctx := t.Context()
	first := store.Contact{UserID: u.ID, Name: "12345", Subscription: "ask", Nickname: "Ann", Groups: []string{"Friends", "Böse \"' 漢"},
		Flags: 3, Settings: map[string]string{"icon_hash": "abc", "other": "x"}}
	second := store.Contact{UserID: u.ID, Name: "Name With Spaces", Subscription: "both", Settings: map[string]string{}}
	must(t, s.PutContact(ctx, 0, &first))
	must(t, s.PutContact(ctx, 0, &second))
	expectContacts(t, s, u.ID, first, second)

	id := first.ID
	first.Nickname, first.Subscription, first.Groups, first.Flags = "Anne", "both", []string{"Work"}, 0
	first.Settings = map[string]string{"icon_hash": "def"}
	first.ID = 0
	must(t, s.PutContact(ctx, 0, &first))
	if first.ID != id {
		t.Errorf("replaced contact %d has number %d", id, first.ID)
	}
	expectContacts(t, s, u.ID, first, second)

	must(t, s.DeleteContact(ctx, 0, u.ID, "12345"))
	expectContacts(t, s, u.ID, second)
	if err := s.DeleteContact(ctx, 0, u.ID, "12345"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("second time: %v, want ErrNotFound", err)
	}
}

func expectContacts(t *testing.T, s store.Store, userID int64, want ...store.Contact) {
	t.Helper()
	got, err := s.Contacts(t.Context(), userID)
	must(t, err)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func contactsApart(t *testing.T, open Opener) {
	s := migrated(t, open)
	a, b := addUser(t, s, "a@example.org"), addUser(t, s, "b@example.org")
	ca := store.Contact{UserID: a.ID, Name: "same", Nickname: "A's", Subscription: "both", Settings: map[string]string{"icon_hash": "1"}}
	cb := store.Contact{UserID: b.ID, Name: "same", Nickname: "B's", Subscription: "none", Settings: map[string]string{"icon_hash": "2"}}
	must(t, s.PutContact(t.Context(), 0, &ca))
	must(t, s.PutContact(t.Context(), 0, &cb))
	must(t, s.DeleteContact(t.Context(), 0, a.ID, "same"))
	expectContacts(t, s, a.ID)
	expectContacts(t, s, b.ID, cb)
}

// contactsTogether puts more of them than one statement takes, with some that
// are there already.
func contactsTogether(t *testing.T, open Opener) {
	s := migrated(t, open)
	u, other := addUser(t, s, "a@example.org"), addUser(t, s, "b@example.org")
	ctx := t.Context()
	var all []store.Contact
	for i := range 203 {
		c := store.Contact{UserID: u.ID, Name: fmt.Sprintf("contact %d ü\" '", i), Subscription: "both", Nickname: fmt.Sprint(i), Groups: []string{"A", "B"}, Settings: map[string]string{}}
		if i%2 == 0 {
			c.Settings = map[string]string{"icon_hash": fmt.Sprint(i), "other": "x"}
		}
		all = append(all, c)
	}
	first := slices.Clone(all[:20])
	must(t, s.PutContacts(ctx, 0, u.ID, first))
	must(t, s.PutContacts(ctx, 0, u.ID, nil))
	for i := range 10 {
		all[i].Nickname, all[i].Settings = "changed", map[string]string{"other": "y"}
	}
	must(t, s.PutContacts(ctx, 0, u.ID, all))
	for i := range first {
		if all[i].ID != first[i].ID {
			t.Errorf("replaced contact %d has number %d", first[i].ID, all[i].ID)
		}
	}
	expectContacts(t, s, u.ID, all...)
	expectContacts(t, s, other.ID)
	if err := s.PutContacts(ctx, 0, 1<<20, all[:1]); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("for nobody: %v, want ErrNotFound", err)
	}
}

func rooms(t *testing.T, open Opener) {
	s := migrated(t, open)
	u, other := addUser(t, s, "a@example.org"), addUser(t, s, "b@example.org")
	ctx := t.Context()
	one := store.Room{UserID: u.ID, Name: "#a", Nickname: "me", Password: "pass word"}
	two := store.Room{UserID: u.ID, Name: "#b", Nickname: "me_"}
	must(t, s.PutRoom(ctx, 0, two))
	must(t, s.PutRoom(ctx, 0, one))
	must(t, s.PutRoom(ctx, 0, store.Room{UserID: other.ID, Name: "#a", Nickname: "other"}))
	expectRooms(t, s, u.ID, one, two)
	one.Nickname, one.Password = "again", "changed"
	must(t, s.PutRoom(ctx, 0, one))
	expectRooms(t, s, u.ID, one, two)
	must(t, s.DeleteRoom(ctx, 0, u.ID, "#a"))
	expectRooms(t, s, u.ID, two)
	if err := s.DeleteRoom(ctx, 0, u.ID, "#a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("second time: %v, want ErrNotFound", err)
	}
	expectRooms(t, s, other.ID, store.Room{UserID: other.ID, Name: "#a", Nickname: "other"})
}

func expectRooms(t *testing.T, s store.Store, userID int64, want ...store.Room) {
	t.Helper()
	got, err := s.Rooms(t.Context(), userID)
	must(t, err)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
