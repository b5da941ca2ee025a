// SPDX-License-Identifier: GPL-2.0-or-later

package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/store/postgres"
)

// TestListensHoweverItConnects: what connects for users connects for the bell.
func TestListensHoweverItConnects(t *testing.T) {
	s := dbtest.NewPostgreSQL(t)
	cert := s.UseTLS(t)
	defer postgres.SetSocketDir(s.Socket())()
	name := s.Database(t)
	o := postgres.Options{Server: "localhost", Port: s.Port(), User: dbtest.User, Password: config.NewSecret(dbtest.Password), Database: name, Node: "n"}
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(dbtest.Password)
	text := fmt.Sprintf("host=localhost port=%d user=%s password='%s' dbname=%s ", s.Port(), dbtest.User, quoted, name)
	with := func(change func(*postgres.Options)) postgres.Options { o := o; change(&o); return o }
	byText := func(text string) postgres.Options {
		return postgres.Options{ConnectionString: config.NewSecret(text), Node: "n"}
	}
	for i, c := range []struct {
		o   postgres.Options
		tls bool
	}{
		{o, true},
		{with(func(o *postgres.Options) { o.TLS = "disable" }), false},
		{with(func(o *postgres.Options) { o.TLS, o.RootCert = "verify-full", cert }), true},
		{with(func(o *postgres.Options) { o.Server = s.Socket() }), false},
		{with(func(o *postgres.Options) { o.Server = "" }), false},
		{with(func(o *postgres.Options) { o.Prefix = "Icq_" }), true},
		{byText(text), true},
		{byText(text + "sslmode=disable"), false},
		{byText(text + "sslmode=verify-full sslrootcert=" + cert), true},
		{byText(fmt.Sprintf("port=%d user=%s dbname=%s", s.Port(), dbtest.User, name)), false},
		{byText(fmt.Sprintf("postgresql:///%s?user=%s&port=%d", name, dbtest.User, s.Port())), false},
	} {
		d, err := postgres.Open(t.Context(), c.o)
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if _, err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := d.(store.Shared).Join(t.Context(), store.NodeEvents{}); err != nil {
			t.Fatal(err)
		}
		channel := `LISTEN "spectrum2 ` + strings.ToLower(c.o.Prefix) + `"`
		if tls := listens(t, s, channel); tls != c.tls {
			t.Errorf("%d: listens with TLS: %t", i, tls)
		}
		d.Close()
	}
}

// listens waits until somebody does.
func listens(t *testing.T, s *dbtest.Server, query string) (tls bool) {
	t.Helper()
	admin := s.SQL(t, "")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		if admin.QueryRow("SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE query = $1", query).Scan(&tls) == nil {
			return tls
		}
		<-tick.C
	}
	t.Fatalf("nobody does %s", query)
	return false
}
