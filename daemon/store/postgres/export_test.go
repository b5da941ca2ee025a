// SPDX-License-Identifier: GPL-2.0-or-later

package postgres

import (
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlstore"
)

// AddStep adds a migration to stores that are opened until restore is
// called.
func AddStep(statements ...string) (restore func()) {
	old := migrations
	further := sqlstore.Step{Migration: store.Migration{Number: old[len(old)-1].Number + 1, Name: "of the test"}, Statements: statements}
	migrations = append(old[:len(old):len(old)], further)
	return func() { migrations = old }
}

// SetSocketDir makes another directory that of Debian's server.
func SetSocketDir(dir string) (restore func()) {
	old := socketDir
	socketDir = dir
	return func() { socketDir = old }
}

// SetOldest makes another version the oldest server that is taken.
func SetOldest(number int) (restore func()) {
	old := oldest
	oldest = number
	return func() { oldest = old }
}
