// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"spectrum.im/spectrum2/daemon/store"
)

var _ store.Restorer = (*DB)(nil)

// stays are the tables that a backup does not replace: what the tables are
// like, and whose users were at that time. Nobody owns users afterwards.
func stays(table string) bool {
	return table == "spectrum2_migrations" || table == "spectrum2_nodes" || table == "spectrum2_owners"
}

// Restore implements store.Restorer.
func (d *DB) Restore(ctx context.Context, backup io.ReadSeeker, keep string) (kept bool, err error) {
	c, err := d.checkBackup(backup)
	if err == nil {
		_, err = backup.Seek(0, io.SeekStart)
	}
	if err != nil {
		return false, fmt.Errorf("the backup cannot be used, nothing was changed: %w", err)
	}
	had, err := d.hasTable(ctx, "users")
	if err != nil {
		return false, err
	}
	if err := d.makeReady(ctx, c); err != nil {
		return false, err
	}
	if !had {
		keep = ""
	}
	err = d.onePatient(ctx, "restore", func(conn *sql.Conn) error { return d.replace(ctx, conn, backup, c, keep) })
	d.sealer.Store(nil) // Migrate finds out how it is now
	if err != nil {
		return false, err
	}
	return keep != "", nil
}

// makeReady makes the tables that are missing, and room for sealed passwords.
func (d *DB) makeReady(ctx context.Context, c checkedBackup) error {
	s, err := d.Status(ctx)
	if err != nil {
		return err
	}
	if err := d.tooNew(ctx, s); err != nil {
		return err
	}
	if there, err := d.hasTable(ctx, "spectrum2_nodes"); err != nil {
		return err
	} else if there {
		if err := d.unused(ctx); err != nil {
			return err
		}
	}
	if err := d.onePatient(ctx, "migrate", func(conn *sql.Conn) error { return d.migrate(ctx, conn, s) }); err != nil {
		return err
	}
	if err := d.widen(ctx); err != nil {
		return err
	}
	return d.onePatient(ctx, "restore", func(conn *sql.Conn) error {
		for table, t := range c.Tables {
			if !numbered[table] {
				continue
			}
			if err := d.raise(ctx, steps{d, conn}, table, t.Last); err != nil {
				return err
			}
		}
		return nil
	})
}

// raise sees to it that no id is given twice. Servers do not undo it, and do
// not have to.
func (d *DB) raise(ctx context.Context, e steps, table string, last int64) error {
	now, err := d.lang.LastID(ctx, e, table)
	if err == nil && now < last {
		err = d.lang.SetLastID(ctx, e, table, last)
	}
	return err
}

// replace puts the backup's rows in the place of those that are there.
func (d *DB) replace(ctx context.Context, conn *sql.Conn, backup io.Reader, c checkedBackup, keep string) error {
	if err := d.exactly(ctx, conn); err != nil {
		return err
	}
	return d.patiently(ctx, conn, func(t *tx) (err error) {
		if err := t.alone(); err != nil {
			return err
		}
		if keep != "" {
			if err := d.backupTo(keep, func(w io.Writer) error { return d.dump(ctx, t.tx, w) }); err != nil {
				return err
			}
			defer func() {
				if err != nil {
					err = errors.Join(err, os.Remove(keep))
				}
			}()
		}
		if err := t.clear(); err != nil {
			return err
		}
		if err := t.fill(newBackupReader(backup)); err != nil {
			return err
		}
		return t.compare(c)
	})
}

// alone locks out other programs and says which main process has users now.
func (t *tx) alone() error {
	if err := t.oneEnters(); err != nil {
		return err
	}
	var node string
	err := t.get("SELECT node FROM {spectrum2_nodes} WHERE lease > {now} ORDER BY node LIMIT 1", nil, &node)
	if err == nil {
		return fmt.Errorf("%w by node %s", store.ErrInUse, node)
	}
	if !errors.Is(err, sql.ErrNoRows) || t.d.lang.LockTable == "" {
		return notNone(err)
	}
	for _, table := range tables {
		if there, err := (steps{t.d, t.tx}).HasTable(t.ctx, table); err != nil {
			return err
		} else if there {
			if err := t.exec(fmt.Sprintf(t.d.lang.LockTable, "{"+table+"}")); err != nil {
				return err
			}
		}
	}
	return nil
}

func notNone(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// clear empties the tables, those that depend on users first.
func (t *tx) clear() error {
	for _, table := range slices.Backward(tables) {
		if table == "spectrum2_migrations" {
			continue
		}
		if err := t.exec("DELETE FROM {" + table + "}" + only(table)); err != nil {
			return fmt.Errorf("empty table %s: %w", table, err)
		}
	}
	return nil
}

// compare reads what was written: a server may have changed it to what its
// columns take.
func (t *tx) compare(c checkedBackup) error {
	for _, table := range tables {
		columns := c.columns[table]
		if stays(table) {
			continue
		}
		n, sum := 0, uint64(0)
		err := t.d.eachRow(t.ctx, t.tx, table, columns, func(r backupRow) error {
			n++
			sum += r.sum()
			return nil
		})
		if err != nil {
			return err
		}
		if n != c.Tables[table].Rows || sum != c.sums[table] {
			return fmt.Errorf("the table %s of this database does not take its rows as the backup has them, nothing was changed: its columns are too narrow, or another program writes to it", table)
		}
	}
	return nil
}
