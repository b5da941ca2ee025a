// SPDX-License-Identifier: GPL-2.0-or-later

package mysql_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/mysql"
	"spectrum.im/spectrum2/daemon/store/sqlstore/sqltest"
)

func TestRestore(t *testing.T) { sqltest.Restore(t, kind, cxx) }

// TestRestoreOfWhatNoServerTakesNow: rows that were written while the server
// was less strict are brought back as they were.
func TestRestoreOfWhatNoServerTakesNow(t *testing.T) {
	s := kind.Shared(t)
	name := s.Database(t)
	pool := s.SQL(t, name)
	for _, query := range []string{
		fmt.Sprintf(cxxTables, ""),
		"SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'; INSERT INTO users (id, jid, uin, password, language, last_login) VALUES (0, 'a@example.org', '', '', '', '0000-00-00 00:00:00'); " +
			"INSERT INTO buddies (id, user_id, uin, subscription, nickname, `groups`) VALUES (0, 0, 'c', 'nonsense', '', '')",
	} {
		if _, err := pool.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	d := open(t, s, mysql.Options{Database: name})
	path := filepath.Join(t.TempDir(), "backup")
	if err := d.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec("DELETE FROM users; DELETE FROM buddies"); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := d.(store.Restorer).Restore(t.Context(), f, path+".kept"); err != nil {
		t.Fatal(err)
	}
	var date, subscription string
	err = pool.QueryRow("SELECT CAST(u.last_login AS CHAR), b.subscription FROM users u JOIN buddies b ON b.user_id = u.id WHERE u.id = 0 AND b.id = 0").Scan(&date, &subscription)
	if err != nil || date != "0000-00-00 00:00:00" || subscription != "" {
		t.Errorf("%q, %q, %v", date, subscription, err)
	}
}
