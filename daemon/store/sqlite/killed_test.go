// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlite"
)

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

const doEnv = "SQLITE_TEST_DO"

// TestDo is what killedAt runs in a process of its own: it says when it begins
// and when it is done.
func TestDo(t *testing.T) {
	verb, path, _ := strings.Cut(os.Getenv(doEnv), " ")
	if verb == "" {
		return // it is no test of its own
	}
	if err := doAs(t.Context(), verb, path, func() { fmt.Println("begin") }); err != nil {
		t.Fatal(err)
	}
	fmt.Println("done")
}

func doAs(ctx context.Context, verb, path string, begin func()) error {
	o := sqlite.Options{Path: path, Key: config.NewSecret("second"), OldKey: config.NewSecret("first")}
	if verb == "exchange" {
		begin()
		x, err := sqlite.NewExchange(o)
		if err != nil {
			return err
		}
		f, err := os.Open(path + ".backup")
		if err != nil {
			return err
		}
		defer f.Close()
		if err := x.Fill(f); err != nil {
			return err
		}
		if _, err := x.Check(ctx); err != nil {
			return err
		}
		_, err = x.Commit(ctx)
		return err
	}
	s, err := sqlite.Open(ctx, o)
	if err != nil {
		return err
	}
	if _, err := s.Migrate(ctx); err != nil {
		return err
	}
	begin()
	switch verb {
	case "seal":
		return s.(store.Sealing).Seal(ctx, nil)
	case "unseal":
		return s.(store.Sealing).Unseal(ctx, nil)
	}
	return s.(store.Sealing).Rekey(ctx, nil)
}

// killedAt runs TestDo and kills it at a moment after its beginning; it
// returns how long it took if it was not killed.
func killedAt(t *testing.T, verb, path string, after time.Duration) (took time.Duration) {
	t.Helper()
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	cmd := exec.CommandContext(t.Context(), "/proc/self/fd/3", "-test.run=^TestDo$")
	cmd.ExtraFiles = []*os.File{self}
	cmd.Env = append(os.Environ(), doEnv+"="+verb+" "+path)
	out := &watched{began: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan error, 1)
	go func() { over <- cmd.Wait() }()
	var end error
	select {
	case <-out.began:
		began := time.Now()
		select {
		case end = <-over:
			took = time.Since(began)
		case <-time.After(after):
			cmd.Process.Signal(syscall.SIGKILL)
			end = <-over
		}
	case end = <-over:
	}
	if cmd.ProcessState.ExitCode() > 0 {
		t.Fatalf("%s ended by itself (%v): %s", verb, end, out.text.Bytes())
	}
	return took
}

// watched is a program's output; began is closed when it says so.
type watched struct {
	text  bytes.Buffer
	began chan struct{}
}

func (w *watched) Write(b []byte) (int, error) {
	had := bytes.Contains(w.text.Bytes(), []byte("begin"))
	w.text.Write(b)
	if !had && bytes.Contains(w.text.Bytes(), []byte("begin")) {
		close(w.began)
	}
	return len(b), nil
}

// TestKilledWhileConverting: after any kill, either all passwords are as
// before or all are converted.
func TestKilledWhileConverting(t *testing.T) {
	const n = 1500
	first, second := config.NewSecret("first"), config.NewSecret("second")
	for verb, keys := range map[string][2]sqlite.Options{
		"seal":   {{}, {Key: second}},
		"unseal": {{Key: second}, {}},
		"rekey":  {{Key: first}, {Key: second}},
	} {
		t.Run(verb, func(t *testing.T) {
			before := filepath.Join(t.TempDir(), "before.sql")
			plainDatabase(t, before, n)
			if key := keys[0].Key; key.IsSet() {
				s := ready(t, sqlite.Options{Path: before, Key: key})
				if err := sealing(t, s).Seal(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
				s.Close()
			}
			took, killed := 100*time.Millisecond, 0
			for range 8 {
				path := copyOf(t, before)
				if whole := killedAt(t, verb, path, rand.N(took)); whole > 0 {
					took = whole
				} else {
					killed++
				}
				checkOldOrNew(t, verb, path, n, keys)
			}
			if killed == 0 {
				t.Error("it was never killed")
			}
		})
	}
}

func checkOldOrNew(t *testing.T, verb, path string, n int, keys [2]sqlite.Options) {
	t.Helper()
	o := sqlite.Options{Path: path, Key: config.NewSecret("second"), OldKey: config.NewSecret("first")}
	s := ready(t, o)
	defer s.Close()
	checkPasswords(t, s, n)
	all := n + 3
	st := state(t, s)
	want := map[string][2]store.SealState{
		"seal":   {{Plain: all}, {On: true, Sealed: all}},
		"unseal": {{On: true, Sealed: all}, {Plain: all}},
		"rekey":  {{On: true, Changing: true, Older: all}, {On: true, Sealed: all}},
	}[verb]
	if st != want[0] && st != want[1] {
		t.Errorf("neither old nor new: %+v", st)
	}
}

func copyOf(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "database.sql")
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestKilledWhileExchanging: the file in its place is the old database or the
// new one, whole.
func TestKilledWhileExchanging(t *testing.T) {
	old, fresh := filepath.Join(t.TempDir(), "old.sql"), filepath.Join(t.TempDir(), "new.sql")
	plainDatabase(t, old, 900)
	plainDatabase(t, fresh, 300)
	took, killed := 60*time.Millisecond, 0
	for range 15 {
		path := copyOf(t, old)
		b, err := os.ReadFile(fresh)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+".backup", b, 0o600); err != nil {
			t.Fatal(err)
		}
		if whole := killedAt(t, "exchange", path, rand.N(took)); whole > 0 {
			took = whole
		} else {
			killed++
		}
		s := ready(t, sqlite.Options{Path: path})
		st, err := s.Status(t.Context())
		if err != nil || st.Users != 902 && st.Users != 302 {
			t.Fatalf("%+v, %v", st, err)
		}
		checkPasswords(t, s, 300)
		s.Close()
		checkLeftovers(t, path)
	}
	if killed == 0 {
		t.Error("it was never killed")
	}
}

// checkLeftovers: the next exchange takes away what a killed one left.
func checkLeftovers(t *testing.T, path string) {
	t.Helper()
	x, err := sqlite.NewExchange(sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if _, err := os.Stat(path + ".new"); err == nil {
		t.Error("the unfinished file is still there")
	}
	used, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	kept, _ := filepath.Glob(path + ".replaced.*")
	for _, k := range kept {
		if info, err := os.Stat(k); err != nil || os.SameFile(info, used) {
			t.Errorf("%s is the file in use (%v)", k, err)
		}
	}
}
