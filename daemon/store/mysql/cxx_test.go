// SPDX-License-Identifier: GPL-2.0-or-later

package mysql_test

import (
	"fmt"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/mysql"
	"spectrum.im/spectrum2/daemon/store/sqlstore/sqltest"
)

// cxxTables are those that the C++ version makes on MySQL.
const cxxTables = "CREATE TABLE IF NOT EXISTS `%[1]sbuddies` (`id` int(10) unsigned NOT NULL auto_increment, `user_id` int(10) unsigned NOT NULL, `uin` varchar(255) collate utf8_bin NOT NULL," +
	" `subscription` enum('to','from','both','ask','none') collate utf8_bin NOT NULL, `nickname` varchar(255) collate utf8_bin NOT NULL, `groups` varchar(255) collate utf8_bin NOT NULL," +
	" `flags` smallint(4) NOT NULL DEFAULT '0', PRIMARY KEY (`id`), UNIQUE KEY `user_id` (`user_id`,`uin`)" + cxxOptions +
	"CREATE TABLE IF NOT EXISTS `%[1]sbuddies_settings` (`user_id` int(10) unsigned NOT NULL, `buddy_id` int(10) unsigned NOT NULL, `var` varchar(50) collate utf8_bin NOT NULL," +
	" `type` smallint(4) unsigned NOT NULL, `value` varchar(255) collate utf8_bin NOT NULL, PRIMARY KEY (`buddy_id`,`var`), KEY `user_id` (`user_id`)" + cxxOptions +
	"CREATE TABLE IF NOT EXISTS `%[1]susers` (`id` int(10) unsigned NOT NULL auto_increment, `jid` varchar(255) collate utf8_bin NOT NULL, `uin` varchar(4095) collate utf8_bin NOT NULL," +
	" `password` varchar(255) collate utf8_bin NOT NULL, `language` varchar(25) collate utf8_bin NOT NULL, `encoding` varchar(50) collate utf8_bin NOT NULL default 'utf8'," +
	" `last_login` datetime, `vip` tinyint(1) NOT NULL default '0', `online` tinyint(1) NOT NULL default '0', PRIMARY KEY (`id`), UNIQUE KEY `jid` (`jid`)" + cxxOptions +
	"CREATE TABLE IF NOT EXISTS `%[1]susers_settings` (`user_id` int(10) unsigned NOT NULL, `var` varchar(50) collate utf8_bin NOT NULL, `type` smallint(4) unsigned NOT NULL," +
	" `value` varchar(255) collate utf8_bin NOT NULL, PRIMARY KEY (`user_id`,`var`), KEY `user_id` (`user_id`)" + cxxOptions +
	"CREATE TABLE IF NOT EXISTS `%[1]sdb_version` (`ver` int(10) unsigned NOT NULL default '1', UNIQUE KEY `ver` (`ver`)" + cxxOptions +
	"INSERT IGNORE INTO `%[1]sdb_version` (ver) VALUES ('2')"

const cxxOptions = ") ENGINE=InnoDB DEFAULT CHARSET=utf8 COLLATE=utf8_bin;\n"

var cxx = sqltest.Cxx{
	Tables: cxxTables, Groups: "`groups`", True: "1", False: "0", Backslash: true,
	Removes: "DELETE FROM users WHERE id=2; DELETE FROM users_settings WHERE user_id=2; DELETE FROM buddies WHERE user_id=2; DELETE FROM buddies_settings WHERE user_id=2",
	TooNew:  "INSERT INTO db_version (ver) VALUES (3)",
	Nullable: []string{
		"ALTER TABLE users MODIFY uin varchar(4095), MODIFY password varchar(255), MODIFY language varchar(25), MODIFY encoding varchar(50)",
		"ALTER TABLE buddies MODIFY `groups` varchar(255), MODIFY nickname varchar(255), MODIFY flags smallint(4)", "ALTER TABLE users_settings MODIFY value varchar(255)",
	},
	Shape: []string{
		"SELECT table_name, column_name, ordinal_position, column_type, character_set_name, is_nullable, column_default FROM information_schema.columns WHERE table_schema = DATABASE()",
		"SELECT table_name, index_name, seq_in_index, column_name, non_unique FROM information_schema.statistics WHERE table_schema = DATABASE()",
		"SELECT table_name, constraint_name, constraint_type FROM information_schema.table_constraints WHERE table_schema = DATABASE()",
	},
	Work: sqltest.Work{
		Start: fmt.Sprintf(cxxTables, ""), Groups: "`groups`", True: "1", Now: "NOW()", Replaces: true,
		PutUser: func(jid, name, password string) string {
			p := quote(password)
			return "INSERT INTO users (jid, uin, password, language, encoding, last_login, vip) VALUES (" + quote(jid) + ", " + quote(name) + ", " + p +
				", 'en', 'utf8', NOW(), 0) ON DUPLICATE KEY UPDATE uin=" + quote(name) + ", password=" + p
		},
		PutIcon: func(user, contact int64, hash string) []string {
			return []string{fmt.Sprintf("INSERT INTO buddies_settings (user_id, buddy_id, var, type, value) VALUES (%d, %d, 'icon_hash', 2, '%s') ON DUPLICATE KEY UPDATE value='%[3]s'", user, contact, hash)}
		},
	},
}

func quote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
}

func TestTakesOverTheTablesOfTheCxxVersion(t *testing.T) { sqltest.TakeOver(t, kind, cxx) }

// TestKilledMigration: the server undoes no table, so that the next start has
// to go on from wherever the last one ended.
func TestKilledMigration(t *testing.T) {
	s := kind.Shared(t)
	for n := 0; ; n++ {
		o := mysql.Options{Database: s.Database(t), Prefix: "icq_", Key: config.NewSecret("k")}
		restore, more := mysql.EndAfter(n)
		d := open(t, s, o)
		_, err := d.Migrate(t.Context())
		restore()
		if err == nil {
			t.Fatalf("it was not ended after statement %d", n)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		d = open(t, s, o)
		if _, err := d.Migrate(t.Context()); err != nil {
			t.Fatalf("after statement %d: %v", n, err)
		}
		if err := d.CreateUser(t.Context(), &store.User{JID: "a@example.org", Password: "p"}); err != nil {
			t.Fatal(err)
		}
		var kept string
		if err := s.SQL(t, o.Database).QueryRow("SELECT password FROM icq_users").Scan(&kept); err != nil || !strings.HasPrefix(kept, "$spectrum2$1$") {
			t.Errorf("after statement %d the password is %q, %v", n, kept, err)
		}
		if st, err := d.Status(t.Context()); err != nil || st.Version != st.Latest || st.Users != 1 {
			t.Errorf("after statement %d: %+v, %v", n, st, err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if !more {
			return
		}
	}
}

func TestZeroDate(t *testing.T) {
	s := kind.Shared(t)
	name := s.Database(t)
	pool := s.SQL(t, name)
	for _, query := range []string{fmt.Sprintf(cxxTables, ""), "SET sql_mode = ''; INSERT INTO users (jid, uin, password, language, last_login) VALUES ('a@example.org', '', '', '', '0000-00-00 00:00:00')"} {
		if _, err := pool.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	d := migrated(t, mysql.Options{Database: name})
	if u, err := d.User(t.Context(), "a@example.org"); err != nil || !u.LastLogin.IsZero() {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestTablesWithoutTransactionsAreRefused(t *testing.T) {
	s := kind.Shared(t)
	name := s.Database(t)
	if _, err := s.SQL(t, name).Exec(strings.ReplaceAll(fmt.Sprintf(cxxTables, ""), "InnoDB", "MyISAM")); err != nil {
		t.Fatal(err)
	}
	_, err := open(t, s, mysql.Options{Database: name}).Migrate(t.Context())
	if err == nil || !strings.Contains(err.Error(), "MyISAM") {
		t.Errorf("got %v", err)
	}
}

func migrated(t *testing.T, o mysql.Options) store.Store {
	t.Helper()
	d := open(t, kind.Shared(t), o)
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestVIPStatement(t *testing.T) {
	s := kind.Shared(t)
	name := s.Database(t)
	pool := s.SQL(t, name)
	if _, err := pool.Exec(`CREATE TABLE members (jid varchar(99), paid int) CHARACTER SET utf8mb4; INSERT INTO members VALUES ('it\'s@example.org', 1), ('late@example.org', 0)`); err != nil {
		t.Fatal(err)
	}
	d := migrated(t, mysql.Options{Database: name, VIPStatement: "SELECT paid FROM members WHERE jid = '$barejid' AND paid > 0"})
	for jid, want := range map[string]bool{"it's@example.org": true, "late@example.org": false, "x' OR ''='@example.org": false} {
		if err := d.CreateUser(t.Context(), &store.User{JID: jid, VIP: !want}); err != nil {
			t.Fatal(err)
		}
		if u, err := d.User(t.Context(), jid); err != nil || u.VIP != want {
			t.Errorf("%s: %+v, %v", jid, u, err)
		}
	}
	d = migrated(t, mysql.Options{Database: name, VIPStatement: "SELECT nonsense FROM nowhere"})
	if u, err := d.User(t.Context(), "late@example.org"); err != nil || !u.VIP {
		t.Errorf("with a statement that fails: %+v, %v", u, err)
	}
}
