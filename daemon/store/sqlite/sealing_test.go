// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlite"
)

func sealing(t *testing.T, s store.Store) store.Sealing {
	t.Helper()
	x, ok := s.(store.Sealing)
	if !ok {
		t.Fatal("it cannot seal")
	}
	return x
}

// ready opens and migrates.
func ready(t *testing.T, o sqlite.Options) store.Store {
	t.Helper()
	s := open(t, o)
	t.Cleanup(func() { s.Close() })
	migrate(t, s)
	return s
}

func state(t *testing.T, s store.Store) store.SealState {
	t.Helper()
	st, err := sealing(t, s).SealState(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// plainDatabase is one of the C++ version with n users and a room's password.
func plainDatabase(t *testing.T, path string, n int) {
	t.Helper()
	makeCxx(t, path, "")
	var sql strings.Builder
	sql.WriteString("BEGIN;")
	for i := range n {
		fmt.Fprintf(&sql, "INSERT INTO users (jid, uin, password, language) VALUES ('u%d@example.org', 'u', '%s%d', 'en');", i, canary, i)
	}
	change(t, path, sql.String()+"COMMIT;")
	s := open(t, sqlite.Options{Path: path})
	defer s.Close()
	migrate(t, s)
	if err := s.PutRoom(t.Context(), 0, store.Room{UserID: 1, Name: "#r", Password: canary + "room"}); err != nil {
		t.Fatal(err)
	}
}

// checkPasswords reads all of plainDatabase's.
func checkPasswords(t *testing.T, s store.Store, n int) {
	t.Helper()
	for i := range n {
		u, err := s.User(t.Context(), fmt.Sprintf("u%d@example.org", i))
		if err != nil || u.Password != fmt.Sprint(canary, i) {
			t.Fatalf("user %d: %v, %v", i, u, err)
		}
	}
	if r, err := s.Rooms(t.Context(), 1); err != nil || len(r) != 1 || r[0].Password != canary+"room" {
		t.Errorf("room: %+v, %v", r, err)
	}
	if bob, err := s.User(t.Context(), "bob@example.org"); err != nil || bob.Password != "$spectrum2$1$not sealed" {
		t.Errorf("a password that looks sealed: %+v, %v", bob, err)
	}
}

func TestSealAndUnseal(t *testing.T) {
	dir := t.TempDir()
	o := sqlite.Options{Path: filepath.Join(dir, "database.sql"), Key: config.NewSecret("the key")}
	plainDatabase(t, o.Path, 1200)
	s := ready(t, o)
	if got, want := state(t, s), (store.SealState{Plain: 1203}); got != want {
		t.Errorf("before: %+v, want %+v", got, want)
	}
	last := 0
	if err := sealing(t, s).Seal(t.Context(), func(done, all int) {
		if done <= last || done > all || all != 1203 {
			t.Errorf("progress %d of %d after %d", done, all, last)
		}
		last = done
	}); err != nil {
		t.Fatal(err)
	}
	if got, want := state(t, s), (store.SealState{On: true, Sealed: 1203}); last != 1203 || got != want {
		t.Errorf("after: %+v, want %+v; progress until %d", got, want, last)
	}
	if err := s.CreateUser(t.Context(), &store.User{JID: "new@example.org", Password: canary}); err != nil {
		t.Fatal(err)
	}
	checkPasswords(t, s, 1200)
	if n := bytes.Count(withoutCopies(t, dir), []byte(canary)); n != 0 {
		t.Errorf("%d readable passwords are on the disk", n)
	}
	s.Close()

	s = ready(t, o)
	checkPasswords(t, s, 1200)
	if err := sealing(t, s).Unseal(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := state(t, s); got.On || got.Plain != 1204 {
		t.Errorf("unsealed: %+v", got)
	}
	checkPasswords(t, s, 1200)
	s.Close()
	s = ready(t, sqlite.Options{Path: o.Path}) // without the key, as the C++ version
	checkPasswords(t, s, 1200)
}

// withoutCopies is what is in the directory, but for the copy from before the
// migration.
func withoutCopies(t *testing.T, dir string) []byte {
	t.Helper()
	remove(t, copyBefore(t, filepath.Join(dir, "database.sql")))
	return onDisk(t, dir)
}

func copyBefore(t *testing.T, path string) string {
	t.Helper()
	copies, err := filepath.Glob(path + ".before-schema-*")
	if err != nil || len(copies) != 1 {
		t.Fatal(copies, err)
	}
	return copies[0]
}

func TestSealAgainSealsWhatTheCxxVersionWrote(t *testing.T) {
	o := sqlite.Options{Path: filepath.Join(t.TempDir(), "database.sql"), Key: config.NewSecret("the key")}
	plainDatabase(t, o.Path, 3)
	s := ready(t, o)
	if err := sealing(t, s).Seal(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	change(t, o.Path, "INSERT INTO users (jid, uin, password, language) VALUES ('late@example.org', 'u', 'late', 'en')")
	if got := state(t, s); got.Plain != 1 || got.Sealed != 6 {
		t.Errorf("got %+v", got)
	}
	if err := sealing(t, s).Seal(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := state(t, s); got.Plain != 0 || got.Sealed != 7 {
		t.Errorf("got %+v", got)
	}
	checkPasswords(t, s, 3)
}

func TestSealNeedsAKey(t *testing.T) {
	s := ready(t, sqlite.Options{Path: filepath.Join(t.TempDir(), "database.sql")})
	if err := sealing(t, s).Seal(t.Context(), nil); !errors.Is(err, store.ErrNoKey) {
		t.Errorf("got %v", err)
	}
}

func TestSealThatFailsChangesNothing(t *testing.T) {
	o := sqlite.Options{Path: filepath.Join(t.TempDir(), "database.sql"), Key: config.NewSecret("the key")}
	plainDatabase(t, o.Path, 1200)
	s := ready(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := sealing(t, s).Seal(ctx, func(int, int) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := s.SetOnline(t.Context(), 0, 1, true); err != nil { // after what was under way
		t.Fatal(err)
	}
	if got := state(t, s); got.On || got.Plain != 1203 {
		t.Errorf("got %+v", got)
	}
	checkPasswords(t, s, 1200)
}

// TestRekeyWhileAnInstanceRuns: two keep the database open, as an instance and
// the tool.
func TestRekeyWhileAnInstanceRuns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "database.sql")
	first, second := config.NewSecret("first"), config.NewSecret("second")
	plainDatabase(t, path, 700)
	instance := ready(t, sqlite.Options{Path: path, Key: first})
	if err := sealing(t, instance).Seal(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := sealing(t, instance).SetKeys(t.Context(), second, config.Secret{}); !errors.Is(err, store.ErrWrongKey) {
		t.Errorf("another key alone: %v", err)
	}
	checkPasswords(t, instance, 700)
	if err := sealing(t, instance).SetKeys(t.Context(), second, first); err != nil {
		t.Fatal(err)
	}
	early := &store.User{JID: "early@example.org", Password: "early"}
	if err := instance.CreateUser(t.Context(), early); err != nil {
		t.Fatal(err)
	}
	checkPasswords(t, instance, 700)
	s := open(t, sqlite.Options{Path: path, Key: first})
	if _, err := s.Migrate(t.Context()); !errors.Is(err, store.ErrWrongKey) {
		t.Errorf("the first key alone, while some are sealed with the second: %v", err)
	}
	s.Close()

	tool := ready(t, sqlite.Options{Path: path, Key: second, OldKey: first})
	if got, want := state(t, tool), (store.SealState{On: true, Changing: true, Sealed: 1, Older: 703}); got != want {
		t.Errorf("before: %+v, want %+v", got, want)
	}
	if err := sealing(t, tool).Rekey(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got, want := state(t, tool), (store.SealState{On: true, Sealed: 704}); got != want {
		t.Errorf("after: %+v, want %+v", got, want)
	}
	checkPasswords(t, instance, 700)
	if err := sealing(t, instance).SetKeys(t.Context(), second, config.Secret{}); err != nil {
		t.Errorf("the second key alone: %v", err)
	}
	checkPasswords(t, instance, 700)
	s = ready(t, sqlite.Options{Path: path, Key: second})
	checkPasswords(t, s, 700)
	s = open(t, sqlite.Options{Path: path, Key: first})
	defer s.Close()
	if _, err := s.Migrate(t.Context()); !errors.Is(err, store.ErrWrongKey) {
		t.Errorf("the first key afterwards: %v", err)
	}
}

func TestKeyIsChangedBackBeforeRekey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "database.sql")
	first, second := config.NewSecret("first"), config.NewSecret("second")
	s := ready(t, sqlite.Options{Path: path, Key: first})
	for i, keys := range []sqlite.Options{{Key: second, OldKey: first}, {Key: first, OldKey: second}} {
		if err := sealing(t, s).SetKeys(t.Context(), keys.Key, keys.OldKey); err != nil {
			t.Fatal(err)
		}
		if err := s.CreateUser(t.Context(), &store.User{JID: fmt.Sprintf("%d@example.org", i), Password: "p"}); err != nil {
			t.Fatal(err)
		}
	}
	if got := state(t, s); got.Sealed != 1 || got.Older != 1 {
		t.Errorf("got %+v", got)
	}
	if err := sealing(t, s).Rekey(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	s = ready(t, sqlite.Options{Path: path, Key: first})
	for i := range 2 {
		if u, err := s.User(t.Context(), fmt.Sprintf("%d@example.org", i)); err != nil || u.Password != "p" {
			t.Errorf("got %+v, %v", u, err)
		}
	}
}
