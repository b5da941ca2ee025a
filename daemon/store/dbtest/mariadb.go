// SPDX-License-Identifier: GPL-2.0-or-later

package dbtest

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// MariaDB is the server that all tests of this program share. It does not wait
// for the disk.
func MariaDB(t testing.TB) *Server {
	t.Helper()
	return share(t, ofMySQL(), "--innodb-flush-log-at-trx-commit=0")
}

// NewMariaDB starts one that is the test's own. With WithoutTLS among its
// settings it has none until UseTLS: newer ones have some by themselves.
func NewMariaDB(t testing.TB, settings ...string) *Server {
	t.Helper()
	return own(t, ofMySQL(), settings)
}

var mariadb = kind{
	user:    "mysql",
	install: func() error { return need("mariadb-server") },
	prepare: func(h *home, _ []string) error {
		return h.run("/usr/bin/mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--datadir="+filepath.Join(h.dir, "data"))
	},
	program: func(h *home) (string, []string) {
		return "/usr/sbin/mariadbd", []string{"--no-defaults", "--datadir=" + filepath.Join(h.dir, "data"), "--socket=" + mariaSocket(h),
			"--port=" + fmt.Sprint(h.port), "--bind-address=127.0.0.1", "--pid-file=" + filepath.Join(h.dir, "pid"),
			"--innodb-buffer-pool-size=64M", "--innodb-log-file-size=64M", "--performance-schema=off", "--max-connections=60"}
	},
	open: func(h *home, database string) (*sql.DB, error) {
		c := mysql.NewConfig()
		c.Net, c.Addr, c.User, c.DBName, c.MultiStatements = "unix", mariaSocket(h), "root", database, true
		c.Params = map[string]string{ // whatever the server's own are
			"sql_mode": "'STRICT_TRANS_TABLES'", "character_set_client": "utf8mb4", "character_set_connection": "utf8mb4", "character_set_results": "utf8mb4",
		}
		c.Logger = &mysql.NopLogger{}
		connector, err := mysql.NewConnector(c)
		if err != nil {
			return nil, err
		}
		return sql.OpenDB(connector), nil
	},
	first: func(ctx context.Context, admin *sql.DB) error {
		password := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(Password)
		_, err := admin.ExecContext(ctx, "CREATE USER "+User+" IDENTIFIED BY '"+password+"'; GRANT ALL ON `test%`.* TO "+User)
		return err
	},
	create: "CREATE DATABASE %s CHARACTER SET utf8mb4",
	drop:   "DROP DATABASE %s",
	stop:   syscall.SIGTERM,
	crash:  syscall.SIGKILL,
	socket: mariaSocket,
	frames: mysqlFrames,
	noTLS:  []string{"--disable-ssl"},
	tls:    func(cert, key string) []string { return []string{"--ssl-cert=" + cert, "--ssl-key=" + key} },
}

func mariaSocket(h *home) string { return filepath.Join(h.dir, "socket") }
