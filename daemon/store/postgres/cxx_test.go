// SPDX-License-Identifier: GPL-2.0-or-later

package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lib/pq"

	"spectrum.im/spectrum2/daemon/store/postgres"
	"spectrum.im/spectrum2/daemon/store/sqlstore/sqltest"
)

// cxxTables are those that the C++ version makes on PostgreSQL. Its names have
// no quotes.
const cxxTables = `
CREATE TABLE %[1]sbuddies_settings (user_id integer NOT NULL, buddy_id integer NOT NULL, var varchar(50) NOT NULL, type smallint NOT NULL, value varchar(255) NOT NULL, PRIMARY KEY (buddy_id, var));
CREATE TYPE Subscription AS ENUM ('to', 'from', 'both', 'ask', 'none');
CREATE TABLE %[1]sbuddies (id SERIAL, user_id integer NOT NULL, uin varchar(255) NOT NULL, subscription Subscription NOT NULL, nickname varchar(255) NOT NULL,
  groups varchar(255) NOT NULL, flags smallint NOT NULL DEFAULT '0', PRIMARY KEY (id), UNIQUE (user_id, uin));
CREATE TABLE %[1]susers (id SERIAL, jid varchar(255) NOT NULL, uin varchar(4095) NOT NULL, password varchar(255) NOT NULL, language varchar(25) NOT NULL,
  encoding varchar(50) NOT NULL DEFAULT 'utf8', last_login timestamp, vip boolean NOT NULL DEFAULT 'false', online boolean NOT NULL DEFAULT 'false', PRIMARY KEY (id), UNIQUE (jid));
CREATE TABLE %[1]susers_settings (user_id integer NOT NULL, var varchar(50) NOT NULL, type smallint NOT NULL, value varchar(255) NOT NULL, PRIMARY KEY (user_id, var));
CREATE TABLE %[1]sdb_version (ver integer NOT NULL DEFAULT '1', UNIQUE (ver));
INSERT INTO %[1]sdb_version (ver) VALUES ('1');
ALTER TABLE %[1]susers OWNER TO spectrum; ALTER TABLE %[1]sbuddies OWNER TO spectrum; ALTER TABLE %[1]susers_settings OWNER TO spectrum;
ALTER TABLE %[1]sbuddies_settings OWNER TO spectrum; ALTER TABLE %[1]sdb_version OWNER TO spectrum; ALTER TYPE subscription OWNER TO spectrum;
`

var cxx = sqltest.Cxx{
	Tables: cxxTables, Groups: "groups", True: "'true'", False: "'false'",
	Removes: "DELETE FROM users WHERE id=2; DELETE FROM buddies WHERE user_id=2; DELETE FROM users_settings WHERE user_id=2; DELETE FROM buddies_settings WHERE user_id=2",
	TooNew:  "INSERT INTO db_version (ver) VALUES (2)",
	Nullable: []string{
		"ALTER TABLE users ALTER uin DROP NOT NULL, ALTER password DROP NOT NULL, ALTER language DROP NOT NULL, ALTER encoding DROP NOT NULL",
		"ALTER TABLE buddies ALTER groups DROP NOT NULL, ALTER nickname DROP NOT NULL, ALTER flags DROP NOT NULL", "ALTER TABLE users_settings ALTER value DROP NOT NULL",
	},
	Shape: []string{
		"SELECT table_name, column_name, ordinal_position, udt_name, character_maximum_length, is_nullable, column_default FROM information_schema.columns WHERE table_schema = 'public'",
		"SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
		"SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
	},
	Work: sqltest.Work{
		Start: "SELECT * FROM buddies_settings LIMIT 1", Groups: "groups", True: "'true'", Now: "NOW()",
		PutUser: func(jid, name, password string) string {
			return "INSERT INTO users (jid, uin, password, language, encoding, last_login, vip) VALUES (" +
				pq.QuoteLiteral(jid) + ", " + pq.QuoteLiteral(name) + ", " + pq.QuoteLiteral(password) + ", 'en', 'utf8', NOW(), 'false')"
		},
		PutIcon: func(user, contact int64, hash string) []string {
			return []string{
				fmt.Sprintf("UPDATE buddies_settings SET var = 'icon_hash', type = 2, value = '%s' WHERE user_id = %d AND buddy_id = %d", hash, user, contact),
				fmt.Sprintf("INSERT INTO buddies_settings (user_id, buddy_id, var, type, value) VALUES (%d, %d, 'icon_hash', 2, '%s')", user, contact, hash),
			}
		},
	},
}

func TestTakesOverTheTablesOfTheCxxVersion(t *testing.T) { sqltest.TakeOver(t, kind, cxx) }

// TestFailedMigrationChangesNothing: also not the tables of the steps before.
func TestFailedMigrationChangesNothing(t *testing.T) {
	s := kind.Shared(t)
	name := s.Database(t)
	restore := postgres.AddStep("CREATE TABLE half (a integer)", "SELECT something_is_wrong()")
	d := open(t, s, postgres.Options{Database: name})
	_, err := d.Migrate(t.Context())
	restore()
	if err == nil || !strings.Contains(err.Error(), "something_is_wrong") {
		t.Fatal(err)
	}
	var n int
	if err := s.SQL(t, name).QueryRow("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d tables, %v", n, err)
	}
}

// TestKilledMigration ends the connection, as a killed process does.
func TestKilledMigration(t *testing.T) {
	s := kind.Shared(t)
	name := s.Database(t)
	restore := postgres.AddStep("SELECT pg_terminate_backend(pg_backend_pid())")
	d := open(t, s, postgres.Options{Database: name})
	_, err := d.Migrate(t.Context())
	restore()
	if err == nil {
		t.Fatal("it was not killed")
	}
	d = open(t, s, postgres.Options{Database: name})
	if st, err := d.Status(t.Context()); err != nil || st.Version != 0 {
		t.Errorf("after the kill: %+v, %v", st, err)
	}
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Error(err)
	}
}
