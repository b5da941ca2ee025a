// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/store/dbtest"
)

// TestRestoreOnDatabaseServers: a backup that was made while users were there
// brings them back, once nobody is.
func TestRestoreOnDatabaseServers(t *testing.T) {
	for typ, start := range map[string]func(testing.TB) *dbtest.Server{"pqxx": dbtest.PostgreSQL, "mysql": dbtest.MariaDB} {
		t.Run(typ, func(t *testing.T) {
			w := newWorld(t)
			dir, s := t.TempDir(), start(t)
			name := s.Database(t)
			config := serverConfig(dir, w.server.addr, "", typ, s.Port(), name)
			p := startFile(t, dir, config)
			p.expectLog("ready")
			romeo := w.user("romeo")
			romeo.register("romeo_m", "any")
			romeo.comeOnline()
			backup := filepath.Join(dir, "backup")
			mustDB(t, p.file, "", "The backup is in "+backup, "backup", "--output", backup)
			if out, err := db(t, p.file, backup, "restore"); err == nil || !strings.Contains(out, "in use by node") || !strings.Contains(out, "spectrumctl stop") {
				t.Errorf("while it runs: %v\n%s", err, out)
			}
			w.user("juliet").register("juliet_c", "any")
			p.stop()

			if out := mustDB(t, p.file, backup, "Restored, with 1 user.", "restore"); !strings.Contains(out, "The database as it was is in ") {
				t.Errorf("it says %s", out)
			}
			kept, err := filepath.Glob(filepath.Join(dir, "state", "database.replaced.*"))
			if err != nil || len(kept) != 1 {
				t.Fatalf("kept: %v, %v", kept, err)
			}
			p = startFile(t, dir, config)
			p.expectLog("ready")
			romeo.comeOnline()
			mark := romeo.mark()
			romeo.say("echo@"+transport, "chat", "hello")
			romeo.hears(mark, "echo@"+transport, "hello")
			p.stop()
			mustDB(t, p.file, kept[0], "Restored, with 2 users.", "restore")

			pool := s.SQL(t, name)
			if _, err := pool.Exec("INSERT INTO spectrum2_migrations (number, name, applied) VALUES (99, 'future', '')"); err != nil {
				t.Fatal(err)
			}
			endsWith78(t, dir, config)
		})
	}
}

// endsWith78 starts an instance on a database that a newer version has changed:
// systemd must not try again and again.
func endsWith78(t *testing.T, dir, config string) {
	t.Helper()
	p := startFile(t, dir, config)
	select {
	case <-p.done:
	case <-time.After(limit):
		t.Fatal("it runs")
	}
	log := p.log()
	if code := p.cmd.ProcessState.ExitCode(); code != 78 || !strings.Contains(log, "has schema 99 and this version of Spectrum 2 knows those up to") {
		t.Errorf("exit status %d:\n%s", code, log)
	}
	if strings.Contains(log, "spectrum2: migrate") {
		t.Errorf("it is said twice what was done:\n%s", log)
	}
}

func TestDatabaseOfANewerVersionEndsWith78(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	config := configOf(dir, w.server.addr, "")
	p := startFile(t, dir, config)
	p.expectLog("ready")
	p.stop()
	pool, err := sql.Open("sqlite", filepath.Join(dir, "state", "database.sql"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec("INSERT INTO spectrum2_migrations VALUES (99, 'future', '')"); err != nil {
		t.Fatal(err)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	endsWith78(t, dir, config)
}
