// SPDX-License-Identifier: GPL-2.0-or-later

package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/store/postgres"
)

func TestPooler(t *testing.T) {
	s := dbtest.PostgreSQL(t)
	for mode, good := range map[string]bool{"session": true, "transaction": false, "statement": false} {
		o := postgres.Options{Server: "127.0.0.1", Port: s.PgBouncer(t, mode), User: dbtest.User, Database: s.Database(t)}
		d, err := postgres.Open(t.Context(), o)
		if !good {
			if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "pool_mode = session") {
				t.Errorf("%s: %v", mode, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", mode, err)
			continue
		}
		_, err = d.Migrate(t.Context())
		if err == nil {
			err = d.CreateUser(t.Context(), &store.User{JID: "a@example.org"})
		}
		if err = errors.Join(err, d.Close()); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
	}
}
