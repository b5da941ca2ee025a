// SPDX-License-Identifier: GPL-2.0-or-later

package postgres_test

import (
	"context"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/store/postgres"
	"spectrum.im/spectrum2/daemon/store/sqlstore/sqltest"
)

var kind = sqltest.Kind{
	Shared: dbtest.PostgreSQL,
	New:    dbtest.NewPostgreSQL,
	Open: func(ctx context.Context, s *dbtest.Server, o sqltest.Options) (store.Store, error) {
		at := options(s, o.Database)
		at.Prefix, at.Key, at.OldKey, at.Node, at.Lease, at.Timeout = o.Prefix, o.Key, o.OldKey, o.Node, o.Lease, o.Timeout
		at.Member, at.Machine = o.Member, o.Machine
		if o.Port != 0 {
			at.Server, at.Port, at.TLS, at.Password = "127.0.0.1", o.Port, "disable", config.NewSecret(dbtest.Password)
		}
		if o.Password.IsSet() {
			at.Server, at.Password = "127.0.0.1", o.Password // it trusts its socket
		}
		return postgres.Open(ctx, at)
	},
	// A transaction may always ask for READ WRITE on a server that is no
	// standby: what is left is to take the rights.
	ReadOnly: func(t *testing.T, s *dbtest.Server, database string, on bool) {
		t.Helper()
		what := "GRANT UPDATE ON users TO " + dbtest.User
		if on {
			what = "REVOKE UPDATE ON users FROM " + dbtest.User
		}
		if _, err := s.SQL(t, database).Exec(what); err != nil {
			t.Fatal(err)
		}
	},
	ReadOnlyWord: "has not the rights",
	Cut: func(t *testing.T, s *dbtest.Server) {
		t.Helper()
		if _, err := s.SQL(t, "").Exec("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '" + dbtest.User + "'"); err != nil {
			t.Fatal(err)
		}
	},
	FewConnections: "--max-connections=12", ManyConnections: "--max-connections=400",
	Connect: func(ctx context.Context, port int, o sqltest.Options) (store.Store, error) {
		return postgres.Open(ctx, postgres.Options{Server: "127.0.0.1", Port: port, User: dbtest.User, Password: config.NewSecret(dbtest.Password), TLS: "disable",
			Database: o.Database, Prefix: o.Prefix, Key: o.Key, Node: o.Node})
	},
	Command: sqltest.PostgreSQLCommand, Transactional: true,
	Sessions: "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND usename = '" + dbtest.User + "'",
}

func TestServer(t *testing.T) { sqltest.Run(t, kind) }

func TestDo(t *testing.T) { sqltest.Do(t, kind) }

func TestKilled(t *testing.T) { sqltest.Killed(t, kind, cxx) }
