// SPDX-License-Identifier: GPL-2.0-or-later

package postgres

import (
	"context"
	"database/sql"

	"spectrum.im/spectrum2/daemon/store/sqlstore"
)

// asText leaves bytes as they are: as text they would be hexadecimal.
func asText(column, databaseType string) string {
	if isBytes(databaseType) {
		return column
	}
	return column + "::text"
}

func isBytes(databaseType string) bool { return databaseType == "BYTEA" }

// sequence is where a table's ids come from, "" if it has none.
func sequence(ctx context.Context, e sqlstore.Exec, table string) (string, error) {
	var name sql.NullString
	err := e.Get(ctx, "SELECT pg_get_serial_sequence(?, 'id')", []any{quote(e.Table(table))}, &name)
	return name.String, err
}

func lastID(ctx context.Context, e sqlstore.Exec, table string) (last int64, err error) {
	name, err := sequence(ctx, e, table)
	if err == nil && name != "" {
		err = e.Get(ctx, "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM "+name, nil, &last)
	}
	return last, err
}

func setLastID(ctx context.Context, e sqlstore.Exec, table string, last int64) error {
	name, err := sequence(ctx, e, table)
	if err == nil && name != "" {
		err = e.Exec(ctx, "SELECT setval(CAST(? AS regclass), ?)", name, last)
	}
	return err
}
