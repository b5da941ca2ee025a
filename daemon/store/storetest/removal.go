// SPDX-License-Identifier: GPL-2.0-or-later

package storetest

import (
	"errors"
	"testing"

	"spectrum.im/spectrum2/daemon/store"
)

// fill gives the user something of everything.
func fill(t *testing.T, s store.Store, u *store.User) {
	t.Helper()
	ctx := t.Context()
	must(t, s.SetSetting(ctx, 0, u.ID, "stay_connected", store.SettingBoolean, "1"))
	must(t, s.PutContact(ctx, 0, &store.Contact{UserID: u.ID, Name: "friend", Subscription: "both",
		Groups: []string{"Friends", "Work"}, Settings: map[string]string{"icon_hash": "abc"}}))
	_, err := s.Enqueue(ctx, 0, &store.Waiting{UserID: u.ID, Key: "k", Stanza: []byte("<message/>")}, 10)
	must(t, err)
	must(t, s.PutRoom(ctx, 0, store.Room{UserID: u.ID, Name: "#room", Nickname: "me", Password: "pw"}))
	must(t, s.AddArchived(ctx, 0, u.ID, []store.Archived{archived(1, false, "friend@x", "", "1"), archived(2, true, "#room@x", "nick", "2")}))
	must(t, s.ChangePersonal(ctx, 0, u.ID, []store.Change{put("pep", "node", "item", 1, "value")}))
}

// keeps counts what is kept for the user's clients.
func keeps(t *testing.T, s store.Store, id int64) int {
	t.Helper()
	own, err := s.CountArchived(t.Context(), id, store.ArchiveQuery{}, 100)
	must(t, err)
	room, err := s.CountArchived(t.Context(), id, store.ArchiveQuery{Room: true, Peer: "#room@x"}, 100)
	must(t, err)
	size, err := s.PersonalSize(t.Context(), id)
	must(t, err)
	return own + room + size.Items
}

// has counts what the user has.
func has(t *testing.T, s store.Store, id int64) (contacts, waiting, rooms int) {
	t.Helper()
	c, err := s.Contacts(t.Context(), id)
	must(t, err)
	w, err := s.Waiting(t.Context(), id, 100)
	must(t, err)
	r, err := s.Rooms(t.Context(), id)
	must(t, err)
	return len(c), len(w), len(r)
}

func deleted(t *testing.T, open Opener) {
	s := migrated(t, open)
	u, other := addUser(t, s, "a@example.org"), addUser(t, s, "b@example.org")
	fill(t, s, u)
	fill(t, s, other)
	must(t, s.DeleteUser(t.Context(), 0, u.ID))
	if _, err := s.User(t.Context(), u.JID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("User: %v, want ErrNotFound", err)
	}
	if c, w, r := has(t, s, u.ID); c+w+r != 0 {
		t.Errorf("left: %d contacts, %d messages, %d rooms", c, w, r)
	}
	if n := keeps(t, s, u.ID); n != 0 {
		t.Errorf("left: %d archived messages and items", n)
	}
	if n := keeps(t, s, other.ID); n != 3 {
		t.Errorf("the other user has %d of 3 archived messages and items", n)
	}
	if c, w, r := has(t, s, other.ID); c != 1 || w != 1 || r != 1 {
		t.Errorf("the other user has %d contacts, %d messages, %d rooms", c, w, r)
	}
	again := addUser(t, s, u.JID)
	if got, err := s.User(t.Context(), u.JID); err != nil || len(got.Settings) != 0 {
		t.Errorf("registered again with settings %v, %v", got.Settings, err)
	}
	if c, w, r := has(t, s, again.ID); c+w+r != 0 {
		t.Errorf("registered again with %d contacts, %d messages, %d rooms", c, w, r)
	}
}

func numbersOnce(t *testing.T, open Opener) {
	s := migrated(t, open)
	seen := map[int64]bool{}
	for range 3 {
		u := addUser(t, s, "a@example.org")
		if seen[u.ID] {
			t.Fatalf("number %d was given twice", u.ID)
		}
		seen[u.ID] = true
		must(t, s.DeleteUser(t.Context(), 0, u.ID))
	}
}

func nothingForRemoved(t *testing.T, open Opener) {
	s := migrated(t, open)
	u := addUser(t, s, "a@example.org")
	must(t, s.DeleteUser(t.Context(), 0, u.ID))
	ctx := t.Context()
	_, err := s.Enqueue(ctx, 0, &store.Waiting{UserID: u.ID, Key: "k", Stanza: []byte("x")}, 10)
	for what, err := range map[string]error{
		"Enqueue":    err,
		"PutContact": s.PutContact(ctx, 0, &store.Contact{UserID: u.ID, Name: "x"}),
		"PutRoom":    s.PutRoom(ctx, 0, store.Room{UserID: u.ID, Name: "x"}),
		"SetSetting": s.SetSetting(ctx, 0, u.ID, "x", store.SettingString, "y"),
	} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", what, err)
		}
	}
	if c, w, r := has(t, s, u.ID); c+w+r != 0 {
		t.Errorf("kept: %d contacts, %d messages, %d rooms", c, w, r)
	}
}
