// SPDX-License-Identifier: GPL-2.0-or-later

package mysql_test

import (
	"context"
	"fmt"
	"testing"

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
		at.Prefix, at.Key, at.Node, at.Lease, at.Timeout = o.Prefix, o.Key, o.Node, o.Lease, o.Timeout
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
		if _, err := s.SQL(t, "").Exec("KILL CONNECTION USER " + dbtest.User); err != nil {
			t.Fatal(err)
		}
	},
	FewConnections: "--max-connections=12",
}

func TestServer(t *testing.T) { sqltest.Run(t, kind) }
