// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlite"
)

// TestOneOfManyLeavesNoTrace: his rows were moved within the file while those
// of others came and changed.
func TestOneOfManyLeavesNoTrace(t *testing.T) {
	dir := t.TempDir()
	s := open(t, sqlite.Options{Path: filepath.Join(dir, "database.sql")})
	defer s.Close()
	migrate(t, s)
	r := rand.New(rand.NewPCG(1, 2))
	text := func(i int) string { return fmt.Sprintf("<%s-%d>%s", canary, i, strings.Repeat("x", r.IntN(60))) }
	users := make([]store.User, 60)
	for i := range users {
		users[i] = store.User{JID: text(i) + "@example.org", Name: text(i), Password: text(i)}
		if err := s.CreateUser(t.Context(), &users[i]); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 1500 {
		i := r.IntN(len(users))
		u := &users[i]
		u.Password = text(i)
		c := &store.Contact{UserID: u.ID, Name: fmt.Sprint(text(i), round%20), Nickname: text(i), Settings: map[string]string{"icon_hash": text(i)}}
		_, err := s.Enqueue(t.Context(), 0, &store.Waiting{UserID: u.ID, Key: fmt.Sprint(text(i), round), Stanza: []byte(text(i))}, 0)
		for _, err := range []error{err, s.UpdateUser(t.Context(), 0, u), s.PutContact(t.Context(), 0, c), s.SetSetting(t.Context(), 0, u.ID, "photohash", 2, text(i)),
			s.PutRoom(t.Context(), 0, store.Room{UserID: u.ID, Name: "#r", Password: text(i)})} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := 0; i < len(users); i += 7 {
		mark := fmt.Appendf(nil, "<%s-%d>", canary, i)
		if !bytes.Contains(onDisk(t, dir), mark) {
			t.Fatal("there was nothing to remove")
		}
		if err := s.DeleteUser(t.Context(), 0, users[i].ID); err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(onDisk(t, dir), mark); n != 0 {
			t.Errorf("%d traces of user %d are left", n, i)
		}
	}
}

// TestUnregisteringAfterTheCxxVersion: that one did not have SQLite overwrite
// anything.
func TestUnregisteringAfterTheCxxVersion(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "database.sql")
	plainDatabase(t, path, 1500)
	remove(t, copyBefore(t, path))
	s := ready(t, sqlite.Options{Path: path})
	for i := range 1500 {
		if i%10 == 3 {
			continue
		}
		u, err := s.User(t.Context(), fmt.Sprintf("u%d@example.org", i))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteUser(t.Context(), 0, u.ID); err != nil {
			t.Fatal(err)
		}
	}
	left := onDisk(t, dir)
	for i := range 1500 {
		if mark := fmt.Appendf(nil, "u%d@example.org", i); i%10 != 3 && bytes.Contains(left, mark) {
			t.Fatalf("traces of %s are left", mark)
		}
	}
}
