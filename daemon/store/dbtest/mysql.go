// SPDX-License-Identifier: GPL-2.0-or-later

package dbtest

import (
	"fmt"
	"path/filepath"
)

// oracle is MySQL itself, which Debian has in unstable only.
var oracle = func() kind {
	k := mariadb
	k.variant, k.noTLS = "MySQL", []string{"--tls-version="}
	k.prepare = func(h *home, settings []string) error {
		args := []string{"--no-defaults", "--initialize-insecure", "--datadir=" + filepath.Join(h.dir, "data")}
		return h.run("/usr/sbin/mysqld", append(args, settings...)...)
	}
	k.program = func(h *home) (string, []string) {
		// It waits for no disk: tests end the server, not the machine.
		return "/usr/sbin/mysqld", []string{"--no-defaults", "--datadir=" + filepath.Join(h.dir, "data"), "--innodb-flush-method=nosync", "--sync-binlog=0",
			"--innodb-doublewrite=OFF", "--socket=" + mariaSocket(h),
			"--port=" + fmt.Sprint(h.port), "--bind-address=127.0.0.1", "--pid-file=" + filepath.Join(h.dir, "pid"), "--mysqlx=OFF", "--secure-file-priv=NULL",
			"--innodb-buffer-pool-size=64M", "--innodb-redo-log-capacity=64M", "--performance-schema=OFF", "--max-connections=60"}
	}
	return k
}()

// ofMySQL is the kind of server that is tested as MySQL.
func ofMySQL() kind {
	if inTreeIs("usr/sbin/mysqld") && !inTreeIs("usr/sbin/mariadbd") {
		return oracle
	}
	return mariadb
}

// IsMySQL reports whether MariaDB is not MariaDB but Oracle's MySQL.
func (s *Server) IsMySQL() bool { return s.kind.variant == "MySQL" }

// HasHandshakeOption reports whether servers take
// --skip-character-set-client-handshake, which MySQL has no more.
func HasHandshakeOption() bool { return ofMySQL().variant != "MySQL" }
