// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlite"
)

// tryAll opens, migrates and writes; it returns the first error.
func tryAll(ctx context.Context, path string) error {
	s, err := sqlite.Open(ctx, sqlite.Options{Path: path})
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.Migrate(ctx); err != nil {
		return err
	}
	return s.CreateUser(ctx, &store.User{JID: "new@example.org"})
}

func unavailable(t *testing.T, err error, words ...string) {
	t.Helper()
	if !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

func TestDamagedFile(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"not a database": strings.Repeat("This is not a database. ", 1000),
		"zeros":          strings.Repeat("\x00", 8192),
		"cut off":        "SQLite format 3\x00\x10\x00",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			unavailable(t, tryAll(t.Context(), path), path)
			if b, err := os.ReadFile(path); err != nil || string(b) != content {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

func TestPageThatIsDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "database.sql")
	s := open(t, sqlite.Options{Path: path})
	migrate(t, s)
	for i := range 600 {
		if err := s.CreateUser(t.Context(), &store.User{JID: fmt.Sprintf("u%d@example.org", i), Name: strings.Repeat("x", 500)}); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, _ := f.Stat()
	// Not the first half, where the schema is: without it nothing opens.
	for at := info.Size() / 2 &^ 4095; at < info.Size(); at += 4096 {
		f.WriteAt([]byte(strings.Repeat("\xff", 100)), at)
	}
	f.Close()
	s = open(t, sqlite.Options{Path: path})
	defer s.Close()
	_, err = s.ListUsers(t.Context(), "", 1000)
	unavailable(t, err, "damaged")
}

func TestPathsThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	unavailable(t, tryAll(t.Context(), dir), "is not a file")
	unavailable(t, tryAll(t.Context(), filepath.Join(dir, "no", "such")), "there is no directory")
	unavailable(t, tryAll(t.Context(), "/proc/database.sql"), "/proc/database.sql")
}

// TestReadOnly runs itself again as a user who may read and not write, because
// root may everything.
func TestReadOnly(t *testing.T) {
	if path := os.Getenv("SQLITE_TEST_READ_ONLY"); path != "" {
		fmt.Println("RESULT", tryAll(context.Background(), path))
		return
	}
	dir, err := os.MkdirTemp("", "sqlite-test")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path, current := filepath.Join(dir, "database.sql"), filepath.Join(dir, "current.sql")
	makeCxx(t, path, "")
	if err := tryAll(t.Context(), current); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(path, 0o444), os.Chmod(current, 0o444), os.Chmod(dir, 0o555)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, current, filepath.Join(dir, "new.sql")} {
		out := again(t, "TestReadOnly", "SQLITE_TEST_READ_ONLY="+path, true)
		if !strings.Contains(out, "RESULT") || !strings.Contains(out, store.ErrUnavailable.Error()) ||
			!strings.Contains(out, "may not write "+dir) && !strings.Contains(out, "permission denied") {
			t.Errorf("%s: %s", path, out)
		}
	}
}

func TestReadOnlyFileSystem(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
		t.Fatal("this test takes root: ", err)
	}
	defer func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	path := filepath.Join(dir, "database.sql")
	if err := tryAll(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, filepath.Join(dir, "new.sql")} {
		err := tryAll(t.Context(), path)
		if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "read-only") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestFullDisk(t *testing.T) {
	s := open(t, sqlite.Options{Path: filepath.Join(t.TempDir(), "database.sql")})
	defer s.Close()
	migrate(t, s)
	u := &store.User{JID: "a@example.org"}
	if err := s.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Exec(t.Context(), s, "PRAGMA max_page_count = 30"); err != nil {
		t.Fatal(err)
	}
	kept := 0
	var err error
	for i := range 1000 {
		if _, err = s.Enqueue(t.Context(), 0, &store.Waiting{UserID: u.ID, Key: fmt.Sprint(i), Stanza: make([]byte, 4000)}, 0); err != nil {
			break
		}
		kept++
	}
	unavailable(t, err, "the disk is full")
	if w, err := s.Waiting(t.Context(), u.ID, 1000); err != nil || len(w) != kept {
		t.Errorf("%d messages, %v; want the %d that were kept", len(w), err, kept)
	}
	// The connection that failed was given up, and with it the limit.
	if err := s.SetOnline(t.Context(), 0, u.ID, true); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestLockedByAnotherProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "database.sql")
	s := open(t, sqlite.Options{Path: path})
	defer s.Close()
	migrate(t, s)
	if err := s.CreateUser(t.Context(), &store.User{JID: "a@example.org"}); err != nil {
		t.Fatal(err)
	}
	release := lock(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.SetOnline(ctx, 0, 1, true); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while locked: %v", err)
	}
	if _, err := s.User(t.Context(), "a@example.org"); err != nil {
		t.Errorf("reading while locked: %v", err)
	}
	release()
	if err := s.SetOnline(t.Context(), 0, 1, true); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestRemovedFileIsNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "database.sql")
	s := open(t, sqlite.Options{Path: path})
	defer s.Close()
	migrate(t, s)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	unavailable(t, s.CreateUser(t.Context(), &store.User{JID: "a@example.org"}), "was removed")
	_, err := s.Status(t.Context())
	unavailable(t, err, "was removed")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	unavailable(t, s.CreateUser(t.Context(), &store.User{JID: "a@example.org"}), "was replaced")
}

func TestFailedMigrationChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "database.sql")
	makeCxx(t, path, "")
	s := open(t, sqlite.Options{Path: path})
	defer s.Close()
	sqlite.AddMigration(t, func(exec func(string) error) error {
		return errors.Join(exec("CREATE TABLE half (a)"), exec("DELETE FROM users"), errors.New("something is wrong"))
	})
	backup, err := s.Migrate(t.Context())
	if err == nil || !strings.Contains(err.Error(), "something is wrong") || backup == "" {
		t.Fatalf("backup %q, %v", backup, err)
	}
	if st, err := s.Status(t.Context()); err != nil || st.Version != 0 || st.Users != 2 {
		t.Errorf("afterwards: %+v, %v", st, err)
	}
}
