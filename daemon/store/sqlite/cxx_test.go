// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlite"
)

// cxxTables are those that the C++ version makes in a file: %[1]s is the prefix.
const cxxTables = `
CREATE TABLE %[1]sbuddies (  id INTEGER PRIMARY KEY NOT NULL,  user_id int(10) NOT NULL,  uin varchar(255) NOT NULL,  subscription varchar(20) NOT NULL,  nickname varchar(255) NOT NULL,  groups varchar(255) NOT NULL,  flags int(4) NOT NULL DEFAULT '0');
CREATE UNIQUE INDEX IF NOT EXISTS user_id ON %[1]sbuddies (user_id, uin);
CREATE TABLE IF NOT EXISTS %[1]sbuddies_settings (  user_id int(10) NOT NULL,  buddy_id int(10) NOT NULL,  var varchar(50) NOT NULL,  type int(4) NOT NULL,  value varchar(255) NOT NULL,  PRIMARY KEY (buddy_id, var));
CREATE INDEX IF NOT EXISTS user_id02 ON %[1]sbuddies_settings (user_id);
CREATE TABLE IF NOT EXISTS %[1]susers (  id INTEGER PRIMARY KEY NOT NULL,  jid varchar(255) NOT NULL,  uin varchar(4095) NOT NULL,  password varchar(255) NOT NULL,  language varchar(25) NOT NULL,  encoding varchar(50) NOT NULL DEFAULT 'utf8',  last_login datetime,  vip int(1) NOT NULL DEFAULT '0',  online int(1) NOT NULL DEFAULT '0');
CREATE UNIQUE INDEX IF NOT EXISTS jid ON %[1]susers (jid);
CREATE TABLE %[1]susers_settings (  user_id int(10) NOT NULL,  var varchar(50) NOT NULL,  type int(4) NOT NULL,  value varchar(4095) NOT NULL,  PRIMARY KEY (user_id, var));
CREATE INDEX IF NOT EXISTS user_id03 ON %[1]susers_settings (user_id);
CREATE TABLE IF NOT EXISTS %[1]sdb_version (  ver INTEGER NOT NULL DEFAULT '3');
REPLACE INTO %[1]sdb_version (ver) values(3);
`

// cxxDatabase makes a file as the C++ version left it.
const cxxDatabase = cxxTables + `
INSERT OR REPLACE INTO %[1]susers (id, jid, uin, password, language, encoding, last_login, vip) VALUES (NULL, 'ann@example.org', '12345', 'plain & simple', 'en', 'utf8', '2014-05-06 07:08:09', 1);
INSERT OR REPLACE INTO %[1]susers (id, jid, uin, password, language, encoding, last_login, vip, online) VALUES (NULL, 'bob@example.org', '777', '$spectrum2$1$not sealed', 'cs', 'cp1250', NULL, 0, 1);
INSERT INTO %[1]susers_settings (user_id, var, type, value) VALUES (1, 'enable_transport', 0, '1'), (1, 'photohash', 2, 'aabb');
INSERT INTO %[1]sbuddies (user_id, uin, subscription, groups, nickname, flags) VALUES (1, '999', 'both', 'Friends' || char(10) || 'Wörk "1"' || char(10), 'Zoë', 2), (1, '888', 'ask', '', '', 0), (2, '999', 'to', 'X', 'Y', 0);
INSERT INTO %[1]sbuddies_settings (user_id, buddy_id, var, type, value) VALUES (1, 1, 'icon_hash', 2, 'ccdd');
`

func makeCxx(t *testing.T, path, prefix string) {
	t.Helper()
	change(t, path, fmt.Sprintf(cxxDatabase, prefix))
}

// change works on the file as another program does.
func change(t *testing.T, path, query string) {
	t.Helper()
	pool, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.Exec(query); err != nil {
		t.Fatal(err)
	}
}

func migrate(t *testing.T, s store.Store) (backup string) {
	t.Helper()
	backup, err := s.Migrate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return backup
}

func TestTakesOverTheTablesOfTheCxxVersion(t *testing.T) {
	for _, o := range []sqlite.Options{{}, {Prefix: "icq_"}, {Key: config.NewSecret("key that the C++ version ignored")}} {
		t.Run(o.Prefix, func(t *testing.T) {
			o.Path = filepath.Join(t.TempDir(), "database.sql")
			makeCxx(t, o.Path, o.Prefix)
			s := open(t, o)
			defer s.Close()
			backup := migrate(t, s)
			checkAnn(t, s)
			checkContacts(t, s)

			if got, err := s.OnlineUsers(t.Context()); err != nil || len(got) != 1 || got[0] != "bob@example.org" {
				t.Errorf("online: %v, %v", got, err)
			}
			if bob, err := s.User(t.Context(), "bob@example.org"); err != nil || bob.Password != "$spectrum2$1$not sealed" {
				t.Errorf("a plain password that looks sealed: %+v, %v", bob, err)
			}
			b := open(t, sqlite.Options{Path: backup, Prefix: o.Prefix})
			defer b.Close()
			if st, err := b.Status(t.Context()); err != nil || st.Users != 2 || st.Version != 0 {
				t.Errorf("the copy from before: %+v, %v", st, err)
			}
		})
	}
}

func checkAnn(t *testing.T, s store.Store) {
	t.Helper()
	ann, err := s.User(t.Context(), "ann@example.org")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"enable_transport": "1", "photohash": "aabb"}
	if ann.Name != "12345" || ann.Password != "plain & simple" || !ann.VIP || ann.LastLogin.Year() != 2014 || !reflect.DeepEqual(ann.Settings, want) {
		t.Errorf("got %+v", ann)
	}
}

func checkContacts(t *testing.T, s store.Store) {
	t.Helper()
	got, err := s.Contacts(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := []store.Contact{
		{ID: 1, UserID: 1, Name: "999", Subscription: "both", Nickname: "Zoë", Groups: []string{"Friends", `Wörk "1"`}, Flags: 2, Settings: map[string]string{"icon_hash": "ccdd"}},
		{ID: 2, UserID: 1, Name: "888", Subscription: "ask", Settings: map[string]string{}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// The statements are the C++ version's own.
func TestCxxVersionCanGoBackToWork(t *testing.T) {
	path := filepath.Join(t.TempDir(), "database.sql")
	makeCxx(t, path, "")
	s := open(t, sqlite.Options{Path: path})
	migrate(t, s)
	if _, err := s.Enqueue(t.Context(), 0, &store.Waiting{UserID: 2, Key: "k", Stanza: []byte("x")}, 0); err != nil {
		t.Fatal(err)
	}
	s.Close()
	change(t, path, `INSERT OR REPLACE INTO users (id, jid, uin, password, language, encoding, last_login, vip) VALUES ((SELECT id FROM users WHERE jid = 'ann@example.org'), 'ann@example.org', '1', 'new', 'en', 'utf8', DATETIME('NOW'), 0);
DELETE FROM users WHERE id=2; DELETE FROM users_settings WHERE user_id=2; DELETE FROM buddies WHERE user_id=2; DELETE FROM buddies_settings WHERE user_id=2;
INSERT OR REPLACE INTO users (id, jid, uin, password, language, encoding, last_login, vip) VALUES (NULL, 'eve@example.org', '1', 'x', 'en', 'utf8', DATETIME('NOW'), 0);`)
	s = open(t, sqlite.Options{Path: path})
	defer s.Close()
	if backup := migrate(t, s); backup != "" {
		t.Errorf("migrated again, with a copy in %s", backup)
	}
	if ann, err := s.User(t.Context(), "ann@example.org"); err != nil || ann.Password != "new" || ann.Settings["photohash"] != "aabb" {
		t.Errorf("got %+v, %v", ann, err)
	}
	eve, err := s.User(t.Context(), "eve@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if w, err := s.Waiting(t.Context(), eve.ID, 10); err != nil || len(w) != 0 {
		t.Errorf("Eve (number %d) got Bob's messages: %v, %v", eve.ID, w, err)
	}
}

func TestTwoPrefixesInOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "database.sql")
	makeCxx(t, path, "icq_")
	makeCxx(t, path, "aim_") // its indexes were not made: their names were taken
	change(t, path, `INSERT INTO aim_users (jid, uin, password, language) VALUES ('ann@example.org', 'again', '', '')`)
	for _, prefix := range []string{"icq_", "aim_", "new_"} {
		s := open(t, sqlite.Options{Path: path, Prefix: prefix})
		migrate(t, s)
		if prefix == "new_" {
			if err := s.CreateUser(t.Context(), &store.User{JID: "ann@example.org"}); err != nil {
				t.Error(err)
			}
		}
		if u, err := s.User(t.Context(), "ann@example.org"); err != nil {
			t.Errorf("%s: %+v, %v", prefix, u, err)
		}
		s.Close()
	}
}

func TestOldTablesGetTheMissingColumns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "database.sql")
	change(t, path, `CREATE TABLE users (id INTEGER PRIMARY KEY NOT NULL, jid varchar(255) NOT NULL, uin varchar(4095) NOT NULL, password varchar(255) NOT NULL, language varchar(25) NOT NULL);
INSERT INTO users (jid, uin, password, language) VALUES ('a@example.org', '1', 'p', 'en')`)
	s := open(t, sqlite.Options{Path: path})
	defer s.Close()
	migrate(t, s)
	if u, err := s.User(t.Context(), "a@example.org"); err != nil || u.Encoding != "utf8" || u.Online || u.Password != "p" {
		t.Errorf("got %+v, %v", u, err)
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	for name, query := range map[string]string{
		"schema":     `INSERT INTO spectrum2_migrations VALUES (99, 'future', '')`,
		"db_version": `INSERT INTO db_version VALUES (4)`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "database.sql")
			s := open(t, sqlite.Options{Path: path})
			migrate(t, s)
			s.Close()
			change(t, path, query)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s = open(t, sqlite.Options{Path: path})
			_, err = s.Migrate(t.Context())
			if err == nil || !strings.Contains(err.Error(), "this version of Spectrum 2 knows those up to") {
				t.Errorf("got %v", err)
			}
			if _, err := s.Status(t.Context()); err != nil {
				t.Errorf("status: %v", err)
			}
			s.Close()
			if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}
