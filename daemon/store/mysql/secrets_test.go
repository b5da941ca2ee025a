// SPDX-License-Identifier: GPL-2.0-or-later

package mysql_test

import (
	"testing"

	"spectrum.im/spectrum2/daemon/store/sqlstore/sqltest"
)

func TestSecrets(t *testing.T) {
	disk := sqltest.Disk{Log: []string{"data/ib_logfile", "data/ibdata", "data/undo"}, Anew: "ALTER TABLE %s FORCE"}
	if kind.Shared(t).IsMySQL() { // it has a binary log without being told, and its redo log in a directory
		disk.Log = []string{"data/#innodb_redo/", "data/undo_", "data/binlog."}
	}
	sqltest.Secrets(t, kind, disk)
}
