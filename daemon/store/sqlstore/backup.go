// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
	"unicode/utf8"
)

// Backup implements store.Store: JSON, one line for each row of each table as
// it was at one moment; passwords as they are kept. The file is its owner's
// alone, and on the disk when Backup returns.
func (d *DB) Backup(ctx context.Context, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	err = d.onePatient(ctx, func(conn *sql.Conn) error { return d.dump(ctx, conn, f) })
	if err == nil {
		err = syncAll(f, filepath.Dir(path))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("copy database to %s: %w", path, err), os.Remove(path))
	}
	return nil
}

func syncAll(f *os.File, dir string) error {
	if err := f.Sync(); err != nil {
		return err
	}
	parent, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(parent.Sync(), parent.Close())
}

// line is one of a backup.
type line struct {
	Table string         `json:"table"`
	Row   map[string]any `json:"row"`
}

func (d *DB) dump(ctx context.Context, conn *sql.Conn, w io.Writer) error {
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing was written
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	head := map[string]any{"spectrum2": "backup", "type": d.lang.Type, "at": time.Now().UTC().Format(time.RFC3339)}
	if err := enc.Encode(head); err != nil {
		return err
	}
	for _, table := range tables {
		there, err := (steps{d, tx}).HasTable(ctx, table)
		if err == nil && there {
			err = d.dumpTable(ctx, tx, table, enc)
		}
		if err != nil {
			return fmt.Errorf("copy table %s: %w", table, err)
		}
	}
	return out.Flush()
}

func (d *DB) dumpTable(ctx context.Context, tx *sql.Tx, table string, enc *json.Encoder) error {
	rows, err := tx.QueryContext(ctx, d.rewrite("SELECT * FROM {"+table+"}"))
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values, places := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		places[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			return err
		}
		l := line{table, map[string]any{}}
		for i, c := range columns {
			l.Row[c] = readable(values[i])
		}
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	return rows.Err()
}

// readable is text where it can be; other bytes are {"base64": …}.
func readable(v any) any {
	b, ok := v.([]byte)
	switch {
	case !ok:
		return v
	case utf8.Valid(b):
		return string(b)
	}
	return map[string][]byte{"base64": b}
}
