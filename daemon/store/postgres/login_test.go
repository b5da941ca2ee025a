// SPDX-License-Identifier: GPL-2.0-or-later

package postgres_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/store/postgres"
)

// letIn writes the server's pg_hba.conf.
func letIn(t *testing.T, s *dbtest.Server, lines ...string) {
	t.Helper()
	lines = append([]string{"local all postgres trust"}, lines...)
	if err := os.WriteFile(filepath.Join(s.Dir(), "data", "pg_hba.conf"), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Stop(), s.Start()); err != nil {
		t.Fatal(err)
	}
}

func TestLogins(t *testing.T) {
	s := dbtest.NewPostgreSQL(t, "-c", "fsync=off")
	name := s.Database(t)
	password := config.NewSecret(dbtest.Password)
	try := func(what string, o postgres.Options, want string) {
		t.Helper()
		o.Port, o.Database = s.Port(), name
		d, err := postgres.Open(t.Context(), o)
		if err == nil {
			d.Close()
		}
		if good := err == nil; good != (want == "") || !good && (!errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "Canary") {
			t.Errorf("%s: the password is in %v", what, err)
		}
	}
	for _, method := range []string{"scram-sha-256", "md5"} {
		run(t, s, "", "SET password_encryption = '"+method+"'; ALTER ROLE "+dbtest.User+" PASSWORD '"+strings.ReplaceAll(dbtest.Password, "'", "''")+"'")
		letIn(t, s, "host all all 127.0.0.1/32 "+method, "local all all "+method)
		for _, server := range []string{"127.0.0.1", s.Socket()} {
			try(method, postgres.Options{Server: server, User: dbtest.User, Password: password}, "")
			try(method+", wrong", postgres.Options{Server: server, User: dbtest.User, Password: config.NewSecret("Canary wrong")}, "refuses database.user and database.password")
			try(method+", none", postgres.Options{Server: server, User: dbtest.User}, "database.password")
		}
	}
	run(t, s, "", "CREATE ROLE root LOGIN")
	letIn(t, s, "local all all peer")
	me := "root"
	if os.Getuid() != 0 {
		me = dbtest.User
	}
	try("peer", postgres.Options{Server: s.Socket(), User: me}, map[bool]string{true: "", false: "pg_hba.conf"}[os.Getuid() == 0])
	try("peer of another", postgres.Options{Server: s.Socket(), User: dbtest.User, Password: password}, "the system's user of that name")
	try("nobody's line", postgres.Options{Server: "127.0.0.1", User: dbtest.User, Password: password}, "pg_hba.conf")
	try("wrong directory of the socket", postgres.Options{Server: "/nonexistent", User: dbtest.User}, "cannot be reached")
	if err := postgresAway(t, s); err != nil {
		t.Error(err)
	}
}

// postgresAway: the error of a server that was stopped names where it was.
func postgresAway(t *testing.T, s *dbtest.Server) error {
	t.Helper()
	if err := s.Stop(); err != nil {
		return err
	}
	_, err := postgres.Open(t.Context(), postgres.Options{Server: "127.0.0.1", Port: s.Port(), User: dbtest.User, Database: "d"})
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "127.0.0.1") {
		return errors.Join(errors.New("a stopped server"), err)
	}
	return nil
}

// TestStandby: as a server is after a fail-over, or where the wrong one is
// configured.
func TestStandby(t *testing.T) {
	s := dbtest.NewPostgreSQL(t, "-c", "fsync=off")
	name := s.Database(t)
	d := open(t, s, postgres.Options{Database: name})
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	u := &store.User{JID: "a@example.org"}
	if err := d.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	signal := filepath.Join(s.Dir(), "data", "standby.signal")
	err := errors.Join(s.Stop(), os.WriteFile(signal, nil, 0o644), s.Start())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.SetOnline(t.Context(), 0, u.ID, true); !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "primary") {
		t.Errorf("writing to a standby: %v", err)
	}
	if _, err := d.User(t.Context(), u.JID); err != nil {
		t.Errorf("reading from a standby: %v", err)
	}
	if err := migrate(t, s, name); err == nil || !strings.Contains(err.Error(), "target_session_attrs=read-write") {
		t.Errorf("starting on a standby: %v", err)
	}
}
