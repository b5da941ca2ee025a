// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// numbered are the tables that give their rows an id.
var numbered = map[string]bool{"users": true, "buddies": true, "spectrum2_waiting": true}

// backupLine is a line of a backup that is a row, or its last one.
type backupLine struct {
	Table string     `json:"table"`
	Row   backupRow  `json:"row"`
	End   *backupEnd `json:"end,omitempty"`
}

// backupRow is a row by its columns.
type backupRow map[string]backupValue

// backupValue is what a column has, as the server writes it in text; nil is
// NULL. In JSON it is text where it can be; other bytes are {"base64": …}.
type backupValue []byte

// MarshalJSON implements json.Marshaler.
func (v backupValue) MarshalJSON() ([]byte, error) {
	switch {
	case v == nil:
		return []byte("null"), nil
	case !utf8.Valid(v):
		return json.Marshal(map[string][]byte{"base64": v})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(string(v))
	return b.Bytes(), err
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *backupValue) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		*v = nil
		return nil
	}
	if b[0] == '{' {
		var other struct {
			Base64 *[]byte `json:"base64"`
		}
		if err := json.Unmarshal(b, &other); err != nil || other.Base64 == nil {
			return fmt.Errorf("a value is neither text nor base64: %w", err)
		}
		*v = append(backupValue{}, *other.Base64...)
		return nil
	}
	var text string
	err := json.Unmarshal(b, &text)
	*v = append(backupValue{}, text...)
	return err
}

// columns are the row's, in order.
func (r backupRow) columns() []string {
	all := make([]string, 0, len(r))
	for c := range r {
		all = append(all, c)
	}
	slices.Sort(all)
	return all
}

// sum tells a row from others.
func (r backupRow) sum() uint64 {
	h := sha256.New()
	for _, c := range r.columns() {
		null := byte(0)
		if r[c] == nil {
			null = 1
		}
		h.Write([]byte(c))
		h.Write(binary.BigEndian.AppendUint64([]byte{null}, uint64(len(r[c]))))
		h.Write(r[c])
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// only is whose rows of a table count: one of spectrum2_meta is a lock.
func only(table string) string {
	if table == "spectrum2_meta" {
		return " WHERE name <> 'nodes'"
	}
	return ""
}

// eachRow reads a table; without columns, all that it has.
func (d *DB) eachRow(ctx context.Context, tx *sql.Tx, table string, columns []string, f func(backupRow) error) error {
	names, list, err := d.readable(ctx, tx, table, columns)
	if err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, "SELECT "+list+d.rewrite(" FROM {"+table+"}"+only(table)))
	if err != nil {
		return err
	}
	defer rows.Close()
	values, places := make([][]byte, len(names)), make([]any, len(names))
	for i := range values {
		places[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			return err
		}
		r := backupRow{}
		for i, name := range names {
			r[name] = values[i]
		}
		if err := f(r); err != nil {
			return err
		}
	}
	return rows.Err()
}

// readable are a table's columns, and the list that selects them as bytes.
func (d *DB) readable(ctx context.Context, tx *sql.Tx, table string, columns []string) (names []string, list string, err error) {
	types, err := d.columnTypes(ctx, tx, table)
	if err != nil {
		return nil, "", err
	}
	var selected []string
	for _, c := range types {
		if columns == nil || slices.Contains(columns, c.Name()) {
			names = append(names, c.Name())
			selected = append(selected, d.lang.AsText(d.quote(c.Name()), c.DatabaseTypeName()))
		}
	}
	return names, strings.Join(selected, ", "), nil
}

func (d *DB) columnTypes(ctx context.Context, tx *sql.Tx, table string) ([]*sql.ColumnType, error) {
	rows, err := tx.QueryContext(ctx, d.rewrite("SELECT * FROM {"+table+"} LIMIT 0"))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	return types, errors.Join(err, rows.Err())
}

func (d *DB) quote(column string) string {
	q := d.lang.Quote
	return q + strings.ReplaceAll(column, q, q+q) + q
}
