// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
)

const (
	killedKey    = "key of C++"
	killedPrefix = "icq_"
	doEnv        = "SQLTEST_DO"
)

// Do is a test that does nothing unless a test of Killed runs it in a process
// of its own, which it kills.
func Do(t *testing.T, k Kind) {
	var verb, database string
	var port int
	if n, _ := fmt.Sscanf(os.Getenv(doEnv), "%s %s %d", &verb, &database, &port); n != 3 {
		return
	}
	if err := k.run(t.Context(), verb, database, port); err != nil {
		t.Fatal(err)
	}
}

// run does what is being killed, through a cutter's port.
func (k Kind) run(ctx context.Context, verb, database string, port int) error {
	if verb == "restore" {
		return k.restoreFrom(ctx, os.Getenv(backupEnv), database, port)
	}
	d, err := k.Connect(ctx, port, Options{Database: database, Prefix: killedPrefix, Key: config.NewSecret(killedKey), Node: "killed"})
	if err != nil {
		return err
	}
	if _, err = d.Migrate(ctx); err == nil && verb != "migrate" {
		x := d.(store.Sealing)
		err = map[string]func(context.Context, func(int, int)) error{"seal": x.Seal, "unseal": x.Unseal}[verb](ctx, nil)
	}
	return errors.Join(err, d.Close())
}

// Killed kills what changes a database: at each statement, or each third of a
// transaction, the server's end of the connection, and at some the program's
// process and the server itself.
func Killed(t *testing.T, k Kind, c Cxx) {
	for _, verb := range []string{"migrate", "seal", "unseal"} {
		for name, kill := range map[string]struct {
			step int
			at   func(t *testing.T, k Kind, s *dbtest.Server, verb, database string, n int) (done bool)
		}{"connection": {1, cutAt}, "process before": {19, killBefore}, "process after": {17, killAfter}} {
			if verb != "migrate" || k.Transactional { // one transaction
				kill.step = (kill.step + 5) / 2
			}
			t.Run(verb+"/"+name, func(t *testing.T) {
				s := k.Shared(t)
				killEverywhere(t, k, c, s, verb, kill.step, func(database string, n int) bool { return kill.at(t, k, s, verb, database, n) })
			})
		}
	}
	t.Run("migrate/server", func(t *testing.T) {
		s := k.New(t)
		killEverywhere(t, k, c, s, "migrate", 17, func(database string, n int) bool { return crashAt(t, k, s, database, n) })
	})
}

// killEverywhere kills at every step-th place, until there is none any more.
func killEverywhere(t *testing.T, k Kind, c Cxx, s *dbtest.Server, verb string, step int, kill func(database string, n int) bool) {
	first, before, after := c.states(t, k, s, verb)
	killed := 0
	for n := first; ; n += step {
		database := c.prepare(t, k, s, verb)
		done := kill(database, n)
		now := c.state(t, s, database)
		switch {
		case done && !slices.Equal(now, after):
			t.Fatalf("%s that was not killed:\n%s", verb, difference(after, now))
		case verb == "migrate":
			checkHalf(t, k, n, before, now, after)
		case !slices.Equal(pick(now, "row"), pick(before, "row")) && !slices.Equal(pick(now, "row"), pick(after, "row")):
			t.Fatalf("%s killed at command %d leaves neither the old nor the new:\n%s", verb, n, difference(before, now))
		}
		if done {
			break
		}
		killed++
		must(t, k.run(t.Context(), verb, database, s.Port()))
		if now := c.state(t, s, database); !slices.Equal(now, after) {
			t.Fatalf("%s after one that was killed at command %d:\n%s", verb, n, difference(after, now))
		}
	}
	if killed == 0 {
		t.Error("it was never killed")
	}
}

// checkHalf: a server with transactions has the old or the new tables; another
// one may have some of the new, and what was there is as it was.
func checkHalf(t *testing.T, k Kind, n int, before, now, after []string) {
	t.Helper()
	if k.Transactional && !slices.Equal(now, before) && !slices.Equal(now, after) {
		t.Fatalf("killed at command %d, neither old nor new:\n%s", n, difference(before, now))
	}
	for _, line := range before {
		if !slices.Contains(now, line) {
			t.Fatalf("killed at command %d, it lacks %s", n, line)
		}
	}
	for _, line := range now {
		if !slices.Contains(after, line) && !slices.Contains(before, line) {
			t.Fatalf("killed at command %d, it has %s", n, line)
		}
	}
}

// prepare makes the database before the verb.
func (c Cxx) prepare(t *testing.T, k Kind, s *dbtest.Server, verb string) string {
	t.Helper()
	database := s.Database(t)
	c.fill(t, s, database, killedPrefix, cxxDisguise)
	if verb != "migrate" {
		must(t, k.run(t.Context(), "migrate", database, s.Port()))
	}
	if verb == "unseal" {
		must(t, k.run(t.Context(), "seal", database, s.Port()))
	}
	return database
}

// states are the database's before the verb and after it, undisturbed. The
// verb begins behind first commands, with which nothing is changed.
func (c Cxx) states(t *testing.T, k Kind, s *dbtest.Server, verb string) (first int, before, after []string) {
	t.Helper()
	database := c.prepare(t, k, s, verb)
	before = c.state(t, s, database)
	if verb != "migrate" {
		count := newCutter(t, s, k, -1, nil)
		must(t, k.run(t.Context(), "migrate", database, count.port()))
		count.end()
		first = max(0, int(count.count.Load())-6)
	}
	must(t, k.run(t.Context(), verb, database, s.Port()))
	return first, before, c.state(t, s, database)
}

// state is what the database is like, and what the tables of the C++ version
// hold. What is sealed is different each time.
func (c Cxx) state(t *testing.T, s *dbtest.Server, database string) []string {
	t.Helper()
	pool := s.SQL(t, database)
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	var all []string
	for _, query := range c.Shape {
		all = append(all, texts(t, pool, "shape ", query)...)
	}
	columns := map[string]string{"users": "*", "buddies": "*", "users_settings": "*", "buddies_settings": "*", "db_version": "*", "spectrum2_migrations": "number, name", "spectrum2_meta": "name"}
	for table, names := range columns {
		if slices.ContainsFunc(all, func(l string) bool { return strings.Contains(l, killedPrefix+table+`"`) }) {
			all = append(all, texts(t, pool, "row of "+table+" ", "SELECT "+names+" FROM "+killedPrefix+table)...)
		}
	}
	slices.Sort(all)
	return all
}

// texts are a query's rows, each as one text.
func texts(t *testing.T, pool *sql.DB, what, query string) (all []string) {
	t.Helper()
	rows, err := pool.QueryContext(context.Background(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	must(t, err)
	values, places := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		places[i] = &values[i]
	}
	for rows.Next() {
		must(t, rows.Scan(places...))
		line := what
		for i, v := range values {
			if strings.HasPrefix(v.String, "$spectrum2$") {
				v.String = "sealed"
			}
			line += fmt.Sprintf("%s=%q,%t ", columns[i], v.String, v.Valid)
		}
		all = append(all, line)
	}
	must(t, rows.Err())
	return all
}

func pick(lines []string, prefix string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !strings.HasPrefix(l, prefix) })
}

// difference shows what is in one and not in the other.
func difference(want, got []string) string {
	var b strings.Builder
	for _, l := range want {
		if !slices.Contains(got, l) {
			b.WriteString("- " + l + "\n")
		}
	}
	for _, l := range got {
		if !slices.Contains(want, l) {
			b.WriteString("+ " + l + "\n")
		}
	}
	return b.String()
}

// cutAt takes the server away from the program at one command. It reports
// whether the program was done before.
func cutAt(t *testing.T, k Kind, s *dbtest.Server, verb, database string, n int) (done bool) {
	c := newCutter(t, s, k, n, (*cutter).stop)
	err := k.run(t.Context(), verb, database, c.port())
	reached := c.count.Load() > int64(n)
	c.end()
	if err != nil && !reached {
		t.Fatalf("%s ended by itself: %v", verb, err)
	}
	return !reached
}

// crashAt kills the server at one command and starts it again.
func crashAt(t *testing.T, k Kind, s *dbtest.Server, database string, n int) (done bool) {
	var crash error
	c := newCutter(t, s, k, n, func(c *cutter) { crash = s.Crash(); c.stop() })
	err := k.run(t.Context(), "migrate", database, c.port())
	c.end()
	must(t, crash)
	if c.count.Load() <= int64(n) {
		must(t, err)
		return true
	}
	must(t, s.Start())
	return false
}

func killBefore(t *testing.T, k Kind, s *dbtest.Server, verb, database string, n int) bool {
	return killAt(t, k, s, verb, database, n, true)
}

func killAfter(t *testing.T, k Kind, s *dbtest.Server, verb, database string, n int) bool {
	return killAt(t, k, s, verb, database, n, false)
}

// killAt kills the program's process at one command, which the server still
// gets unless before.
func killAt(t *testing.T, k Kind, s *dbtest.Server, verb, database string, n int, before bool) (done bool) {
	t.Helper()
	self, err := os.Open("/proc/self/exe")
	must(t, err)
	defer self.Close()
	cmd := exec.CommandContext(t.Context(), "/proc/self/fd/3", "-test.run=^TestDo$")
	cmd.ExtraFiles = []*os.File{self}
	started := make(chan *os.Process, 1)
	c := newCutter(t, s, k, n, func(c *cutter) {
		_ = (<-started).Kill()
		if before {
			c.stop()
		}
	})
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d", doEnv, verb, database, c.port()))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	must(t, cmd.Start())
	started <- cmd.Process
	err = cmd.Wait()
	if cmd.ProcessState.Exited() && err != nil {
		t.Fatalf("%s ended by itself: %s", verb, out.Bytes())
	}
	c.settle()
	await(t, k, s, database)
	return err == nil
}

// settle waits until the server has ended its side of every connection.
func (c *cutter) settle() {
	_ = c.listen.Close()
	c.group.Wait()
}

// await waits until the server has undone what it has to.
func await(t *testing.T, k Kind, s *dbtest.Server, database string) {
	t.Helper()
	pool := s.SQL(t, database)
	defer pool.Close()
	soon(t, func() bool {
		var n int
		return pool.QueryRowContext(context.Background(), k.Sessions, database).Scan(&n) == nil && n == 0
	})
}
