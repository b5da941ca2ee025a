// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"database/sql"

	"spectrum.im/spectrum2/daemon/store/seal"
)

// passwordTable is one with passwords: one row has a number and a name.
type passwordTable struct {
	table, all, page, update string
	place                    func(name string) string
}

// A page is locked until the end, so that nothing is written in between.
var passwordTables = []passwordTable{
	{
		table:  "users",
		all:    "SELECT id, '', jid, password FROM {users} WHERE password <> ''",
		page:   "SELECT id, '', jid, password FROM {users} WHERE password <> '' AND id > ? AND '' = ? ORDER BY id LIMIT 500 FOR UPDATE",
		update: "UPDATE {users} SET password = ? WHERE id = ? AND '' = ?",
		place:  func(string) string { return passwordOf },
	}, {
		table: "spectrum2_rooms",
		all:   "SELECT r.user_id, r.name, u.jid, r.password FROM {spectrum2_rooms} r JOIN {users} u ON u.id = r.user_id WHERE r.password <> ''",
		page: "SELECT r.user_id, r.name, u.jid, r.password FROM {spectrum2_rooms} r JOIN {users} u ON u.id = r.user_id" +
			" WHERE r.password <> '' AND (r.user_id, r.name) > (?, ?) ORDER BY r.user_id, r.name LIMIT 500 FOR UPDATE",
		update: "UPDATE {spectrum2_rooms} SET password = ? WHERE user_id = ? AND name = ?",
		place:  roomPassword,
	},
}

// password is a row of a passwordTable.
type password struct {
	id               int64
	name, jid, value string
}

// convert rewrites all passwords in one transaction, with what the database
// says of its sealing. From then on s is what seals.
func (d *DB) convert(ctx context.Context, s *seal.Sealer, progress func(done, all int), put map[string]string, remove []string,
	change func(jid, place, value string) (string, error)) error {
	if progress == nil {
		progress = func(int, int) {}
	}
	err := d.onePatient(ctx, "change", func(conn *sql.Conn) error {
		return d.patiently(ctx, conn, func(t *tx) error {
			if err := t.changeMeta(put, remove); err != nil {
				return err
			}
			return t.convert(progress, change)
		})
	})
	if err == nil {
		d.sealer.Store(s)
	}
	return err
}

// patiently runs f in a transaction on a connection without a limit of time.
func (d *DB) patiently(ctx context.Context, conn *sql.Conn, f func(*tx) error) error {
	sqlTx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer sqlTx.Rollback() // nothing is left to undo after Commit
	if err := f(&tx{ctx: ctx, d: d, tx: sqlTx, patient: true}); err != nil {
		return err
	}
	return sqlTx.Commit()
}

func (t *tx) changeMeta(put map[string]string, remove []string) error {
	for name, value := range put {
		if err := t.putMeta(name, value); err != nil {
			return err
		}
	}
	for _, name := range remove {
		if err := t.exec("DELETE FROM {spectrum2_meta} WHERE name = ?", name); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) convert(progress func(done, all int), change func(jid, place, value string) (string, error)) error {
	all := 0
	for _, p := range passwordTables {
		var n int
		if err := t.get("SELECT count(*) FROM {"+p.table+"} WHERE password <> ''", nil, &n); err != nil {
			return err
		}
		all += n
	}
	done := 0
	for _, p := range passwordTables {
		for last := (password{}); ; {
			n, err := t.convertPage(p, &last, change)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			done += n
			progress(done, all)
		}
	}
	return nil
}

// convertPage rewrites those that follow last, and returns how many those are.
func (t *tx) convertPage(p passwordTable, last *password, change func(jid, place, value string) (string, error)) (int, error) {
	page, err := t.passwords(p.page, last.id, last.name)
	if err != nil {
		return 0, err
	}
	for _, row := range page {
		value, err := change(row.jid, p.place(row.name), row.value)
		if err == nil && value != row.value {
			err = t.exec(p.update, value, row.id, row.name)
		}
		if err != nil {
			return 0, err
		}
		*last = row
	}
	return len(page), nil
}

func (t *tx) passwords(query string, args ...any) ([]password, error) {
	rows, err := t.tx.QueryContext(t.ctx, t.d.rewrite(query), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []password
	for rows.Next() {
		var p password
		if err := rows.Scan(&p.id, &p.name, &p.jid, &p.value); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, rows.Err()
}
