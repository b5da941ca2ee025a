// SPDX-License-Identifier: GPL-2.0-or-later

package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/store/postgres"
)

// encrypted is how many of the instance's connections are.
func encrypted(t *testing.T, s *dbtest.Server) (n int) {
	t.Helper()
	err := s.SQL(t, "").QueryRow("SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND application_name = 'spectrum2'").Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTLS(t *testing.T) {
	s := dbtest.NewPostgreSQL(t)
	o := postgres.Options{Server: "localhost", Port: s.Port(), User: dbtest.User, Password: config.NewSecret(dbtest.Password), Database: s.Database(t)}
	open := func(o postgres.Options, good bool, tls int) {
		t.Helper()
		begin := time.Now()
		d, err := postgres.Open(t.Context(), o)
		if (err == nil) != good || err != nil && !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %v", o.TLS, err)
		}
		if err != nil {
			return
		}
		n := encrypted(t, s)
		for tick := time.NewTicker(20 * time.Millisecond); n > tls && t.Context().Err() == nil && time.Since(begin) < 10*time.Second; n = encrypted(t, s) {
			<-tick.C // those that Open has closed end by and by
		}
		if n != tls {
			t.Errorf("%s%s: %d encrypted connections, want %d", o.TLS, o.ConnectionString, n, tls)
		}
		d.Close()
	}
	open(o, true, 0)
	o.TLS = "require"
	open(o, false, 0)

	cert := s.UseTLS(t)
	for _, mode := range []string{"", "prefer", "require"} {
		o.TLS = mode
		open(o, true, 1)
	}
	o.TLS, o.RootCert = "disable", ""
	open(o, true, 0)
	o.TLS = "verify-full"
	open(o, false, 0)
	o.RootCert = cert
	open(o, true, 1)
	o.Server = "127.0.0.1" // not in the certificate
	open(o, false, 0)

	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(dbtest.Password)
	text := fmt.Sprintf("host=localhost port=%d user=%s password='%s' dbname=%s ", s.Port(), dbtest.User, quoted, o.Database)
	open(postgres.Options{ConnectionString: config.NewSecret(text + "sslmode=verify-full sslrootcert=" + cert)}, true, 1)
	open(postgres.Options{ConnectionString: config.NewSecret(text + "sslmode=disable")}, true, 0)
	open(postgres.Options{ConnectionString: config.NewSecret(text)}, true, 1)
}

func TestConnectionStringIsNotShown(t *testing.T) {
	for _, text := range []string{"password=Canary'0815 host", "postgres://u:Canary 0815@%/", "nonsense=Canary sslmode=Canary", "host=127.0.0.1 port=1 user=u password=Canary"} {
		_, err := postgres.Open(t.Context(), postgres.Options{ConnectionString: config.NewSecret(text)})
		if err == nil || strings.Contains(err.Error(), "Canary") || strings.Contains(err.Error(), "0815") {
			t.Errorf("%v", err)
		}
	}
	_, err := postgres.Open(t.Context(), postgres.Options{Server: "127.0.0.1", Port: 1, Database: "d", User: "u"})
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("nobody there: %v", err)
	}
}

// TestWithoutHostItIsTheSocket, as with libpq.
func TestWithoutHostItIsTheSocket(t *testing.T) {
	s := dbtest.PostgreSQL(t)
	defer postgres.SetSocketDir(s.Socket())()
	name := s.Database(t)
	for _, o := range []postgres.Options{
		{Port: s.Port(), User: dbtest.User, Database: name},
		{ConnectionString: config.NewSecret(fmt.Sprintf("port=%d user=%s dbname=%s", s.Port(), dbtest.User, name))},
		{ConnectionString: config.NewSecret(fmt.Sprintf("postgresql:///%s?user=%s&port=%d", name, dbtest.User, s.Port()))},
	} {
		d, err := postgres.Open(t.Context(), o) // the socket trusts everybody, the port nobody
		if err != nil {
			t.Error(err)
			continue
		}
		d.Close()
	}
}
