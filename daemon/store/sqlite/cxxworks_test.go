// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlite"
	"spectrum.im/spectrum2/daemon/store/sqlstore/sqltest"
)

var cxx = sqltest.Cxx{
	Tables: cxxTables, Groups: "groups", True: "1", False: "0",
	Work: sqltest.Work{
		Groups: "groups", True: "1", Now: "DATETIME('NOW')", Replaces: true,
		PutUser: func(jid, name, password string) string {
			quote := func(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
			return "INSERT OR REPLACE INTO users (id, jid, uin, password, language, encoding, last_login, vip) VALUES ((SELECT id FROM users WHERE jid = " + quote(jid) + "), " +
				quote(jid) + ", " + quote(name) + ", " + quote(password) + ", 'en', 'utf8', DATETIME('NOW'), 0)"
		},
		PutIcon: func(user, contact int64, hash string) []string {
			return []string{fmt.Sprintf("INSERT OR REPLACE INTO buddies_settings (user_id, buddy_id, var, type, value) VALUES (%d, %d, 'icon_hash', 2, '%s')", user, contact, hash)}
		},
	},
}

// TestCxxVersionGoesOn runs its statements on a migrated file, also on one
// that was sealed and unsealed.
func TestCxxVersionGoesOn(t *testing.T) {
	plain := func(password string) string { return password }
	for name, key := range map[string]string{"plain": "", "with its key": "key of C++", "after seal and unseal": "key of C++"} {
		t.Run(name, func(t *testing.T) {
			o := sqlite.Options{Path: filepath.Join(t.TempDir(), "database.sql"), Key: config.NewSecret(key)}
			pool, err := sql.Open("sqlite", o.Path)
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			pool.SetMaxOpenConns(1)
			cxx.Fill(t, pool, "", plain)
			before := passwords(t, pool)
			s := ready(t, o)
			if name == "after seal and unseal" {
				if err := sealing(t, s).Seal(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
				if sealed := passwords(t, pool); !strings.HasPrefix(sealed, "$spectrum2$") {
					t.Errorf("sealed: %q", sealed)
				}
				if err := sealing(t, s).Unseal(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
			}
			s.Close()
			if after := passwords(t, pool); after != before {
				t.Errorf("the passwords are %q, not %q", after, before)
			}
			sqltest.Works(t, cxx.Work, pool, func() store.Store { return ready(t, o) }, plain)
		})
	}
}

// passwords are those of all users as they are in the file.
func passwords(t *testing.T, pool *sql.DB) (all string) {
	t.Helper()
	if err := pool.QueryRow("SELECT group_concat(password, '|') FROM (SELECT password FROM users ORDER BY id)").Scan(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestRowsNobodyExpects: and the columns are those of a conversion, without
// NOT NULL and types.
func TestRowsNobodyExpects(t *testing.T) {
	o := sqlite.Options{Path: filepath.Join(t.TempDir(), "database.sql")}
	pool, err := sql.Open("sqlite", o.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	c := cxx
	c.Tables = strings.NewReplacer(" NOT NULL DEFAULT", " DEFAULT", "varchar(255) NOT NULL", "varchar(255)", "varchar(4095) NOT NULL", "varchar(4095)", "varchar(25) NOT NULL", "varchar(25)").Replace(cxxTables)
	sqltest.Odd(t, c, pool, []string{"INSERT INTO buddies (user_id, uin, subscription, groups, nickname, flags) VALUES (1000, 'x', 'weird', '', '', 'no number')"},
		func() store.Store { return ready(t, o) })
	s := ready(t, o)
	defer s.Close()
	if c, err := s.Contacts(t.Context(), 1000); err != nil || len(c) != 1 || c[0].Subscription != "weird" || c[0].Flags != 0 {
		t.Errorf("%+v, %v", c, err)
	}
}
