// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"fmt"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/store/dbtest"
)

// TestDatabaseServerThatComesLater: an instance that starts before its database
// server says what it waits for, and comes up by itself.
func TestDatabaseServerThatComesLater(t *testing.T) {
	db := dbtest.NewPostgreSQL(t)
	w := newWorld(t)
	dir, name := t.TempDir(), db.Database(t)
	if err := db.Crash(); err != nil {
		t.Fatal(err)
	}
	config, _, _ := strings.Cut(configOf(dir, w.server.addr, ""), "[database]")
	p := startFile(t, dir, config+fmt.Sprintf("[database]\ntype = pqxx\nserver = 127.0.0.1\nport = %d\nuser = %s\npassword = %s\ndatabase = %s\n",
		db.Port(), dbtest.User, dbtest.Password, name))
	p.expectLog("waiting for the database")
	if err := db.Start(); err != nil {
		t.Fatal(err)
	}
	p.expectLog("the database is there")
	p.expectLog("ready")
	if n := strings.Count(p.log(), "waiting for the database"); n > 2 {
		t.Errorf("it says %d times that it waits", n)
	}
}
