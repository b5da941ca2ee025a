// SPDX-License-Identifier: GPL-2.0-or-later

package mysql_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/store/mysql"
)

// TestLogins: MySQL's caching_sha2_password takes another way the first time
// after a start of the server, and another one on each kind of connection.
func TestLogins(t *testing.T) {
	s := dbtest.NewMariaDB(t, "--innodb-flush-log-at-trx-commit=0")
	cert := s.UseTLS(t)
	name := s.Database(t)
	password := config.NewSecret(dbtest.Password)
	ways := map[string]mysql.Options{
		"socket":      {Server: s.Socket()},
		"plain":       {Server: "localhost", Port: s.Port(), TLS: "disable"},
		"TLS":         {Server: "localhost", Port: s.Port()},
		"TLS, strict": {Server: "localhost", Port: s.Port(), TLS: "verify-full", RootCert: cert},
	}
	for way, o := range ways {
		o.User, o.Database = dbtest.User, name
		try := func(what string, password config.Secret, want string) {
			t.Helper()
			o.Password = password
			d, err := mysql.Open(t.Context(), o)
			if err == nil {
				d.Close()
			}
			if (err == nil) != (want == "") || err != nil && (!errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "Canary")) {
				t.Errorf("%s, %s: %v, want %q", way, what, err, want)
			}
		}
		if err := errors.Join(s.Stop(), s.Start()); err != nil {
			t.Fatal(err)
		}
		try("wrong, first", config.NewSecret("Canary wrong"), "refuses database.user and database.password")
		try("first", password, "")
		try("again", password, "")
		try("wrong", config.NewSecret("Canary wrong"), "refuses database.user and database.password")
		try("none", config.Secret{}, "refuses database.user and database.password")
	}
}

func TestServerWantsTLS(t *testing.T) {
	s := dbtest.NewMariaDB(t, "--innodb-flush-log-at-trx-commit=0", "--require-secure-transport=ON")
	s.UseTLS(t)
	name := s.Database(t)
	o := mysql.Options{Server: "127.0.0.1", Port: s.Port(), User: dbtest.User, Password: config.NewSecret(dbtest.Password), Database: name}
	for tls, want := range map[string]string{"disable": "database.tls", "": "", "require": ""} {
		o.TLS = tls
		d, err := mysql.Open(t.Context(), o)
		if err == nil {
			d.Close()
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", tls, err)
		}
	}
	open(t, s, mysql.Options{Database: name, TLS: "disable"}) // the socket is good enough
}

func TestAccountsThatCannotLogIn(t *testing.T) {
	s := dbtest.MariaDB(t)
	o := options(s, s.Database(t))
	o.User, o.Password = "other", config.NewSecret("Canary")
	accounts := map[string]string{
		"CREATE USER other IDENTIFIED BY 'Canary' ACCOUNT LOCK":    "is locked",
		"CREATE USER other IDENTIFIED BY 'Canary' PASSWORD EXPIRE": "has expired",
		"CREATE USER other@'10.1.1.1' IDENTIFIED BY 'Canary'":      "refuses database.user",
	}
	if s.IsMySQL() {
		accounts["CREATE USER other IDENTIFIED WITH sha256_password BY 'Canary'"] = ""
	} else {
		accounts["INSTALL SONAME 'auth_ed25519'; CREATE USER other IDENTIFIED VIA ed25519 USING PASSWORD('Canary')"] = ""
		accounts["INSTALL SONAME 'auth_pam'; CREATE USER other IDENTIFIED VIA pam USING 'other'"] = "a plugin that Spectrum 2"
	}
	for create, want := range accounts {
		run(t, s, "", create)
		host := ""
		if strings.Contains(create, "@") {
			host = "@'10.1.1.1'"
		}
		run(t, s, "", "GRANT ALL ON "+o.Database+".* TO other"+host)
		d, err := mysql.Open(t.Context(), o)
		if err == nil { // an expired password is enough for nothing else
			_, err = d.Status(t.Context())
			d.Close()
		}
		if (err == nil) != (want == "") || err != nil && (!errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "Canary")) {
			t.Errorf("%s: %v, want %q", create, err, want)
		}
		run(t, s, "", "DROP USER other"+host)
	}
}

// TestSystemsUser: no password, but the same name as the system's user.
func TestSystemsUser(t *testing.T) {
	s := dbtest.NewMariaDB(t, "--innodb-flush-log-at-trx-commit=0")
	plugin := "IDENTIFIED VIA unix_socket"
	if s.IsMySQL() {
		plugin = "IDENTIFIED WITH auth_socket"
		run(t, s, "", "INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'")
	}
	name := s.Database(t)
	o := options(s, name)
	for _, user := range []string{"nobody", "root"} {
		run(t, s, "", "CREATE USER IF NOT EXISTS "+user+"@localhost "+plugin, "ALTER USER "+user+"@localhost "+plugin)
		o.User = user
		d, err := mysql.Open(t.Context(), o)
		if err == nil {
			d.Close()
		}
		mine := user == "root" && os.Getuid() == 0
		if (err == nil) != mine || err != nil && !strings.Contains(err.Error(), "database.user") {
			t.Errorf("%s: %v", user, err)
		}
	}
}
