// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/xmpp"
	ibr "spectrum.im/spectrum2/daemon/xmpp/register"
)

// TestDatabaseServers is an instance with its users on a database server: they
// are there after a restart, those who are logged in do not notice that the
// server is away, and who needs it is told.
func TestDatabaseServers(t *testing.T) {
	for typ, start := range map[string]func(testing.TB, ...string) *dbtest.Server{"pqxx": dbtest.NewPostgreSQL, "mysql": dbtest.NewMariaDB} {
		t.Run(typ, func(t *testing.T) {
			db := start(t)
			w := newWorld(t)
			dir := t.TempDir()
			config, _, _ := strings.Cut(configOf(dir, w.server.addr, ""), "[database]")
			config += fmt.Sprintf("[database]\ntype = %s\nserver = 127.0.0.1\nport = %d\nuser = %s\npassword = %s\ndatabase = %s\nprefix = s_\nencryption_key = k\n",
				typ, db.Port(), dbtest.User, dbtest.Password, db.Database(t))
			p := startFile(t, dir, config)
			p.expectLog("ready")
			romeo := w.user("romeo")
			romeo.register("romeo_m", "any")
			romeo.comeOnline()
			p.stop()

			p = startFile(t, dir, config)
			p.expectLog("ready")
			romeo.comeOnline()
			mark := romeo.mark()
			romeo.say("echo@"+transport, "chat", "hello")
			romeo.hears(mark, "echo@"+transport, "hello")

			if err := db.Crash(); err != nil {
				t.Fatal(err)
			}
			mark = romeo.mark()
			romeo.say("echo@"+transport, "chat", "still there?")
			romeo.hears(mark, "echo@"+transport, "still there?")
			juliet := w.user("juliet")
			r := juliet.request("set", transport, ibr.Query{Fields: []ibr.Field{{Name: "username", Value: "juliet_c"}, {Name: "password", Value: "any"}}}.Element())
			if cond, text := xmpp.ErrorOf(r); cond != xmpp.ResourceConstraint || !strings.Contains(text, "database") {
				t.Errorf("a registration without the database: %s", r)
			}
			p.expectStatus("the database is not available")
			if err := db.Start(); err != nil {
				t.Fatal(err)
			}
			p.poll("a registration", func(context.Context) bool {
				r := juliet.request("set", transport, ibr.Query{Fields: []ibr.Field{{Name: "username", Value: "juliet_c"}, {Name: "password", Value: "any"}}}.Element())
				return r.Get("type") == "result"
			}, p.log)
			if log := p.log(); strings.Contains(log, "0815") {
				t.Errorf("the log knows the database's password:\n%s", log)
			}
		})
	}
}
