// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Of one INSERT.
const (
	batchRows  = 100
	batchBytes = 1 << 20
)

// batch is rows of one table that are written together.
type batch struct {
	table string
	// bytes are the columns that are no text.
	bytes map[string]bool
	rows  []backupRow
	size  int
}

// fill writes the rows of a backup, which was checked.
func (t *tx) fill(in *backupReader) error {
	if _, err := in.head(); err != nil {
		return err
	}
	b := &batch{}
	for {
		l, err := in.next()
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return err
		}
		if end || b.table != l.Table || len(b.rows) == batchRows || b.size > batchBytes {
			if err := t.put(b); err != nil {
				return fmt.Errorf("the table %s does not take its rows up to line %d of the backup: %w", b.table, in.line, err)
			}
		}
		if end {
			return nil
		}
		if stays(l.Table) {
			continue
		}
		if err := t.begin(b, l.Table); err != nil {
			return err
		}
		b.rows = append(b.rows, l.Row)
		for _, v := range l.Row {
			b.size += len(v)
		}
	}
}

func (t *tx) begin(b *batch, table string) error {
	if b.table == table {
		return nil
	}
	types, err := t.d.columnTypes(t.ctx, t.tx, table)
	*b = batch{table: table, bytes: map[string]bool{}}
	for _, c := range types {
		b.bytes[c.Name()] = t.d.lang.Bytes(c.DatabaseTypeName())
	}
	return err
}

// put writes the rows, which have the same columns.
func (t *tx) put(b *batch) error {
	if len(b.rows) == 0 {
		return nil
	}
	columns := b.rows[0].columns()
	var quoted []string
	for _, c := range columns {
		quoted = append(quoted, t.d.quote(c))
	}
	var args []any
	for _, r := range b.rows {
		if !slices.Equal(r.columns(), columns) {
			return errors.New("they do not have the same columns")
		}
		for _, c := range columns {
			switch {
			case r[c] == nil:
				args = append(args, nil)
			case b.bytes[c]:
				args = append(args, []byte(r[c]))
			default:
				args = append(args, string(r[c]))
			}
		}
	}
	values := strings.TrimSuffix(strings.Repeat("("+list(len(columns))+"), ", len(b.rows)), ", ")
	b.rows, b.size = nil, 0
	return t.exec("INSERT INTO {"+b.table+"} ("+strings.Join(quoted, ", ")+") VALUES "+values, args...)
}
