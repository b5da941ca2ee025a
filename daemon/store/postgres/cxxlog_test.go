// SPDX-License-Identifier: GPL-2.0-or-later

package postgres_test

import (
	"log/slog"
	"testing"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/postgres"
	"spectrum.im/spectrum2/daemon/store/sqlstore/sqltest"
)

func TestFirstStartSaysWhatItAdds(t *testing.T) {
	s := kind.Shared(t)
	name := s.Database(t)
	cxx.Fill(t, s.SQL(t, name), "", func(password string) string { return password })
	sqltest.FirstStart(t, func(log *slog.Logger) store.Store { return open(t, s, postgres.Options{Database: name, Log: log}) })
}
