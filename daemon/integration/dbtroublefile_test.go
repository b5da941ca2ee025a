// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/store/dbtest"
)

// smallDisk mounts a file system with so many bytes, which needs root.
func smallDisk(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0777", bytes)); err != nil {
		t.Fatalf("mount a small disk (this test needs root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes a file until there is no room, and returns its removal.
func fill(t *testing.T, dir string) (free func() error) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	for _, n := range []int{1 << 20, 4096, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, n))
		}
	}
	return func() error { return os.Remove(path) }
}

// refuses is a time in which the database can be read and takes nothing.
func (x *troubled) refuses(phase string, end func() (back func() error)) {
	x.t.Helper()
	back := end()
	a := x.act(phase)
	worst := x.talk(200)
	if worst > injected/2 {
		x.t.Errorf("%s: a round trip took %v", phase, worst)
	}
	x.p.expectStatus("the database ")
	if text := x.answered(a); text != "" && !strings.Contains(text, "database") {
		x.t.Errorf("%s: the answer to a registration is %q", phase, text)
	}
	must(x.t, back())
	x.settled(a)
	x.p.expectLog("database is back")
	if n := x.p.lines("database is away"); n != 1 {
		x.t.Errorf("%s: the log says %d times that the database is away", phase, n)
	}
}

// TestSQLiteOnAFullDisk: it takes nothing until there is room.
func TestSQLiteOnAFullDisk(t *testing.T) {
	dir := smallDisk(t, 8<<20)
	path := filepath.Join(dir, "database.sql")
	pool, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	must(t, err)
	defer pool.Close()
	x := newTroubled(t, "type = sqlite3\ndatabase = "+path+"\n", "", pool)
	x.refuses("full", func() func() error { return fill(t, dir) })
	x.wake()
}

// TestPostgreSQLOnAFullDisk: the tables are on a disk that is full, and have
// some room left in their pages.
func TestPostgreSQLOnAFullDisk(t *testing.T) {
	db, dir := dbtest.PostgreSQL(t), smallDisk(t, 24<<20)
	name := db.Database(t)
	space := filepath.Join(dir, "space")
	must(t, os.Mkdir(space, 0o777))
	must(t, os.Chmod(space, 0o777))
	info, err := os.Stat(db.Dir())
	must(t, err)
	must(t, os.Chown(space, int(info.Sys().(*syscall.Stat_t).Uid), -1))
	for at := dir; at != "/tmp" && at != "/"; at = filepath.Dir(at) {
		must(t, os.Chmod(at, 0o755))
	}
	admin := db.SQL(t, "")
	_, err = admin.Exec("CREATE TABLESPACE small LOCATION '" + space + "'")
	must(t, err)
	_, err = admin.Exec("ALTER DATABASE " + name + " SET TABLESPACE small")
	must(t, err)
	t.Cleanup(func() {
		_, err := admin.Exec("ALTER DATABASE " + name + " SET TABLESPACE pg_default")
		if err == nil {
			_, err = admin.Exec("DROP TABLESPACE small")
		}
		if err != nil {
			t.Error(err)
		}
	})
	pool := db.SQL(t, name)
	x := newTroubled(t, fmt.Sprintf("type = pqxx\nserver = 127.0.0.1\nport = %d\nuser = %s\npassword = %s\ndatabase = %s\nprefix = s_\n",
		db.Port(), dbtest.User, dbtest.Password, name), "s_", pool)
	x.refuses("full", func() func() error { return fill(t, dir) })
	x.wake()
	x.p.stop()
	must(t, pool.Close())
}

// TestSQLiteFileThatCannotBeUsed: the program says which file it is and what to
// do, and ends; a file that is damaged is left as it is.
func TestSQLiteFileThatCannotBeUsed(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(path string) error
		want  string
	}{
		"header":    {func(path string) error { return overwrite(path, 0, "This is no database at all") }, "spectrumctl db restore"},
		"schema":    {func(path string) error { return overwrite(path, 100, strings.Repeat("\xff", 3000)) }, "spectrumctl db restore"},
		"truncated": {func(path string) error { return os.Truncate(path, 5000) }, "spectrumctl db restore"},
		"directory": {func(path string) error { return replaceBy(path, func() error { return os.Mkdir(path, 0o700) }) }, "is not a file"},
	} {
		t.Run(name, func(t *testing.T) {
			w, dir := newWorld(t), t.TempDir()
			config := configOf(dir, w.server.addr, "")
			p := startFile(t, dir, config)
			p.expectLog("ready")
			p.stop()
			path := filepath.Join(dir, "state", "database.sql")
			must(t, c.spoil(path))
			before, _ := os.ReadFile(path)
			p = startFile(t, dir, config)
			select {
			case <-p.done:
			case <-time.After(limit):
				t.Fatalf("it goes on:\n%s", p.log())
			}
			if status := p.cmd.ProcessState.ExitCode(); status != 1 {
				t.Errorf("exit status %d", status)
			}
			if log := p.log(); !strings.Contains(log, path) || !strings.Contains(log, c.want) || strings.Contains(log, "panic") {
				t.Errorf("it says:\n%s", log)
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Error("the file was changed")
			}
		})
	}
}

func overwrite(path string, at int64, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt([]byte(text), at)
	return err
}

func replaceBy(path string, make func() error) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return make()
}

// TestSQLiteDamagedWhileItRuns: users go on, and STATUS= says it.
func TestSQLiteDamagedWhileItRuns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "database.sql")
	pool, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	must(t, err)
	x := newTroubled(t, "type = sqlite3\ndatabase = "+path+"\n", "", pool)
	var busy, logged, moved int
	must(t, pool.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &logged, &moved))
	must(t, pool.Close())
	info, err := os.Stat(path)
	must(t, err)
	must(t, overwrite(path, 4096, strings.Repeat("\xff", int(info.Size())-4096)))
	x.act("damaged")
	x.p.expectStatus("the database ")
	x.talk(100)
	x.p.expectLog("restore a backup")
}
