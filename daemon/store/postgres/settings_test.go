// SPDX-License-Identifier: GPL-2.0-or-later

package postgres_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/store/postgres"
	"spectrum.im/spectrum2/daemon/store/sqlstore"
	"spectrum.im/spectrum2/daemon/store/storetest"
)

// run is the administrator's.
func run(t *testing.T, s *dbtest.Server, database string, queries ...string) {
	t.Helper()
	for _, q := range queries {
		if _, err := s.SQL(t, database).Exec(q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

// advised returns the statement that the error says to run.
func advised(t *testing.T, err error, begin string) string {
	t.Helper()
	if err == nil {
		t.Fatal("there is no error")
	}
	found := regexp.MustCompile(begin + `[^:,]*`).FindString(err.Error())
	if found == "" {
		t.Fatalf("%v does not say %s …", err, begin)
	}
	return found
}

func migrate(t *testing.T, s *dbtest.Server, name string) error {
	t.Helper()
	d := open(t, s, postgres.Options{Database: name})
	defer d.Close()
	_, err := d.Migrate(t.Context())
	return err
}

// TestServerWithSettingsOfItsOwn: none of them is the store's business.
func TestServerWithSettingsOfItsOwn(t *testing.T) {
	var settings []string
	for _, s := range []string{
		"default_transaction_isolation=serializable", "default_transaction_deferrable=on", "datestyle=SQL,DMY", "timezone=Asia/Kathmandu", "bytea_output=escape",
		"standard_conforming_strings=off", "backslash_quote=off", "extra_float_digits=-15", "quote_all_identifiers=on", "plan_cache_mode=force_generic_plan",
		"default_toast_compression=pglz", "idle_session_timeout=2s", "statement_timeout=5s", "synchronize_seqscans=off", "fsync=off",
	} {
		settings = append(settings, "-c", s)
	}
	s := dbtest.NewPostgreSQL(t, settings...)
	storetest.Run(t, opener(s, postgres.Options{}))
}

// TestRoleWithoutCreate is what PostgreSQL 15 and newer begin with.
func TestRoleWithoutCreate(t *testing.T) {
	s := dbtest.PostgreSQL(t)
	name := s.Database(t)
	run(t, s, name, "ALTER DATABASE "+name+" OWNER TO postgres")
	grant := advised(t, migrate(t, s, name), "GRANT CREATE ON SCHEMA")
	run(t, s, name, grant)
	if err := migrate(t, s, name); err != nil {
		t.Error(err)
	}
	run(t, s, name, strings.NewReplacer("GRANT", "REVOKE", " TO ", " FROM ").Replace(grant))
	if err := migrate(t, s, name); err != nil {
		t.Errorf("where nothing is left to make: %v", err)
	}
}

func TestSchemas(t *testing.T) {
	s := dbtest.PostgreSQL(t)
	name := s.Database(t)
	run(t, s, "", "ALTER ROLE "+dbtest.User+" IN DATABASE "+name+" SET search_path = app")
	if err := migrate(t, s, name); err == nil || !strings.Contains(err.Error(), "CREATE SCHEMA") {
		t.Errorf("without any schema: %v", err)
	}
	run(t, s, name, "CREATE SCHEMA app AUTHORIZATION "+dbtest.User)
	if err := migrate(t, s, name); err != nil {
		t.Fatal(err)
	}
	var schema string
	if err := s.SQL(t, name).QueryRow("SELECT string_agg(DISTINCT schemaname, ' ') FROM pg_tables WHERE tablename IN ('users', 'spectrum2_owners')").Scan(&schema); err != nil || schema != "app" {
		t.Errorf("tables are in %s, %v", schema, err)
	}
}

// TestTablesInAnotherSchemaThanNewOnes: an empty table would hide the users.
func TestTablesInAnotherSchemaThanNewOnes(t *testing.T) {
	s := dbtest.PostgreSQL(t)
	name := s.Database(t)
	run(t, s, name, fmt.Sprintf(cxxTables, ""), "CREATE SCHEMA "+dbtest.User+" AUTHORIZATION "+dbtest.User,
		"INSERT INTO users (jid, uin, password, language) VALUES ('a@example.org', '', '', '')")
	err := migrate(t, s, name)
	run(t, s, name, advised(t, err, "ALTER ROLE"))
	if err := migrate(t, s, name); err != nil {
		t.Error(err)
	}
	if st, err := open(t, s, postgres.Options{Database: name}).Status(t.Context()); err != nil || st.Users != 1 {
		t.Errorf("%+v, %v", st, err)
	}
	run(t, s, "", "ALTER ROLE "+dbtest.User+" RESET search_path")
}

func TestEncodings(t *testing.T) {
	s := dbtest.PostgreSQL(t)
	for encoding, want := range map[string]error{"LATIN1": sqlstore.ErrNotTaken, "SQL_ASCII": nil} {
		name := strings.ToLower("test_" + encoding)
		create := "CREATE DATABASE " + name + " OWNER " + dbtest.User + " TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C' ENCODING '" + encoding + "'"
		run(t, s, "", create)
		t.Cleanup(func() { run(t, s, "", "DROP DATABASE "+name+" WITH (FORCE)") })
		if err := migrate(t, s, name); err == nil || !strings.Contains(err.Error(), "ENCODING 'UTF8'") || !strings.Contains(err.Error(), encoding) {
			t.Errorf("a new one with %s: %v", encoding, err)
		}
		run(t, s, name, fmt.Sprintf(cxxTables, ""))
		d := open(t, s, postgres.Options{Database: name})
		_, err := d.Migrate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		u := &store.User{JID: "zoë@example.org", Password: "é"}
		if err := d.CreateUser(t.Context(), u); err != nil {
			t.Error(err)
		}
		if err := d.PutContact(t.Context(), 0, &store.Contact{UserID: u.ID, Name: "c", Nickname: "漢", Subscription: "both"}); err != nil && (want == nil || !errors.Is(err, want)) {
			t.Errorf("%s: a Chinese nickname: %v, want it kept or %v", encoding, err, want)
		}
		if got, err := d.User(t.Context(), u.JID); err != nil || got.Password != "é" {
			t.Errorf("%s: %+v, %v", encoding, got, err)
		}
		d.Close()
	}
}

func TestServerThatIsTooOld(t *testing.T) {
	defer postgres.SetOldest(990000)()
	s := dbtest.PostgreSQL(t)
	if err := migrate(t, s, s.Database(t)); err == nil || !strings.Contains(err.Error(), "too old: Spectrum 2 needs 99.0 or newer") {
		t.Errorf("got %v", err)
	}
}
