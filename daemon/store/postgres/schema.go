// SPDX-License-Identifier: GPL-2.0-or-later

package postgres

import (
	"context"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlstore"
)

// cxxVersion is db_version of the C++ version whose tables these are.
const cxxVersion = 1

// cxxTables are the tables as the C++ version makes them, so that it can go
// back to work on a database of ours, but for longer texts: a sealed password
// needs the room, and SQLite has it everywhere.
var cxxTables = []string{
	`CREATE TABLE IF NOT EXISTS {buddies_settings} (
  user_id integer NOT NULL,
  buddy_id integer NOT NULL,
  var varchar(50) NOT NULL,
  type smallint NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (buddy_id, var)
)`,
	`CREATE TABLE IF NOT EXISTS {buddies} (
  id serial PRIMARY KEY,
  user_id integer NOT NULL,
  uin varchar(255) NOT NULL,
  subscription subscription NOT NULL,
  nickname text NOT NULL,
  groups text NOT NULL,
  flags smallint NOT NULL DEFAULT 0,
  UNIQUE (user_id, uin)
)`,
	`CREATE TABLE IF NOT EXISTS {users} (
  id serial PRIMARY KEY,
  jid varchar(255) NOT NULL UNIQUE,
  uin varchar(4095) NOT NULL,
  password text NOT NULL,
  language varchar(25) NOT NULL,
  encoding varchar(50) NOT NULL DEFAULT 'utf8',
  last_login timestamp,
  vip boolean NOT NULL DEFAULT false,
  online boolean NOT NULL DEFAULT false
)`,
	`CREATE TABLE IF NOT EXISTS {users_settings} (
  user_id integer NOT NULL,
  var varchar(50) NOT NULL,
  type smallint NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (user_id, var)
)`,
	`CREATE TABLE IF NOT EXISTS {db_version} (
  ver integer NOT NULL DEFAULT 1 UNIQUE
)`,
	// The C++ version has no index for a user's contacts' settings.
	`CREATE INDEX IF NOT EXISTS {prefix}spectrum2_buddies_settings_user ON {buddies_settings} (user_id)`,
	`INSERT INTO {db_version} (ver) SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM {db_version})`,
}

// enumThenTables makes the type that all prefixes share, unless it is there.
func enumThenTables(ctx context.Context, e sqlstore.Exec) error {
	var there bool
	if err := e.Get(ctx, "SELECT to_regtype('subscription') IS NOT NULL", nil, &there); err != nil {
		return err
	}
	if !there {
		if err := e.Exec(ctx, "CREATE TYPE subscription AS ENUM ('to', 'from', 'both', 'ask', 'none')"); err != nil {
			return err
		}
	}
	for _, s := range cxxTables {
		if err := e.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// Our tables end with their user, whoever removes him. Their keys are compared
// byte by byte, whatever the database's collation is.
var waitingAndRooms = []string{
	`CREATE TABLE {spectrum2_waiting} (
  id bigserial PRIMARY KEY,
  user_id integer NOT NULL REFERENCES {users} (id) ON DELETE CASCADE,
  keyhash bytea NOT NULL,
  msgkey bytea NOT NULL,
  stanza bytea NOT NULL,
  at bigint NOT NULL,
  UNIQUE (user_id, keyhash)
)`,
	`CREATE INDEX ON {spectrum2_waiting} (user_id, id)`,
	`CREATE TABLE {spectrum2_rooms} (
  user_id integer NOT NULL REFERENCES {users} (id) ON DELETE CASCADE,
  name text COLLATE "C" NOT NULL,
  nickname text NOT NULL,
  password text NOT NULL,
  PRIMARY KEY (user_id, name)
)`,
}

var archive = []string{
	`CREATE TABLE {spectrum2_archive} (
  user_id integer NOT NULL REFERENCES {users} (id) ON DELETE CASCADE,
  room smallint NOT NULL,
  seq bigint NOT NULL,
  peer text COLLATE "C" NOT NULL,
  resource text COLLATE "C" NOT NULL,
  uid text COLLATE "C" NOT NULL,
  stanza bytea NOT NULL,
  PRIMARY KEY (user_id, room, seq)
)`,
	`CREATE INDEX ON {spectrum2_archive} (user_id, room, peer, seq)`,
	`CREATE UNIQUE INDEX ON {spectrum2_archive} (user_id, room, uid, peer)`,
	`CREATE TABLE {spectrum2_personal} (
  user_id integer NOT NULL REFERENCES {users} (id) ON DELETE CASCADE,
  kind text COLLATE "C" NOT NULL,
  node text COLLATE "C" NOT NULL,
  item text COLLATE "C" NOT NULL,
  place bigint NOT NULL,
  value bytea NOT NULL,
  PRIMARY KEY (user_id, kind, node, item)
)`,
}

// A user is owned by a node, and the node has a lease.
var owners = []string{
	`CREATE TABLE {spectrum2_owners} (
  jid varchar(3071) PRIMARY KEY,
  node text NOT NULL,
  token bigint NOT NULL
)`,
	`CREATE TABLE {spectrum2_nodes} (
  node text PRIMARY KEY,
  lease bigint NOT NULL
)`,
}

// handOver: a node says where and what it is, and may ask for a user. The
// defaults are for programs of before.
var handOver = []string{
	`ALTER TABLE {spectrum2_nodes}
  ADD COLUMN machine text NOT NULL DEFAULT '',
  ADD COLUMN member boolean NOT NULL DEFAULT false,
  ADD COLUMN process bigint NOT NULL DEFAULT 0`,
	`ALTER TABLE {spectrum2_owners} ADD COLUMN wanted text`,
	`CREATE INDEX ON {spectrum2_owners} (node) WHERE wanted IS NOT NULL`,
}

var bookkeeping = []string{
	`CREATE TABLE IF NOT EXISTS {spectrum2_migrations} (
  number integer PRIMARY KEY,
  name text NOT NULL,
  applied text NOT NULL
)`,
	`CREATE TABLE IF NOT EXISTS {spectrum2_meta} (
  name text PRIMARY KEY,
  value text NOT NULL
)`,
}

// migrations in their order for ever: a released one is never changed.
var migrations = []sqlstore.Step{
	{Migration: store.Migration{Number: 1, Name: "tables of Spectrum 2"}, Also: enumThenTables},
	{Migration: store.Migration{Number: 2, Name: "waiting messages and rooms"}, Statements: waitingAndRooms},
	{Migration: store.Migration{Number: 3, Name: "archive and what clients keep"}, Statements: archive},
	{Migration: store.Migration{Number: 4, Name: "owners of users among several main processes"}, Statements: owners},
	{Migration: store.Migration{Number: 5, Name: "main processes that hand users over"}, Statements: handOver},
}
