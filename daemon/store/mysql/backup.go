// SPDX-License-Identifier: GPL-2.0-or-later

package mysql

import (
	"context"
	"fmt"

	"spectrum.im/spectrum2/daemon/store/sqlstore"
)

// asText keeps the driver from making times of texts: there are dates that no
// calendar has.
func asText(column, databaseType string) string {
	switch databaseType {
	case "DATETIME", "TIMESTAMP", "DATE":
		return "CAST(" + column + " AS CHAR)"
	}
	return column
}

// lastID asks newer versions of MySQL not to answer with what they knew
// yesterday.
func lastID(ctx context.Context, e sqlstore.Exec, table string) (last int64, err error) {
	if err := e.Exec(ctx, "SET @spectrum2 = 0 /*!80000 , SESSION information_schema_stats_expiry = 0 */"); err != nil {
		return 0, err
	}
	err = e.Get(ctx, "SELECT COALESCE(MAX(auto_increment), 1) - 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?", []any{e.Table(table)}, &last)
	return last, err
}

func setLastID(ctx context.Context, e sqlstore.Exec, table string, last int64) error {
	return e.Exec(ctx, fmt.Sprintf("ALTER TABLE {%s} AUTO_INCREMENT = %d", table, last+1))
}
