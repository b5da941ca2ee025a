// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlite"
)

// lock takes the file's write lock until release is called.
func lock(t *testing.T, path string) (release func()) {
	t.Helper()
	pool, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(1)
	if _, err := pool.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return func() { pool.Close() }
}

// onDisk is everything in the directory, as somebody who steals the disk has
// it.
func onDisk(t *testing.T, dir string) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var all []byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

const canary = "CanaryPassword4711"

func TestNewDatabaseWithKeyHoldsNoPassword(t *testing.T) {
	dir := t.TempDir()
	o := sqlite.Options{Path: filepath.Join(dir, "database.sql"), Key: config.NewSecret("the key")}
	s := open(t, o)
	migrate(t, s)
	u := &store.User{JID: "a@example.org", Password: canary}
	if err := s.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if err := s.PutRoom(t.Context(), 0, store.Room{UserID: u.ID, Name: "#r", Password: canary + "room"}); err != nil {
		t.Fatal(err)
	}
	u.Password = canary + "new"
	if err := s.UpdateUser(t.Context(), 0, u); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(onDisk(t, dir), []byte(canary)) {
		t.Error("a password is readable on the disk")
	}
	s.Close()
	if bytes.Contains(onDisk(t, dir), []byte(canary)) {
		t.Error("a password is readable on the disk after Close")
	}

	for _, key := range []string{"", "another key"} {
		s := open(t, sqlite.Options{Path: o.Path, Key: config.NewSecret(key)})
		_, err := s.Migrate(t.Context())
		if err == nil || !strings.Contains(err.Error(), "database.encryption_key") || strings.Contains(err.Error(), "the key") {
			t.Errorf("with key %q: %v", key, err)
		}
		s.Close()
	}
	s = open(t, o)
	defer s.Close()
	migrate(t, s)
	if got, err := s.User(t.Context(), u.JID); err != nil || got.Password != canary+"new" {
		t.Errorf("with the key: %+v, %v", got, err)
	}
}

func TestSealedPasswordIsBoundToItsUser(t *testing.T) {
	o := sqlite.Options{Path: filepath.Join(t.TempDir(), "database.sql"), Key: config.NewSecret("the key")}
	s := open(t, o)
	defer s.Close()
	migrate(t, s)
	for _, name := range []string{"a", "b"} {
		if err := s.CreateUser(t.Context(), &store.User{JID: name + "@example.org", Password: canary}); err != nil {
			t.Fatal(err)
		}
	}
	change(t, o.Path, "UPDATE users SET password = (SELECT password FROM users WHERE id = 1) WHERE id = 2")
	_, err := s.User(t.Context(), "b@example.org")
	if err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("a password of another user: %v", err)
	}
	change(t, o.Path, "UPDATE users SET password = 'by the C++ version' WHERE id = 2")
	if b, err := s.User(t.Context(), "b@example.org"); err != nil || b.Password != "by the C++ version" {
		t.Errorf("a plain password in a sealed database: %+v, %v", b, err)
	}
}

func TestUnregisteringLeavesNothingOnTheDisk(t *testing.T) {
	dir := t.TempDir()
	s := open(t, sqlite.Options{Path: filepath.Join(dir, "database.sql")})
	defer s.Close()
	migrate(t, s)
	var gone []int64
	for i := range 50 {
		u := &store.User{JID: fmt.Sprintf("%s%d@example.org", canary, i), Name: canary, Password: canary}
		if err := s.CreateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		gone = append(gone, u.ID)
		for j := range 20 {
			c := &store.Contact{UserID: u.ID, Name: fmt.Sprint(canary, j), Nickname: canary, Groups: []string{canary}, Settings: map[string]string{"icon_hash": canary}}
			if err := s.PutContact(t.Context(), 0, c); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Enqueue(t.Context(), 0, &store.Waiting{UserID: u.ID, Key: canary, Stanza: []byte(strings.Repeat(canary, 1000))}, 0); err != nil {
			t.Fatal(err)
		}
		if err := s.PutRoom(t.Context(), 0, store.Room{UserID: u.ID, Name: canary, Nickname: canary, Password: canary}); err != nil {
			t.Fatal(err)
		}
		if err := s.SetSetting(t.Context(), 0, u.ID, canary, store.SettingString, canary); err != nil {
			t.Fatal(err)
		}
		archiveCanary(t, s, u.ID)
	}
	if !bytes.Contains(onDisk(t, dir), []byte(canary)) {
		t.Fatal("there was nothing to remove")
	}
	for _, id := range gone {
		if err := s.DeleteUser(t.Context(), 0, id); err != nil {
			t.Fatal(err)
		}
	}
	if n := bytes.Count(onDisk(t, dir), []byte(canary)); n != 0 {
		t.Errorf("%d traces are left", n)
	}
}

// archiveCanary gives the user a long archive and a large item, all of it
// canary.
func archiveCanary(t *testing.T, s store.Store, id int64) {
	t.Helper()
	var messages []store.Archived
	for i := range int64(40) {
		messages = append(messages, store.Archived{Seq: i + 1, Peer: canary, Resource: canary, ID: fmt.Sprint(canary, i), Stanza: []byte(strings.Repeat(canary, 50))})
	}
	if err := s.AddArchived(t.Context(), 0, id, messages); err != nil {
		t.Fatal(err)
	}
	item := &store.Item{Kind: "pep", Node: canary, Item: canary, Value: []byte(strings.Repeat(canary, 1000))}
	if err := s.ChangePersonal(t.Context(), 0, id, []store.Change{{Put: item}}); err != nil {
		t.Fatal(err)
	}
}

func TestFilesAreTheirOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	s := open(t, sqlite.Options{Path: filepath.Join(dir, "database.sql")})
	defer s.Close()
	migrate(t, s)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, info.Mode(), err)
		}
	}
}

func TestOpeningChangesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "database.sql")
	s := open(t, sqlite.Options{Path: path})
	if st, err := s.Status(t.Context()); err != nil || st.Version != 0 || len(st.Pending) == 0 {
		t.Errorf("no file: %+v, %v", st, err)
	}
	s.Close()
	if _, err := os.Stat(path); err == nil {
		t.Error("the file was made")
	}
	makeCxx(t, path, "")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s = open(t, sqlite.Options{Path: path})
	if st, err := s.Status(t.Context()); err != nil || st.Version != 0 || st.Users != 2 {
		t.Errorf("of the C++ version: %+v, %v", st, err)
	}
	s.Close()
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the file was changed (%v)", err)
	}
}

func TestMemory(t *testing.T) {
	s := open(t, sqlite.Options{Path: sqlite.Memory, Key: config.NewSecret("k")})
	defer s.Close()
	if backup := migrate(t, s); backup != "" {
		t.Errorf("a copy in %s", backup)
	}
	u := &store.User{JID: "a@example.org", Password: canary}
	if err := s.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if got, err := s.User(t.Context(), u.JID); err != nil || got.Password != canary {
		t.Errorf("got %+v, %v", got, err)
	}
	for i := range 200 { // the one connection has to survive its users
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*time.Microsecond)
		_, _ = s.ListUsers(ctx, "", 10)
		_ = s.SetOnline(ctx, 0, u.ID, true)
		cancel()
	}
	if err := s.DeleteUser(t.Context(), 0, u.ID); err != nil {
		t.Fatal(err)
	}
	if st, err := s.Status(t.Context()); err != nil || st.Users != 0 || st.Version != st.Latest {
		t.Errorf("got %+v, %v", st, err)
	}
}
