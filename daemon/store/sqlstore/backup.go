// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"
)

// backupFormat is the version of what a backup's lines mean.
const backupFormat = 1

// backupHead is the first line of a backup.
type backupHead struct {
	Spectrum2 string `json:"spectrum2"`
	Format    int    `json:"format"`
	Type      string `json:"type"`
	Schema    int    `json:"schema"`
	At        string `json:"at"`
}

// backupEnd is the last line.
type backupEnd struct {
	Tables map[string]backupTable `json:"tables"`
	// SHA256 is of all lines before.
	SHA256 string `json:"sha256"`
}

// backupTable is one with how many rows, and the last id that it gave.
type backupTable struct {
	Rows int   `json:"rows"`
	Last int64 `json:"last,omitempty"`
}

// Backup implements store.Store: JSON, one line for each row of each table as
// it was at one moment; passwords as they are kept. The file is its owner's
// alone, and on the disk when Backup returns.
func (d *DB) Backup(ctx context.Context, path string) error {
	return d.backupTo(path, func(w io.Writer) error {
		return d.onePatient(ctx, "back up", func(conn *sql.Conn) error {
			if err := d.exactly(ctx, conn); err != nil {
				return err
			}
			tx, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
			if err != nil {
				return err
			}
			defer tx.Rollback() // nothing was written
			return d.dump(ctx, tx, w)
		})
	})
}

func (d *DB) exactly(ctx context.Context, conn *sql.Conn) error {
	for _, s := range d.lang.Exactly {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// backupTo writes a file, whole or not at all.
func (d *DB) backupTo(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	if err = write(f); err == nil {
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

// backupWriter sums up what it writes.
type backupWriter struct {
	json *json.Encoder
	hash hash.Hash
}

func newBackupWriter(w io.Writer) backupWriter {
	h := sha256.New()
	e := json.NewEncoder(io.MultiWriter(w, h))
	e.SetEscapeHTML(false)
	return backupWriter{e, h}
}

func (d *DB) dump(ctx context.Context, tx *sql.Tx, w io.Writer) error {
	e := steps{d, tx}
	head := backupHead{Spectrum2: "backup", Format: backupFormat, Type: d.lang.Type, At: time.Now().UTC().Format(time.RFC3339)}
	there, err := e.HasTable(ctx, "spectrum2_migrations")
	if err == nil && there {
		err = e.Get(ctx, "SELECT COALESCE(MAX(number), 0) FROM {spectrum2_migrations}", nil, &head.Schema)
	}
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	b := newBackupWriter(out)
	if err := b.json.Encode(head); err != nil {
		return err
	}
	end := backupEnd{Tables: map[string]backupTable{}}
	for _, table := range tables {
		there, err := e.HasTable(ctx, table)
		if err == nil && there {
			end.Tables[table], err = d.dumpTable(ctx, tx, table, b.json)
		}
		if err != nil {
			return fmt.Errorf("copy table %s: %w", table, err)
		}
	}
	end.SHA256 = hex.EncodeToString(b.hash.Sum(nil))
	if err := b.json.Encode(map[string]backupEnd{"end": end}); err != nil {
		return err
	}
	return out.Flush()
}

func (d *DB) dumpTable(ctx context.Context, tx *sql.Tx, table string, out *json.Encoder) (n backupTable, err error) {
	err = d.eachRow(ctx, tx, table, nil, func(r backupRow) error {
		n.Rows++
		return out.Encode(backupLine{Table: table, Row: r})
	})
	if err == nil && numbered[table] {
		n.Last, err = d.lang.LastID(ctx, steps{d, tx}, table)
	}
	return n, err
}
