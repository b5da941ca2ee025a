// SPDX-License-Identifier: GPL-2.0-or-later

package mysql_test

import (
	"testing"

	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/store/mysql"
	"spectrum.im/spectrum2/daemon/store/sqlstore/sqltest"
)

// TestFewConnections: with less than the pool would take, all goes on.
func TestFewConnections(t *testing.T) {
	s := dbtest.NewMariaDB(t, "--innodb-flush-log-at-trx-commit=0")
	d := open(t, s, mysql.Options{Database: s.Database(t)})
	sqltest.Crowd(t, d, func() { run(t, s, "", "ALTER USER "+dbtest.User+" WITH MAX_USER_CONNECTIONS 3") })
}
