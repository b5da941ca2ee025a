// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/store/dbtest"
)

// contactsOfAnn is how many contacts ann has besides two odd ones.
const contactsOfAnn = 300

// everyCharacter is a group's name.
func everyCharacter() string {
	var b strings.Builder
	for r := rune(' '); r < 0x7f; r++ {
		b.WriteRune(r)
	}
	return b.String() + "žluťoučký 漢字"
}

func (c Cxx) fill(t *testing.T, s *dbtest.Server, database, prefix string, password func(string) string) {
	t.Helper()
	pool := s.SQL(t, database)
	defer pool.Close()
	c.Fill(t, pool, prefix, password)
}

// Fill makes the database of a prefix: ann with much, bob who is online and
// never logged in.
func (c Cxx) Fill(t *testing.T, pool *sql.DB, prefix string, password func(string) string) {
	t.Helper()
	run := func(query string) {
		t.Helper()
		if _, err := pool.Exec(query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	quote := func(text string) string {
		text = strings.ReplaceAll(text, "'", "''")
		if c.Backslash {
			text = strings.ReplaceAll(text, `\`, `\\`)
		}
		return "'" + text + "'"
	}
	p := prefix
	run(fmt.Sprintf(c.Tables, prefix))
	run("INSERT INTO " + p + "users (jid, uin, password, language, encoding, last_login, vip) VALUES ('ann@example.org', '12345', " + quote(password("plain & símple")) +
		", 'en', 'utf8', '2014-05-06 07:08:09', " + c.True + ")")
	run("INSERT INTO " + p + "users (jid, uin, password, language, encoding, last_login, vip, online) VALUES ('bob@example.org', '777', " + quote(password("hunter22")) +
		", 'cs', 'cp1250', NULL, " + c.False + ", " + c.True + ")")
	run("INSERT INTO " + p + "users_settings (user_id, var, type, value) VALUES (1, 'enable_transport', 0, '1'), (1, 'photohash', 2, 'aabb'), (7, 'of nobody', 0, '1')")
	run("INSERT INTO " + p + "buddies (user_id, uin, subscription, " + c.Groups + ", nickname, flags) VALUES (1, '999', 'both', " +
		quote("Friends\nWörk \"1\"\n\n"+everyCharacter()+"\n") + ", 'Zoë', 2), (1, '888', 'ask', '', '', 0), (2, '999', 'to', 'X', 'Y', 0)")
	run("INSERT INTO " + p + "buddies_settings (user_id, buddy_id, var, type, value) VALUES (1, 1, 'icon_hash', 2, 'ccdd'), (1, 4711, 'icon_hash', 2, 'of nobody')")
	var rows []string
	for i := range contactsOfAnn {
		rows = append(rows, fmt.Sprintf("(1, 'contact%d', 'none', 'Group %d', 'n', 0)", i, i%7))
	}
	run("INSERT INTO " + p + "buddies (user_id, uin, subscription, " + c.Groups + ", nickname, flags) VALUES " + strings.Join(rows, ", "))
}
