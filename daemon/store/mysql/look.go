// SPDX-License-Identifier: GPL-2.0-or-later

package mysql

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"spectrum.im/spectrum2/daemon/store/sqlstore"
)

// The oldest servers that know everything that is asked of them: limits of
// time for statements, and keys of 3072 bytes without being told.
var (
	oldestMySQL   = version{5, 7}
	oldestMariaDB = version{10, 2}
)

// version is major and minor.
type version [2]int

func (v version) String() string { return fmt.Sprintf("%d.%d", v[0], v[1]) }

func (v version) before(w version) bool { return v[0] < w[0] || v[0] == w[0] && v[1] < w[1] }

// look refuses servers and tables that cannot be used, and warns where "kept"
// would not mean "on the disk".
func look(ctx context.Context, e sqlstore.Exec, log *slog.Logger) error {
	if err := lookVersion(ctx, e); err != nil {
		return err
	}
	if err := lookEngine(ctx, e); err != nil {
		return err
	}
	var flush int
	err := e.Get(ctx, "SELECT @@innodb_flush_log_at_trx_commit", nil, &flush)
	if err == nil && flush != 1 {
		log.Warn("the MySQL server may lose messages that it has confirmed", "innodb_flush_log_at_trx_commit", flush)
	}
	return err
}

func lookVersion(ctx context.Context, e sqlstore.Exec) error {
	var text string
	if err := e.Get(ctx, "SELECT VERSION()", nil, &text); err != nil {
		return err
	}
	name, oldest := "MySQL", oldestMySQL
	if strings.Contains(text, "MariaDB") {
		name, oldest = "MariaDB", oldestMariaDB
	}
	var v version
	if _, err := fmt.Sscanf(strings.TrimPrefix(text, "5.5.5-"), "%d.%d", &v[0], &v[1]); err == nil && v.before(oldest) {
		return fmt.Errorf("the server is %s %s, which is too old: Spectrum 2 needs MySQL %s or MariaDB %s, or newer", name, v, oldestMySQL, oldestMariaDB)
	}
	return nil
}

func lookEngine(ctx context.Context, e sqlstore.Exec) error {
	var n int
	var engine string
	err := e.Get(ctx, `SELECT count(*), COALESCE(MIN(engine), '') FROM information_schema.tables WHERE table_schema = DATABASE() AND engine <> 'InnoDB'
  AND table_name IN (?, ?, ?, ?)`, []any{e.Table("users"), e.Table("buddies"), e.Table("users_settings"), e.Table("buddies_settings")}, &n, &engine)
	if err == nil && n > 0 {
		err = fmt.Errorf("%d of its tables have the engine %s, which keeps no promises: ALTER TABLE … ENGINE=InnoDB for each of %susers, buddies, users_settings and buddies_settings",
			n, engine, e.Table(""))
	}
	return err
}
