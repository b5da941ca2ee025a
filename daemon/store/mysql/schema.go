// SPDX-License-Identifier: GPL-2.0-or-later

package mysql

import (
	"context"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlstore"
)

// cxxVersion is db_version of the C++ version whose tables these are.
const cxxVersion = 2

// Texts of people have all of Unicode and are compared byte by byte. Keys of
// our own tables are bytes: text would leave spaces at its end aside.
const ofTexts = ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"

// cxxTables are the tables as the C++ version makes them, so that it can go
// back to work on a database of ours, but for longer texts (a sealed password
// needs the room) and all of Unicode. Each statement may run again: no server
// of this kind undoes the making of a table.
var cxxTables = []string{
	"CREATE TABLE IF NOT EXISTS {buddies} (" + `
  id int(10) unsigned NOT NULL AUTO_INCREMENT,
  user_id int(10) unsigned NOT NULL,
  uin varchar(255) NOT NULL,
  subscription enum('to', 'from', 'both', 'ask', 'none') NOT NULL,
  nickname varchar(255) NOT NULL,
  {groups} varchar(4095) NOT NULL,
  flags smallint(4) NOT NULL DEFAULT 0,
  PRIMARY KEY (id),
  UNIQUE KEY user_id (user_id, uin)
` + ofTexts,
	"CREATE TABLE IF NOT EXISTS {buddies_settings} (" + `
  user_id int(10) unsigned NOT NULL,
  buddy_id int(10) unsigned NOT NULL,
  var varchar(50) NOT NULL,
  type smallint(4) unsigned NOT NULL,
  value varchar(4095) NOT NULL,
  PRIMARY KEY (buddy_id, var),
  KEY user_id (user_id)
` + ofTexts,
	"CREATE TABLE IF NOT EXISTS {users} (" + `
  id int(10) unsigned NOT NULL AUTO_INCREMENT,
  jid varchar(255) NOT NULL,
  uin varchar(4095) NOT NULL,
  password varchar(1023) NOT NULL,
  language varchar(25) NOT NULL,
  encoding varchar(50) NOT NULL DEFAULT 'utf8',
  last_login datetime,
  vip tinyint(1) NOT NULL DEFAULT 0,
  online tinyint(1) NOT NULL DEFAULT 0,
  PRIMARY KEY (id),
  UNIQUE KEY jid (jid)
` + ofTexts,
	"CREATE TABLE IF NOT EXISTS {users_settings} (" + `
  user_id int(10) unsigned NOT NULL,
  var varchar(50) NOT NULL,
  type smallint(4) unsigned NOT NULL,
  value varchar(4095) NOT NULL,
  PRIMARY KEY (user_id, var),
  KEY user_id (user_id)
` + ofTexts,
	"CREATE TABLE IF NOT EXISTS {db_version} (ver int(10) unsigned NOT NULL DEFAULT 1, PRIMARY KEY (ver)" + ofTexts,
	"INSERT IGNORE INTO {db_version} (ver) VALUES (2)",
}

// Our tables end with their user, whoever removes him.
var waitingAndRooms = []string{
	"CREATE TABLE IF NOT EXISTS {spectrum2_waiting} (" + `
  id bigint NOT NULL AUTO_INCREMENT,
  user_id int(10) unsigned NOT NULL,
  keyhash binary(32) NOT NULL,
  msgkey blob NOT NULL,
  stanza longblob NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY keyhash (user_id, keyhash),
  KEY queue (user_id, id),
  FOREIGN KEY (user_id) REFERENCES {users} (id) ON DELETE CASCADE
` + ofTexts,
	"CREATE TABLE IF NOT EXISTS {spectrum2_rooms} (" + `
  user_id int(10) unsigned NOT NULL,
  name varbinary(3000) NOT NULL,
  nickname text NOT NULL,
  password text NOT NULL,
  PRIMARY KEY (user_id, name),
  FOREIGN KEY (user_id) REFERENCES {users} (id) ON DELETE CASCADE
` + ofTexts,
}

var archive = []string{
	"CREATE TABLE IF NOT EXISTS {spectrum2_archive} (" + `
  user_id int(10) unsigned NOT NULL,
  room tinyint NOT NULL,
  seq bigint NOT NULL,
  peer varbinary(191) NOT NULL,
  resource varbinary(191) NOT NULL,
  uid varbinary(191) NOT NULL,
  stanza longblob NOT NULL,
  PRIMARY KEY (user_id, room, seq),
  KEY peer (user_id, room, peer, seq),
  UNIQUE KEY uid (user_id, room, uid, peer),
  FOREIGN KEY (user_id) REFERENCES {users} (id) ON DELETE CASCADE
` + ofTexts,
	"CREATE TABLE IF NOT EXISTS {spectrum2_personal} (" + `
  user_id int(10) unsigned NOT NULL,
  kind varbinary(32) NOT NULL,
  node varbinary(191) NOT NULL,
  item varbinary(191) NOT NULL,
  place bigint NOT NULL,
  value longblob NOT NULL,
  PRIMARY KEY (user_id, kind, node, item),
  FOREIGN KEY (user_id) REFERENCES {users} (id) ON DELETE CASCADE
` + ofTexts,
}

// A user is owned by a node, and the node has a lease.
var owners = []string{
	"CREATE TABLE IF NOT EXISTS {spectrum2_owners} (" + `
  jid varbinary(3071) NOT NULL,
  node varbinary(255) NOT NULL,
  token bigint NOT NULL,
  PRIMARY KEY (jid)
` + ofTexts,
	"CREATE TABLE IF NOT EXISTS {spectrum2_nodes} (" + `
  node varbinary(255) NOT NULL,
  lease bigint NOT NULL,
  PRIMARY KEY (node)
` + ofTexts,
}

// handOver: a node says where and what it is, and may ask for a user. The
// defaults are for programs of before. Only MariaDB has ADD COLUMN IF NOT
// EXISTS; each ALTER is done or not.
func handOver(ctx context.Context, e sqlstore.Exec) error {
	for _, a := range []struct{ table, column, alter string }{
		{"spectrum2_nodes", "process", "ALTER TABLE {spectrum2_nodes} ADD COLUMN machine varbinary(255) NOT NULL DEFAULT '', " +
			"ADD COLUMN member tinyint(1) NOT NULL DEFAULT 0, ADD COLUMN process bigint NOT NULL DEFAULT 0"},
		{"spectrum2_owners", "wanted", "ALTER TABLE {spectrum2_owners} ADD COLUMN wanted varbinary(255), ADD KEY wanted (node, wanted)"},
	} {
		var there int
		err := e.Get(ctx, "SELECT count(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? AND column_name = ?",
			[]any{e.Table(a.table), a.column}, &there)
		if err == nil && there == 0 {
			err = e.Exec(ctx, a.alter)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var bookkeeping = []string{
	"CREATE TABLE IF NOT EXISTS {spectrum2_migrations} (number int NOT NULL, name varchar(191) NOT NULL, applied varchar(32) NOT NULL, PRIMARY KEY (number)" + ofTexts,
	"CREATE TABLE IF NOT EXISTS {spectrum2_meta} (name varbinary(191) NOT NULL, value blob NOT NULL, PRIMARY KEY (name)" + ofTexts,
}

// migrations in their order for ever: a released one is never changed.
var migrations = []sqlstore.Step{
	{Migration: store.Migration{Number: 1, Name: "tables of Spectrum 2"}, Statements: cxxTables},
	{Migration: store.Migration{Number: 2, Name: "waiting messages and rooms"}, Statements: waitingAndRooms},
	{Migration: store.Migration{Number: 3, Name: "archive and what clients keep"}, Statements: archive},
	{Migration: store.Migration{Number: 4, Name: "owners of users among several main processes"}, Statements: owners},
	{Migration: store.Migration{Number: 5, Name: "main processes that hand users over"}, Also: handOver},
}
