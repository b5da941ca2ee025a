// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"spectrum.im/spectrum2/daemon/store"
)

// each calls f for every row. f must not use the database. Nothing is read
// again once f had a row.
func (d *DB) each(ctx context.Context, query string, args []any, f func(scan func(...any) error) error) error {
	ctx, cancel := d.limit(ctx)
	defer cancel()
	var late error
	err := d.repeat(ctx, func() error {
		s, err := d.stmt(ctx, query)
		if err != nil {
			return err
		}
		rows, err := s.QueryContext(ctx, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		began := false
		for rows.Next() {
			began = true
			if late = f(rows.Scan); late != nil {
				return nil
			}
		}
		if began {
			late = rows.Err()
			return nil
		}
		return rows.Err()
	})
	return d.explain(ctx, "read", errors.Join(err, late))
}

// get reads one row; store.ErrNotFound if there is none.
func (d *DB) get(ctx context.Context, query string, args []any, dest ...any) error {
	ctx, cancel := d.limit(ctx)
	defer cancel()
	err := d.repeat(ctx, func() error {
		s, err := d.stmt(ctx, query)
		if err != nil {
			return err
		}
		return s.QueryRowContext(ctx, args...).Scan(dest...)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrNotFound
	}
	return d.explain(ctx, "read", err)
}

// strings reads one column.
func (d *DB) strings(ctx context.Context, query string, args ...any) ([]string, error) {
	var all []string
	err := d.each(ctx, query, args, func(scan func(...any) error) error {
		var s string
		err := scan(&s)
		all = append(all, s)
		return err
	})
	return all, err
}
