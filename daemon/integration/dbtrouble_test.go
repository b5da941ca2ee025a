// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/store/dbtest"
)

// injected is what each query of a slow database takes.
const injected = 2 * time.Second

// TestDatabaseServerInTrouble: whatever becomes of the database, users who talk
// do not notice; who needs it is told, or waits; and when it is back everything
// is written that came meanwhile.
func TestDatabaseServerInTrouble(t *testing.T) {
	for _, k := range []struct {
		typ   string
		start func(testing.TB) *dbtest.Server
		locks map[string]string
	}{
		{"pqxx", dbtest.PostgreSQL, map[string]string{"locked": "BEGIN; LOCK TABLE s_users IN ACCESS EXCLUSIVE MODE"}},
		{"mysql", dbtest.MariaDB, map[string]string{"locked": "LOCK TABLES s_users WRITE", "readlocked": "FLUSH TABLES WITH READ LOCK"}},
	} {
		t.Run(k.typ, func(t *testing.T) {
			db := k.start(t)
			proxy, name := db.Proxy(t), db.Database(t)
			x := newTroubled(t, fmt.Sprintf("type = %s\nserver = 127.0.0.1\nport = %d\nuser = %s\npassword = %s\ndatabase = %s\nprefix = s_\nencryption_key = k\n",
				k.typ, proxy.Port(), dbtest.User, dbtest.Password, name), "s_", db.SQL(t, name))
			x.slow(proxy)
			for phase, statement := range k.locks {
				x.lock(phase, func() (release func()) { return hold(t, db.SQL(t, name), statement) })
			}
			x.away("frozen", func() func() error { return must1(t)(db.Freeze()) })
			x.away("killed", func() func() error { must(t, db.Crash()); return db.Start })
			x.away("stopped", func() func() error { must(t, db.Stop()); return db.Start })
			x.wake()
			if log := x.p.log(); strings.Contains(log, "0815") {
				t.Error("the log knows the database's password")
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must1(t testing.TB) func(func() error, error) func() error {
	return func(f func() error, err error) func() error {
		t.Helper()
		must(t, err)
		return f
	}
}

// slow: every query takes long.
func (x *troubled) slow(proxy *dbtest.Proxy) {
	x.t.Helper()
	proxy.Delay(injected)
	a := x.act("slow")
	x.p.poll("held queries", func(context.Context) bool { return proxy.Held() > 0 }, x.p.log)
	trips, worst := 0, time.Duration(0)
	for begin := time.Now(); time.Since(begin) < 3*injected; {
		before := proxy.Held() > 0
		worst = max(worst, x.talk(1))
		if before && proxy.Held() > 0 {
			trips++
		}
	}
	if trips < 100 || worst > injected/2 {
		x.t.Errorf("with %v for each query there were %d round trips while one was held, the longest took %v", injected, trips, worst)
	}
	x.t.Logf("slow: %d round trips, the longest took %v", trips, worst)
	proxy.Delay(0)
	if text := x.answered(a); text != "" {
		x.t.Errorf("a registration with a slow database: %s", text)
	}
	x.settled(a)
}

// hold keeps a lock of another program's.
func hold(t testing.TB, pool *sql.DB, statement string) (release func()) {
	t.Helper()
	conn, err := pool.Conn(context.Background())
	must(t, err)
	for s := range strings.SplitSeq(statement, "; ") {
		_, err := conn.ExecContext(context.Background(), s)
		must(t, err)
	}
	return func() {
		_ = conn.Raw(func(any) error { return sql.ErrConnDone }) // the lock ends with the connection
		_ = conn.Close()
		_ = pool.Close()
	}
}

// lock: somebody else has it for himself.
func (x *troubled) lock(phase string, lock func() (release func())) {
	x.t.Helper()
	release := lock()
	a := x.act(phase)
	worst := x.talk(200)
	release()
	if worst > injected/2 {
		x.t.Errorf("%s: a round trip took %v", phase, worst)
	}
	x.t.Logf("%s: the longest of 200 round trips took %v", phase, worst)
	if text := x.answered(a); text != "" && !strings.Contains(text, "database") {
		x.t.Errorf("%s: the answer to a registration is %q", phase, text)
	}
	x.settled(a)
}

// away: the server does not answer, and then does again.
func (x *troubled) away(phase string, end func() (back func() error)) {
	x.t.Helper()
	said, cameBack := x.p.lines("database is away"), x.p.lines("database is back")
	all := x.p.lines("")
	back := end()
	a := x.act(phase)
	worst := x.talk(200)
	if worst > injected/2 {
		x.t.Errorf("%s: a round trip took %v", phase, worst)
	}
	x.p.expectStatus("the database is not available")
	if text := x.answered(a); !strings.Contains(text, "database") {
		x.t.Errorf("%s: the answer to a registration is %q", phase, text)
	}
	x.t.Logf("%s: the longest of 200 round trips took %v, the log grew by %d lines", phase, worst, x.p.lines("")-all)
	if n := x.p.lines("database is away") - said; n != 1 {
		x.t.Errorf("%s: the log says %d times that the database is away", phase, n)
	}
	if n := x.p.lines("") - all; n > 10 {
		x.t.Errorf("%s: the log grew by %d lines:\n%s", phase, n, x.p.log())
	}
	must(x.t, back())
	x.settled(a)
	x.p.poll("the log that it is back", func(context.Context) bool { return x.p.lines("database is back") == cameBack+1 }, x.p.log)
}

// TestSQLiteLockedByAnotherProgram: a backup tool has it.
func TestSQLiteLockedByAnotherProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "database.sql")
	pool, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	must(t, err)
	defer pool.Close()
	x := newTroubled(t, "type = sqlite3\ndatabase = "+path+"\n", "", pool)
	other, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	must(t, err)
	x.lock("locked", func() func() { return hold(t, other, "BEGIN IMMEDIATE") })
	x.wake()
}
