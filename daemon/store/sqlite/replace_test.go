// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlite"
)

// exchange puts the file at from in path's place.
func exchange(t *testing.T, o sqlite.Options, from string) (kept string, err error) {
	t.Helper()
	x, err := sqlite.NewExchange(o)
	if err != nil {
		return "", err
	}
	defer x.Close()
	f, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := x.Fill(f); err != nil {
		return "", err
	}
	if _, err := x.Check(t.Context()); err != nil {
		return "", err
	}
	return x.Commit(t.Context())
}

func TestExchangeKeepsTheOldDatabase(t *testing.T) {
	dir := t.TempDir()
	o := sqlite.Options{Path: filepath.Join(dir, "data [1]*.sql")}
	backup := filepath.Join(dir, "backup")
	plainDatabase(t, o.Path, 5)
	s := ready(t, o)
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateUser(t.Context(), &store.User{JID: "after@example.org"}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	kept, err := exchange(t, o, backup)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{o.Path: 7, kept: 8} {
		s := ready(t, sqlite.Options{Path: path})
		if st, err := s.Status(t.Context()); err != nil || st.Users != want {
			t.Errorf("%s: %+v, %v; want %d users", path, st, err, want)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 && path == o.Path {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
		s.Close()
	}
}

func TestDamagedDatabaseIsExchanged(t *testing.T) {
	dir := t.TempDir()
	o := sqlite.Options{Path: filepath.Join(dir, "database.sql")}
	backup := filepath.Join(dir, "backup")
	plainDatabase(t, backup, 5)
	const damaged = "this was a database once"
	if err := os.WriteFile(o.Path, []byte(damaged), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.Path+"-wal", []byte("and this its log"), 0o600); err != nil {
		t.Fatal(err)
	}
	kept, err := exchange(t, o, backup)
	if err != nil {
		t.Fatal(err)
	}
	checkPasswords(t, ready(t, o), 5)
	if b, err := os.ReadFile(kept); err != nil || string(b) != damaged {
		t.Errorf("kept is %q, %v", b, err)
	}
}

func TestExchangeRefusesWhatIsNoDatabase(t *testing.T) {
	dir := t.TempDir()
	o := sqlite.Options{Path: filepath.Join(dir, "database.sql")}
	plainDatabase(t, o.Path, 5)
	whole, err := os.ReadFile(o.Path)
	if err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "other")
	change(t, empty, "CREATE TABLE something (x)")
	other, err := os.ReadFile(empty)
	if err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(dir, "newer")
	plainDatabase(t, newer, 1)
	change(t, newer, "INSERT INTO spectrum2_migrations VALUES (99, 'future', '')")
	future, err := os.ReadFile(newer)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"text": []byte("no database"), "half of one": whole[:len(whole)/2], "of another program": other, "nothing": nil, "of a newer version": future,
	} {
		from := filepath.Join(dir, "from")
		if err := os.WriteFile(from, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := exchange(t, o, from); err == nil {
			t.Errorf("%s was taken", name)
		} else if name == "of a newer version" && !strings.Contains(err.Error(), "knows those up to") {
			t.Errorf("%s: %v", name, err)
		}
		checkPasswords(t, ready(t, o), 5)
		if _, err := os.Stat(o.Path + ".new"); err == nil {
			t.Errorf("%s: the new file is still there", name)
		}
	}
}

func TestExclusiveKeepsOthersAway(t *testing.T) {
	o := sqlite.Options{Path: filepath.Join(t.TempDir(), "database.sql"), Exclusive: true}
	s := ready(t, o)
	if _, err := sqlite.Open(t.Context(), o); !errors.Is(err, store.ErrInUse) {
		t.Errorf("a second one: %v", err)
	}
	other := o
	other.Prefix = "other_"
	second := ready(t, other) // a database of its own in the same file
	if _, err := sqlite.NewExchange(o); !errors.Is(err, store.ErrInUse) {
		t.Errorf("an exchange: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.NewExchange(o); !errors.Is(err, store.ErrInUse) {
		t.Errorf("an exchange while the other prefix is in use: %v", err)
	}
	second.Close()
	x, err := sqlite.NewExchange(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), o); !errors.Is(err, store.ErrInUse) {
		t.Errorf("during an exchange: %v", err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	ready(t, o)
}
