// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlite"
)

// db runs `spectrum2 db VERB` on p's database, with a file as its input.
func db(t *testing.T, file, input string, args ...string) (string, error) {
	t.Helper()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(bin, "spectrum2"), append(append([]string{"db"}, args...), file)...)
	if input != "" {
		f, err := os.Open(input)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		cmd.Stdin = f
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// mustDB is db that has to say want.
func mustDB(t *testing.T, file, input, want string, args ...string) string {
	t.Helper()
	out, err := db(t, file, input, args...)
	if err != nil || !strings.Contains(out, want) {
		t.Fatalf("db %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// again starts the instance anew with its file.
func (p *process) again(more string) *process {
	p.t.Helper()
	p.stop()
	b, err := os.ReadFile(p.file)
	if err != nil {
		p.t.Fatal(err)
	}
	q := startFile(p.t, p.dir, string(b)+more)
	q.expectLog("ready")
	return q
}

// onDisk reports whether text is in the database's own files.
func (p *process) onDisk(text string) bool {
	p.t.Helper()
	path := filepath.Join(p.dir, "state", "database.sql")
	for _, end := range []string{"", "-wal"} {
		if b, err := os.ReadFile(path + end); err == nil && bytes.Contains(b, []byte(text)) {
			return true
		}
	}
	return false
}

// TestPasswordsOfAnInstanceAreSealedAndUnsealed with the real program, and the
// user logs in with each form.
func TestPasswordsOfAnInstanceAreSealedAndUnsealed(t *testing.T) {
	w, p, romeo := online(t, "")
	romeo.register("romeo_m", "hunter2-hunter2")
	for _, verb := range []string{"seal", "unseal"} {
		if out, err := db(t, p.file, "", verb, "--database.encryption_key=k"); err == nil || !strings.Contains(out, "stop the instance first (spectrumctl stop irc)") {
			t.Errorf("%s while it runs: %v\n%s", verb, err, out)
		}
	}
	p.stop()
	if out, err := db(t, p.file, "", "seal"); err == nil || !strings.Contains(out, "there is no database.encryption_key") {
		t.Errorf("without a key: %v\n%s", err, out)
	}
	const key = "--database.encryption_key=the key"
	out := mustDB(t, p.file, "", "Encrypted: 1 password.", "seal", key)
	backup := out[strings.Index(out, " is in ")+7 : strings.Index(out, ": remove")]
	if b, err := os.ReadFile(backup); err != nil || !bytes.Contains(b, []byte("hunter2-hunter2")) {
		t.Errorf("the backup %s: %v", backup, err)
	}
	if p.onDisk("hunter2-hunter2") {
		t.Error("the password is still readable")
	}
	mustDB(t, p.file, "", "Passwords:  1 encrypted", "status", key)
	if out, err := db(t, p.file, "", "export", "--output", "-"); err == nil {
		t.Errorf("an export without the key: %s", out)
	}
	q := p.again("encryption_key = the key\n")
	romeo.comeOnline()
	romeo.register("romeo_m", "another-hunter2")
	if q.onDisk("another-hunter2") {
		t.Error("a new password is readable")
	}
	q.stop()
	mustDB(t, q.file, "", "reads them: 1 password.", "unseal")
	if !q.onDisk("another-hunter2") {
		t.Error("the C++ version cannot read the password")
	}
	q.again("")
	w.server.awaitLink()
	romeo.comeOnline()
}

// TestKeyIsChangedWhileTheInstanceRuns: nobody is disconnected.
func TestKeyIsChangedWhileTheInstanceRuns(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	text := configOf(dir, w.server.addr, "")
	p := startFile(t, dir, text+"encryption_key = first\n")
	p.expectLog("ready")
	romeo, juliet := w.user("romeo"), w.user("juliet")
	romeo.register("romeo_m", "any")
	romeo.comeOnline()

	rewrite(t, p.file, text+"encryption_key = second\n")
	if _, err := p.control.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "database.encryption_key") {
		t.Errorf("a new key without the old one: %v", err)
	}
	rewrite(t, p.file, text+"encryption_key = second\nencryption_key_old = first\n")
	if out, err := db(t, p.file, "", "rekey"); err == nil || !strings.Contains(out, "does not have the new key yet: spectrumctl reload irc") {
		t.Errorf("before the reload: %v\n%s", err, out)
	}
	r, err := p.control.Reload(t.Context())
	if err != nil || len(r.NeedRestart) > 0 || len(r.Changed) != 2 {
		t.Errorf("reload: %+v, %v", r, err)
	}
	juliet.register("juliet_c", "any") // with the new key already
	mustDB(t, p.file, "", "Encrypted with the new key: 1 password.", "rekey")
	mark := romeo.mark()
	romeo.say("echo@"+transport, "chat", "still here?")
	romeo.hears(mark, "echo@"+transport, "still here?")
	juliet.comeOnline()
	romeo.register("romeo_m", "other")
	romeo.comeOnline()
	rewrite(t, p.file, text+"encryption_key = second\n")
	p.again("")
	w.server.awaitLink()
	juliet.comeOnline()
	romeo.comeOnline()
}

// TestRestoreAndMove: a backup brings back who unregistered, an export moves
// everybody to another instance.
func TestRestoreAndMove(t *testing.T) {
	w, p, romeo := online(t, "")
	backup := filepath.Join(p.dir, "backup")
	mustDB(t, p.file, "", "The backup is in "+backup, "backup", "--output", backup)
	export := filepath.Join(p.dir, "export.jsonl")
	mustDB(t, p.file, "", "1 user, ", "export", "--with-passwords", "--output", export)
	if info, err := os.Stat(export); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("export: %v, %v", info, err)
	}
	for _, args := range [][]string{{"restore"}, {"import"}, {"import", "--merge"}} {
		if out, err := db(t, p.file, export, args...); err == nil || !strings.Contains(out, "stop the instance first") {
			t.Errorf("%s while it runs: %v\n%s", args, err, out)
		}
	}
	if out, err := db(t, p.file, "", "export", "--output", export); err == nil || !strings.Contains(out, "exists") {
		t.Errorf("over another file: %v\n%s", err, out)
	}
	w.user("late").register("late_m", "x")
	p.stop()
	out := mustDB(t, p.file, backup, "Restored, with 1 user.", "restore")
	kept := strings.TrimSuffix(strings.TrimSpace(out[strings.Index(out, " is in ")+7:]), ".")
	if b, err := os.ReadFile(kept); err != nil || !bytes.Contains(b, []byte("late_m")) {
		t.Errorf("kept %q: %v", kept, err)
	}
	if out, err := db(t, p.file, export, "import"); err == nil || !strings.Contains(out, "--merge") {
		t.Errorf("into a database with users: %v\n%s", err, out)
	}

	dir := t.TempDir()
	file := filepath.Join(dir, "irc.cfg")
	rewrite(t, file, configOf(dir, w.server.addr, ""))
	mustDB(t, file, export, "Imported: 1 user,", "import")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	startFile(t, dir, string(text)).expectLog("ready")
	romeo.comeOnline()
	mark := romeo.mark()
	romeo.say("echo@"+transport, "chat", "moved")
	romeo.hears(mark, "echo@"+transport, "moved")
}

// TestDatabaseToolsKilled kills the real program at any moment of what changes
// a database: the old or the new one is there, whole.
func TestDatabaseToolsKilled(t *testing.T) {
	const users = 400
	dir := t.TempDir()
	path, file := filepath.Join(dir, "state", "database.sql"), filepath.Join(dir, "irc.cfg")
	rewrite(t, file, configOf(dir, "127.0.0.1:1", "")+"encryption_key = second\nencryption_key_old = first\n")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	plain, sealed := filepath.Join(dir, "plain"), filepath.Join(dir, "sealed")
	fillDatabase(t, plain, "", users)
	fillDatabase(t, sealed, "first", users)
	replaceDatabase(t, path, plain)
	export := filepath.Join(dir, "export")
	mustDB(t, file, "", "400 users", "export", "--with-passwords", "--output", export)

	for _, c := range []struct {
		verb, before, input string
		counts              []int // of users, before and after
	}{
		{"seal", plain, "", []int{users}},
		{"unseal", sealed, "", []int{users}},
		{"rekey", sealed, "", []int{users}},
		{"restore", plain, sealed, []int{users}},
		{"import", "", export, []int{0, users}},
		{"migrate", "", "", []int{0}},
	} {
		took, killed := time.Second, 0
		for n := range 8 {
			replaceDatabase(t, path, c.before)
			after := took * time.Duration(n) / 8
			if whole := killDB(t, file, c.input, c.verb, after+rand.N(took/8+1)); whole > 0 {
				took = whole
			} else {
				killed++
			}
			checkDatabase(t, path, c.verb, c.counts)
		}
		if killed == 0 {
			t.Errorf("%s was never killed", c.verb)
		}
	}
}

// fillDatabase makes a database whose passwords are sealed with the key.
func fillDatabase(t *testing.T, path, key string, users int) {
	t.Helper()
	s := openDatabase(t, sqlite.Options{Path: path, Key: config.NewSecret(key)})
	defer s.Close()
	for i := range users {
		u := &store.User{JID: fmt.Sprintf("u%d@example.org", i), Password: fmt.Sprint("p", i)}
		if err := s.CreateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		if err := s.PutContact(t.Context(), 0, &store.Contact{UserID: u.ID, Name: "c", Subscription: "both"}); err != nil {
			t.Fatal(err)
		}
	}
}

func openDatabase(t *testing.T, o sqlite.Options) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), o)
	if err == nil {
		_, err = s.Migrate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// replaceDatabase puts a copy of a database in path's place, or nothing.
func replaceDatabase(t *testing.T, path, from string) {
	t.Helper()
	old, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range old {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	if from == "" {
		return
	}
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// killDB kills the program after a while, and returns how long it took if it
// was done before.
func killDB(t *testing.T, file, input, verb string, after time.Duration) time.Duration {
	t.Helper()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), after)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "spectrum2"), "db", verb, file)
	if input != "" {
		f, err := os.Open(input)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		cmd.Stdin = f
	}
	began := time.Now()
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return time.Since(began)
	case ctx.Err() == nil:
		t.Fatalf("db %s: %v\n%s", verb, err, out)
	}
	return 0
}

// checkDatabase reads every user with his password and contact.
func checkDatabase(t *testing.T, path, verb string, counts []int) {
	t.Helper()
	s := openDatabase(t, sqlite.Options{Path: path, Key: config.NewSecret("second"), OldKey: config.NewSecret("first"), Exclusive: true})
	defer s.Close()
	jids, err := s.ListUsers(t.Context(), "", 100000)
	if err != nil {
		t.Fatal(err)
	}
	fits := false
	for _, n := range counts {
		fits = fits || len(jids) == n
	}
	if !fits {
		t.Fatalf("%s was killed: %d users are left", verb, len(jids))
	}
	for _, j := range jids {
		u, err := s.User(t.Context(), j)
		if err != nil || "u"+strings.TrimPrefix(u.Password, "p")+"@example.org" != j {
			t.Fatalf("%s was killed: %+v, %v", verb, u, err)
		}
		if c, err := s.Contacts(t.Context(), u.ID); err != nil || len(c) != 1 {
			t.Fatalf("%s was killed: %d contacts of %s, %v", verb, len(c), j, err)
		}
	}
	state, err := s.(store.Sealing).SealState(t.Context())
	if err != nil || boolCount(state.Sealed > 0, state.Older > 0, state.Plain > 0) > 1 {
		t.Fatalf("%s was killed: some passwords are in another form than the others: %+v, %v", verb, state, err)
	}
}

func boolCount(all ...bool) (n int) {
	for _, b := range all {
		if b {
			n++
		}
	}
	return n
}

// TestCutExportIsRefused: nothing is changed by it.
func TestCutExportIsRefused(t *testing.T) {
	dir := t.TempDir()
	file, path := filepath.Join(dir, "irc.cfg"), filepath.Join(dir, "state", "database.sql")
	rewrite(t, file, configOf(dir, "127.0.0.1:1", ""))
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	fillDatabase(t, path, "", 3)
	export := filepath.Join(dir, "export")
	mustDB(t, file, "", "3 users", "export", "--output", export)
	b, err := os.ReadFile(export)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(dir, "cut")
	if err := os.WriteFile(cut, b[:len(b)-100], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if out, err := db(t, file, cut, "import"); err == nil || !strings.Contains(out, "cut off") {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a database now: %v", err)
	}
}
