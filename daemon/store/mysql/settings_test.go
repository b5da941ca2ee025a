// SPDX-License-Identifier: GPL-2.0-or-later

package mysql_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/store/mysql"
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

// TestServerWithSettingsOfItsOwn: none of them is the store's business.
func TestServerWithSettingsOfItsOwn(t *testing.T) {
	settings := []string{"--innodb-flush-log-at-trx-commit=0", "--lower-case-table-names=1",
		"--sql-mode=ANSI,ONLY_FULL_GROUP_BY,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_AUTO_VALUE_ON_ZERO,PAD_CHAR_TO_FULL_LENGTH",
		"--character-set-server=latin1", "--collation-server=latin1_swedish_ci", "--default-time-zone=-07:00",
		"--log-bin=bin", "--server-id=7", "--binlog-format=STATEMENT", "--sync-binlog=0", "--autocommit=0",
		"--transaction-isolation=SERIALIZABLE", "--completion-type=CHAIN", "--auto-increment-increment=3", "--auto-increment-offset=2"}
	if dbtest.HasHandshakeOption() {
		settings = append(settings, "--skip-character-set-client-handshake")
	}
	s := dbtest.NewMariaDB(t, settings...)
	storetest.Run(t, opener(s, mysql.Options{Prefix: "ICQ_"}))
}

// TestTablesWithoutPrimaryKeyAreForbidden, as hosters and replication groups do.
func TestTablesWithoutPrimaryKeyAreForbidden(t *testing.T) {
	s := dbtest.MariaDB(t)
	variable := "innodb_force_primary_key"
	if s.IsMySQL() {
		variable = "sql_require_primary_key"
	}
	run(t, s, "", "SET GLOBAL "+variable+" = ON")
	defer run(t, s, "", "SET GLOBAL "+variable+" = OFF")
	migrated(t, mysql.Options{Database: s.Database(t)})
}

// TestIdleConnectionsEnd: the server closes them long before the pool does.
func TestIdleConnectionsEnd(t *testing.T) {
	s := dbtest.NewMariaDB(t, "--innodb-flush-log-at-trx-commit=0", "--wait-timeout=1")
	d := open(t, s, mysql.Options{Database: s.Database(t)})
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	u := &store.User{JID: "a@example.org"}
	if err := d.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for n := 1; n > 0; <-tick.C {
		if err := s.SQL(t, "").QueryRow("SELECT count(*) FROM information_schema.processlist WHERE user = '" + dbtest.User + "'").Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.SetOnline(t.Context(), 0, u.ID, true); err != nil {
		t.Error(err)
	}
}

func TestRightsThatAreMissing(t *testing.T) {
	s := dbtest.MariaDB(t)
	name := s.Database(t)
	migrated(t, mysql.Options{Database: name})
	run(t, s, "", "CREATE USER poor IDENTIFIED BY 'p'")
	defer run(t, s, "", "DROP USER poor")
	o := options(s, name)
	o.User, o.Password = "poor", config.NewSecret("p")
	_, err := mysql.Open(t.Context(), o)
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "GRANT ALL ON") {
		t.Errorf("without any right: %v", err)
	}
	run(t, s, "", "GRANT SELECT ON "+name+".* TO poor")
	d, err := mysql.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Errorf("nothing is left to make: %v", err)
	}
	err = d.CreateUser(t.Context(), &store.User{JID: "a@example.org"})
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "GRANT ALL ON") {
		t.Errorf("writing: %v", err)
	}
	o.Database = s.Database(t)
	run(t, s, "", "GRANT SELECT ON "+o.Database+".* TO poor")
	empty, err := mysql.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	if _, err := empty.Migrate(t.Context()); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "GRANT ALL ON") {
		t.Errorf("making tables: %v", err)
	}
}

func TestServerThatIsTooOld(t *testing.T) {
	defer mysql.SetOldest(99, 1)()
	s := dbtest.MariaDB(t)
	_, err := open(t, s, mysql.Options{Database: s.Database(t)}).Migrate(t.Context())
	if err == nil || !strings.Contains(err.Error(), "too old: Spectrum 2 needs MySQL 99.1 or MariaDB 99.1, or newer") {
		t.Errorf("got %v", err)
	}
}

// TestLongTextIsRefused: longer than the server takes in one piece.
func TestLongTextIsRefused(t *testing.T) {
	s := dbtest.NewMariaDB(t, "--innodb-flush-log-at-trx-commit=0", "--max-allowed-packet=64K")
	d := open(t, s, mysql.Options{Database: s.Database(t)})
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	u := &store.User{JID: "a@example.org"}
	if err := d.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	_, err := d.Enqueue(t.Context(), 0, &store.Waiting{UserID: u.ID, Key: "k", Stanza: make([]byte, 200<<10)}, 0)
	if err == nil || !strings.Contains(err.Error(), "max_allowed_packet") {
		t.Errorf("got %.200v", err)
	}
	if _, err := d.Enqueue(t.Context(), 0, &store.Waiting{UserID: u.ID, Key: "l", Stanza: []byte("x")}, 0); err != nil {
		t.Error(fmt.Errorf("a short one after it: %w", err))
	}
}
