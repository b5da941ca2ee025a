// SPDX-License-Identifier: GPL-2.0-or-later

package mysql_test

import (
	"context"
	"fmt"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/store/mysql"
	"spectrum.im/spectrum2/daemon/store/sqlstore/sqltest"
)

var kind = sqltest.Kind{
	Shared: dbtest.MariaDB,
	New:    dbtest.NewMariaDB,
	Open: func(ctx context.Context, s *dbtest.Server, o sqltest.Options) (store.Store, error) {
		at := options(s, o.Database)
		at.Prefix, at.Key, at.OldKey, at.Node, at.Lease, at.Timeout = o.Prefix, o.Key, o.OldKey, o.Node, o.Lease, o.Timeout
		at.Member, at.Machine = o.Member, o.Machine
		if o.Port != 0 {
			at.Server, at.Port, at.TLS, at.Password = "127.0.0.1", o.Port, "disable", config.NewSecret(dbtest.Password)
		}
		if o.Password.IsSet() {
			at.Password = o.Password
		}
		return mysql.Open(ctx, at)
	},
	ReadOnly: func(t *testing.T, s *dbtest.Server, _ string, on bool) {
		t.Helper()
		if _, err := s.SQL(t, "").Exec(fmt.Sprintf("SET GLOBAL read_only = %t", on)); err != nil {
			t.Fatal(err)
		}
	},
	ReadOnlyWord: "read-only",
	Cut: func(t *testing.T, s *dbtest.Server) {
		t.Helper()
		admin := s.SQL(t, "")
		rows, err := admin.Query("SELECT id FROM information_schema.processlist WHERE user = '" + dbtest.User + "'")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				t.Fatal(err)
			}
			_, _ = admin.Exec(fmt.Sprint("KILL CONNECTION ", id)) // it may have ended by itself
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	},
	FewConnections: "--max-connections=12", ManyConnections: "--max-connections=400",
	Connect: func(ctx context.Context, port int, o sqltest.Options) (store.Store, error) {
		return mysql.Open(ctx, mysql.Options{Server: "127.0.0.1", Port: port, User: dbtest.User, Password: config.NewSecret(dbtest.Password), TLS: "disable",
			Database: o.Database, Prefix: o.Prefix, Key: o.Key, Node: o.Node})
	},
	Command:  sqltest.MySQLCommand,
	Sessions: "SELECT count(*) FROM information_schema.processlist WHERE db = ? AND user = '" + dbtest.User + "'",
}

func TestServer(t *testing.T) { sqltest.Run(t, kind) }

func TestDo(t *testing.T) { sqltest.Do(t, kind) }

func TestKilled(t *testing.T) { sqltest.Killed(t, kind, cxx) }
