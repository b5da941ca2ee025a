// SPDX-License-Identifier: GPL-2.0-or-later

package postgres_test

import (
	"testing"

	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/store/postgres"
	"spectrum.im/spectrum2/daemon/store/sqlstore/sqltest"
)

// TestFewConnections: with less than the pool would take, all goes on.
func TestFewConnections(t *testing.T) {
	s := dbtest.NewPostgreSQL(t, "-c", "fsync=off")
	d := open(t, s, postgres.Options{Database: s.Database(t)})
	sqltest.Crowd(t, d, func() { run(t, s, "", "ALTER ROLE "+dbtest.User+" CONNECTION LIMIT 3") })
}
