// SPDX-License-Identifier: GPL-2.0-or-later

package postgres_test

import (
	"testing"

	"spectrum.im/spectrum2/daemon/store/sqlstore/sqltest"
)

func TestSecrets(t *testing.T) {
	sqltest.Secrets(t, kind, sqltest.Disk{Log: []string{"data/pg_wal/"}, Anew: "VACUUM (FULL) %s"})
}
