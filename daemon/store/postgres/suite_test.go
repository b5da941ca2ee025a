// SPDX-License-Identifier: GPL-2.0-or-later

package postgres_test

import (
	"os"
	"sync"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/store/postgres"
	"spectrum.im/spectrum2/daemon/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// opener keeps a database for each test.
func opener(s *dbtest.Server, o postgres.Options) func(t *testing.T) store.Store {
	var names sync.Map
	return func(t *testing.T) store.Store {
		t.Helper()
		o := o
		name, there := names.Load(t)
		if !there {
			name = s.Database(t)
			names.Store(t, name)
		}
		o.Database = name.(string)
		return open(t, s, o)
	}
}

// options are for the server's unix socket.
func options(s *dbtest.Server, database string) postgres.Options {
	return postgres.Options{Server: s.Socket(), Port: s.Port(), User: dbtest.User, Password: config.NewSecret(dbtest.Password), Database: database}
}

func open(t testing.TB, s *dbtest.Server, o postgres.Options) store.Store {
	t.Helper()
	at := options(s, o.Database)
	o.Server, o.Port, o.User, o.Password = at.Server, at.Port, at.User, at.Password
	d, err := postgres.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() }) // some tests close before
	return d
}

func TestStore(t *testing.T) {
	s := dbtest.PostgreSQL(t)
	t.Run("plain", func(t *testing.T) { storetest.Run(t, opener(s, postgres.Options{})) })
	t.Run("prefix and key", func(t *testing.T) {
		storetest.Run(t, opener(s, postgres.Options{Prefix: "icq_", Key: config.NewSecret("k")}))
	})
}
