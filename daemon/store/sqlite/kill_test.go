// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlite"
)

// again runs one test of this program in a process of its own, which may end
// as it likes.
func again(t *testing.T, test, env string, asNobody bool) string {
	t.Helper()
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	cmd := exec.CommandContext(t.Context(), "/proc/self/fd/3", "-test.run=^"+test+"$")
	cmd.ExtraFiles = []*os.File{self}
	cmd.Env = append(os.Environ(), env)
	if asNobody && os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		cmd.Dir = "/"
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out)
}

// TestKilledMigration kills the process in the middle of the transaction.
func TestKilledMigration(t *testing.T) {
	if path := os.Getenv("SQLITE_TEST_KILLED"); path != "" {
		s := open(t, sqlite.Options{Path: path})
		sqlite.AddMigration(nil, func(exec func(string) error) error {
			if err := exec("DELETE FROM users"); err != nil {
				return err
			}
			return syscall.Kill(os.Getpid(), syscall.SIGKILL)
		})
		_, err := s.Migrate(t.Context())
		t.Fatalf("still alive: %v", err)
	}
	path := filepath.Join(t.TempDir(), "database.sql")
	makeCxx(t, path, "")
	if out := again(t, "TestKilledMigration", "SQLITE_TEST_KILLED="+path, false); strings.Contains(out, "FAIL") {
		t.Fatal(out)
	}
	s := open(t, sqlite.Options{Path: path})
	defer s.Close()
	if st, err := s.Status(t.Context()); err != nil || st.Version != 0 || st.Users != 2 {
		t.Errorf("after the kill: %+v, %v", st, err)
	}
	migrate(t, s)
	checkAnn(t, s)
}

// TestKilledAfterKeeping: what was answered with nil is there.
func TestKilledAfterKeeping(t *testing.T) {
	if path := os.Getenv("SQLITE_TEST_KEPT"); path != "" {
		s := open(t, sqlite.Options{Path: path})
		migrate(t, s)
		u := &store.User{JID: "a@example.org"}
		if err := s.CreateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			if _, err := s.Enqueue(t.Context(), 0, &store.Waiting{UserID: u.ID, Key: fmt.Sprint(i), Stanza: []byte("x")}, 0); err != nil {
				t.Fatal(err)
			}
		}
		t.Fatal(syscall.Kill(os.Getpid(), syscall.SIGKILL))
	}
	path := filepath.Join(t.TempDir(), "database.sql")
	if out := again(t, "TestKilledAfterKeeping", "SQLITE_TEST_KEPT="+path, false); strings.Contains(out, "FAIL") {
		t.Fatal(out)
	}
	s := open(t, sqlite.Options{Path: path})
	defer s.Close()
	migrate(t, s)
	if w, err := s.Waiting(t.Context(), 1, 1000); err != nil || len(w) != 100 {
		t.Errorf("%d messages, %v", len(w), err)
	}
}

func TestWriterIsSafe(t *testing.T) {
	s := open(t, sqlite.Options{Path: filepath.Join(t.TempDir(), "database.sql")})
	defer s.Close()
	migrate(t, s)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "secure_delete": "1", "busy_timeout": "5000"} {
		got, err := sqlite.Pragma(t.Context(), s, pragma)
		if err != nil || got != want {
			t.Errorf("%s is %q, %v; want %s", pragma, got, err, want)
		}
	}
}
