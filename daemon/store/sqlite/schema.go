// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite

import (
	"fmt"
	"strings"
)

// cxxVersion is db_version of the C++ version whose tables these are.
const cxxVersion = 3

// cxxTables are the tables as the C++ version makes them, so that it can go
// back to work on a database of ours. The names of its indexes had no prefix;
// ours have one, since names are unique in a file.
var cxxTables = []string{
	`CREATE TABLE IF NOT EXISTS {buddies} (
  id INTEGER PRIMARY KEY NOT NULL,
  user_id int(10) NOT NULL,
  uin varchar(255) NOT NULL,
  subscription varchar(20) NOT NULL,
  nickname varchar(255) NOT NULL,
  groups varchar(255) NOT NULL,
  flags int(4) NOT NULL DEFAULT '0'
)`,
	`CREATE TABLE IF NOT EXISTS {buddies_settings} (
  user_id int(10) NOT NULL,
  buddy_id int(10) NOT NULL,
  var varchar(50) NOT NULL,
  type int(4) NOT NULL,
  value varchar(255) NOT NULL,
  PRIMARY KEY (buddy_id, var)
)`,
	`CREATE TABLE IF NOT EXISTS {users} (
  id INTEGER PRIMARY KEY NOT NULL,
  jid varchar(255) NOT NULL,
  uin varchar(4095) NOT NULL,
  password varchar(255) NOT NULL,
  language varchar(25) NOT NULL,
  encoding varchar(50) NOT NULL DEFAULT 'utf8',
  last_login datetime,
  vip int(1) NOT NULL DEFAULT '0',
  online int(1) NOT NULL DEFAULT '0'
)`,
	`CREATE TABLE IF NOT EXISTS {users_settings} (
  user_id int(10) NOT NULL,
  var varchar(50) NOT NULL,
  type int(4) NOT NULL,
  value varchar(4095) NOT NULL,
  PRIMARY KEY (user_id, var)
)`,
	`CREATE TABLE IF NOT EXISTS {db_version} (
  ver INTEGER NOT NULL DEFAULT '3'
)`,
}

// index is one that the C++ version's tables have.
type index struct {
	name, table, columns string
	unique               bool
}

var cxxIndexes = []index{
	{"user_id", "buddies", "user_id, uin", true},
	{"user_id02", "buddies_settings", "user_id", false},
	{"jid", "users", "jid", true},
	{"user_id03", "users_settings", "user_id", false},
}

// lateColumns came to the C++ version's tables with time.
var lateColumns = []struct{ table, name, definition string }{
	{"users", "encoding", "varchar(50) NOT NULL DEFAULT 'utf8'"},
	{"users", "last_login", "datetime"},
	{"users", "vip", "int(1) NOT NULL DEFAULT '0'"},
	{"users", "online", "int(1) NOT NULL DEFAULT '0'"},
	{"buddies", "flags", "int(4) NOT NULL DEFAULT '0'"},
}

// ourTables are ours alone. The trigger is for users whom the C++ version
// removes: it does not switch foreign keys on, and gives a user's number to
// the next one.
var ourTables = []string{
	`CREATE TABLE {spectrum2_waiting} (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id INTEGER NOT NULL REFERENCES {users} (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  stanza BLOB NOT NULL,
  at INTEGER NOT NULL,
  UNIQUE (user_id, key)
)`,
	`CREATE TABLE {spectrum2_rooms} (
  user_id INTEGER NOT NULL REFERENCES {users} (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  nickname TEXT NOT NULL,
  password TEXT NOT NULL,
  PRIMARY KEY (user_id, name)
) WITHOUT ROWID`,
	`CREATE TRIGGER {spectrum2_user_removed} AFTER DELETE ON {users} BEGIN
  DELETE FROM {spectrum2_waiting} WHERE user_id = OLD.id;
  DELETE FROM {spectrum2_rooms} WHERE user_id = OLD.id;
END`,
}

// bookkeeping is made before the first migration.
var bookkeeping = []string{
	`CREATE TABLE IF NOT EXISTS {spectrum2_migrations} (
  number INTEGER PRIMARY KEY NOT NULL,
  name TEXT NOT NULL,
  applied TEXT NOT NULL
)`,
	`CREATE TABLE IF NOT EXISTS {spectrum2_meta} (
  name TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL
)`,
}

var tables = []string{
	"users", "buddies", "users_settings", "buddies_settings", "db_version",
	"spectrum2_migrations", "spectrum2_meta", "spectrum2_waiting", "spectrum2_rooms", "spectrum2_user_removed",
	"spectrum2_archive", "spectrum2_archive_peer", "spectrum2_archive_uid", "spectrum2_personal", "spectrum2_owner_removed",
}

// tableNames puts quoted names with their prefix for {users} and the others.
func tableNames(prefix string) *strings.Replacer {
	var pairs []string
	for _, t := range tables {
		pairs = append(pairs, "{"+t+"}", `"`+prefix+t+`"`)
	}
	return strings.NewReplacer(pairs...)
}

// createTables makes the C++ version's tables, or completes those that are
// there.
func createTables(t *tx) error {
	for _, s := range cxxTables {
		if err := t.exec(s); err != nil {
			return err
		}
	}
	for _, c := range lateColumns {
		if err := t.addColumn(c.table, c.name, c.definition); err != nil {
			return err
		}
	}
	for _, i := range cxxIndexes {
		if err := t.addIndex(i); err != nil {
			return err
		}
	}
	return t.exec("INSERT INTO {db_version} (ver) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM {db_version})", cxxVersion)
}

func (t *tx) addColumn(table, name, definition string) error {
	var n int
	err := t.get("SELECT count(*) FROM pragma_table_info(?) WHERE name = ?", []any{t.w.db.prefix + table, name}, &n)
	if err != nil || n > 0 {
		return err
	}
	return t.exec(fmt.Sprintf("ALTER TABLE {%s} ADD COLUMN %s %s", table, name, definition))
}

// addIndex makes the index unless the table has one on the same columns,
// whatever its name. With two prefixes in one file the C++ version left the
// second one's tables without: those may hold what a unique one refuses, and
// get a plain one.
func (t *tx) addIndex(i index) error {
	var n int
	err := t.get(`SELECT count(*) FROM pragma_index_list(?) AS l WHERE
  (SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_index_info(l.name) ORDER BY seqno)) = ?`,
		[]any{t.w.db.prefix + i.table, i.columns}, &n)
	if err != nil || n > 0 {
		return err
	}
	create := func(kind, name string) error {
		return t.exec(fmt.Sprintf(`CREATE %s "%s" ON {%s} (%s)`, kind, t.w.db.prefix+name, i.table, i.columns))
	}
	if !i.unique {
		return create("INDEX", i.name)
	}
	if err := create("UNIQUE INDEX", i.name); err != nil && !fatal(err) {
		return create("INDEX", i.name+"_not_unique")
	} else if err != nil {
		return err
	}
	return nil
}

func createOurs(t *tx) error {
	for _, s := range ourTables {
		if err := t.exec(s); err != nil {
			return err
		}
	}
	return nil
}
