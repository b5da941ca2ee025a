// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite

import (
	"context"
	"database/sql"
)

// stmt prepares a statement once for all readers.
func (d *db) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := d.stmts.Load(query); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := d.readers.PrepareContext(ctx, d.names.Replace(query))
	if err != nil {
		return nil, d.explain("read", err)
	}
	if first, loaded := d.stmts.LoadOrStore(query, s); loaded {
		_ = s.Close() // another reader was first
		return first.(*sql.Stmt), nil
	}
	return s, nil
}

// each calls f for every row. f must not use the database.
func (d *db) each(ctx context.Context, query string, args []any, f func(scan func(...any) error) error) error {
	s, err := d.stmt(ctx, query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return d.explain("read", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return d.explain("read", err)
		}
	}
	return d.explain("read", rows.Err())
}

// strings reads one column.
func (d *db) strings(ctx context.Context, query string, args ...any) ([]string, error) {
	var all []string
	err := d.each(ctx, query, args, func(scan func(...any) error) error {
		var s string
		if err := scan(&s); err != nil {
			return err
		}
		all = append(all, s)
		return nil
	})
	return all, err
}
