// SPDX-License-Identifier: GPL-2.0-or-later

package mysql_test

import (
	"errors"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/store/mysql"
)

func TestTLS(t *testing.T) {
	s := dbtest.NewMariaDB(t, dbtest.WithoutTLS)
	o := mysql.Options{Server: "localhost", Port: s.Port(), User: dbtest.User, Password: config.NewSecret(dbtest.Password), Database: s.Database(t)}
	admin := s.SQL(t, "")
	try := func(o mysql.Options, good bool) {
		t.Helper()
		d, err := mysql.Open(t.Context(), o)
		if (err == nil) != good || err != nil && strings.Contains(err.Error(), dbtest.Password) {
			t.Errorf("%q: %v", o.TLS, err)
		}
		if err == nil {
			d.Close()
		}
	}
	run := func(query string) {
		t.Helper()
		if _, err := admin.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	try(o, true)
	o.TLS = "require"
	try(o, false)
	o.TLS = "nonsense"
	try(o, false)

	cert := s.UseTLS(t)
	admin = s.SQL(t, "")
	run("ALTER USER " + dbtest.User + " REQUIRE SSL")
	for _, mode := range []string{"", "prefer", "require"} {
		o.TLS = mode
		try(o, true)
	}
	o.TLS = "disable"
	try(o, false)
	o.TLS = "verify-full"
	try(o, false)
	o.RootCert = cert
	try(o, true)
	o.Server = "127.0.0.1" // not in the certificate
	try(o, false)
}

func TestNobodyThere(t *testing.T) {
	for _, o := range []mysql.Options{{Server: "127.0.0.1", Port: 1, Database: "d"}, {Server: "/nonexistent/socket", Database: "d"}, {Server: "no.such.host.invalid", Database: "d"}} {
		o.Password = config.NewSecret("Canary")
		_, err := mysql.Open(t.Context(), o)
		if !errors.Is(err, store.ErrUnavailable) || strings.Contains(err.Error(), "Canary") {
			t.Errorf("%s: %v", o.Server, err)
		}
	}
}
