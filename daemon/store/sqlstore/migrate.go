// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

func (d *DB) latest() int { return d.lang.Steps[len(d.lang.Steps)-1].Number }

// Migrate is also where an existing database is taken over, and where it turns
// out whether its passwords can be read with the key. There is no copy from
// before: every step only adds, and the log says what.
func (d *DB) Migrate(ctx context.Context) (backup string, err error) {
	s, err := d.Status(ctx)
	if err != nil {
		return "", err
	}
	if err := d.tooNew(ctx, s); err != nil {
		return "", err
	}
	if err := d.onePatient(ctx, "migrate", func(conn *sql.Conn) error { return d.migrate(ctx, conn, s) }); err != nil {
		return "", err
	}
	if err := d.lookNarrow(ctx); err != nil {
		return "", err
	}
	return "", d.openSeal(ctx)
}

// onePatient lends a connection that has no limit of time.
func (d *DB) onePatient(ctx context.Context, verb string, f func(*sql.Conn) error) error {
	if d.closed.Load() {
		return fmt.Errorf("%w: it was closed", store.ErrUnavailable)
	}
	pool := sql.OpenDB(d.patient)
	defer pool.Close()
	conn, err := pool.Conn(ctx)
	if err == nil {
		err = errors.Join(f(conn), conn.Close())
	}
	return d.explain(ctx, verb, err)
}

// migrate makes the pending steps; in one transaction, if the server can.
func (d *DB) migrate(ctx context.Context, conn *sql.Conn, s store.Status) error {
	if d.lang.Look != nil {
		if err := d.lang.Look(ctx, steps{d, conn}, d.log); err != nil {
			return err
		}
	}
	if len(s.Pending) == 0 {
		return nil
	}
	if s.Users > 0 {
		for _, m := range s.Pending {
			d.log.Info("adding to the database; what is there stays as it is", "database", d.o.Location, "step", m.Number, "what", m.Name)
		}
	}
	if !d.lang.Transactional {
		return d.locked(ctx, steps{d, conn})
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := d.locked(ctx, steps{d, tx}); err != nil {
		_ = tx.Rollback() // the error that matters is the step's
		return err
	}
	return tx.Commit()
}

func (d *DB) locked(ctx context.Context, e steps) error {
	var held int
	if err := e.Get(ctx, d.lang.Lock, []any{d.o.Prefix}, &held); err != nil || held != 1 {
		return errors.Join(err, errors.New("another program is migrating it"))
	}
	for _, s := range d.lang.Bookkeeping {
		if err := e.Exec(ctx, s); err != nil {
			return err
		}
	}
	if err := d.newSeal(ctx, e); err != nil {
		return err
	}
	var version int
	if err := e.Get(ctx, "SELECT COALESCE(MAX(number), 0) FROM {spectrum2_migrations}", nil, &version); err != nil {
		return err
	}
	for _, m := range d.lang.Steps {
		if m.Number <= version {
			continue
		}
		if err := e.step(ctx, m); err != nil {
			return fmt.Errorf("step %d (%s): %w", m.Number, m.Name, err)
		}
	}
	return nil
}

func (d *DB) lookNarrow(ctx context.Context) error {
	if d.lang.Narrow == "" {
		return nil
	}
	var n int
	err := d.get(ctx, d.lang.Narrow, []any{d.o.Prefix + "buddies"}, &n)
	d.narrow.Store(n > 0)
	return err
}

func newer(format string, args ...any) error { return store.NewerError(fmt.Sprintf(format, args...)) }

// tooNew refuses a database that a later version has changed.
func (d *DB) tooNew(ctx context.Context, s store.Status) error {
	if s.Version > s.Latest {
		return newer("the database %s has schema %d and this version of Spectrum 2 knows those up to %d: "+
			"install the newer version again, or restore the backup from before it", d.o.Location, s.Version, s.Latest)
	}
	there, err := d.hasTable(ctx, "db_version")
	if err != nil || !there {
		return err
	}
	var ver int
	err = d.get(ctx, "SELECT COALESCE(MAX(ver), 0) FROM {db_version}", nil, &ver)
	if err == nil && ver > d.lang.CxxVersion {
		return newer("the database %s has db_version %d and this version of Spectrum 2 knows those up to %d", d.o.Location, ver, d.lang.CxxVersion)
	}
	return err
}

// Status implements store.Store.
func (d *DB) Status(ctx context.Context) (store.Status, error) {
	s := store.Status{Type: d.lang.Type, Location: d.o.Location, Latest: d.latest()}
	var err error
	if s.Version, err = d.number(ctx, "spectrum2_migrations", "COALESCE(MAX(number), 0)"); err != nil {
		return s, err
	}
	if s.Users, err = d.number(ctx, "users", "count(*)"); err != nil {
		return s, err
	}
	for _, m := range d.lang.Steps {
		if m.Number > s.Version {
			s.Pending = append(s.Pending, m.Migration)
		}
	}
	return s, nil
}

// number reads one of a table that may not be there: then it is 0.
func (d *DB) number(ctx context.Context, table, what string) (n int, err error) {
	if there, err := d.hasTable(ctx, table); err != nil || !there {
		return 0, err
	}
	err = d.get(ctx, "SELECT "+what+" FROM {"+table+"}", nil, &n)
	return n, err
}

func (d *DB) hasTable(ctx context.Context, table string) (bool, error) {
	var n int
	err := d.get(ctx, d.lang.HasTable, []any{d.o.Prefix + table}, &n)
	return n > 0, err
}

// querier is a connection or a transaction.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// steps implements Exec.
type steps struct {
	d *DB
	q querier
}

func (e steps) step(ctx context.Context, m Step) error {
	for _, s := range m.Statements {
		if err := e.Exec(ctx, s); err != nil {
			return err
		}
	}
	if m.Also != nil {
		if err := m.Also(ctx, e); err != nil {
			return err
		}
	}
	return e.Exec(ctx, "INSERT INTO {spectrum2_migrations} (number, name, applied) VALUES (?, ?, ?)", m.Number, m.Name, time.Now().UTC().Format(time.DateTime))
}

func (e steps) Exec(ctx context.Context, query string, args ...any) error {
	_, err := e.q.ExecContext(ctx, e.d.rewrite(query), args...)
	return err
}

func (e steps) Get(ctx context.Context, query string, args []any, dest ...any) error {
	return e.q.QueryRowContext(ctx, e.d.rewrite(query), args...).Scan(dest...)
}

func (e steps) Table(table string) string { return e.d.o.Prefix + table }

func (e steps) HasTable(ctx context.Context, table string) (bool, error) {
	var n int
	err := e.Get(ctx, e.d.lang.HasTable, []any{e.Table(table)}, &n)
	return n > 0, err
}
