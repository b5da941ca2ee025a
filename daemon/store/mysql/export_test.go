// SPDX-License-Identifier: GPL-2.0-or-later

package mysql

import (
	"slices"

	"spectrum.im/spectrum2/daemon/store/sqlstore"
)

// EndAfter ends the connection after n statements of the migrations of stores
// that are opened until restore is called; more says whether there is a place
// behind it.
func EndAfter(n int) (restore func(), more bool) {
	const kill = "KILL CONNECTION CONNECTION_ID()"
	oldSteps, oldBooks := migrations, bookkeeping
	restore = func() { migrations, bookkeeping = oldSteps, oldBooks }
	cut := func(statements []string) []string {
		if n < 0 || n > len(statements) {
			n -= len(statements) + 1
			return statements
		}
		statements = slices.Insert(slices.Clone(statements), n, kill)
		n = -1
		return statements
	}
	bookkeeping = cut(oldBooks)
	migrations = slices.Clone(oldSteps)
	for i, s := range oldSteps {
		migrations[i] = sqlstore.Step{Migration: s.Migration, Statements: cut(s.Statements), Also: s.Also}
	}
	last := migrations[len(migrations)-1].Statements
	return restore, len(last) == 0 || last[len(last)-1] != kill
}

// SetOldest makes another version the oldest server that is taken.
func SetOldest(major, minor int) (restore func()) {
	old, oldMariaDB := oldestMySQL, oldestMariaDB
	oldestMySQL, oldestMariaDB = version{major, minor}, version{major, minor}
	return func() { oldestMySQL, oldestMariaDB = old, oldMariaDB }
}
