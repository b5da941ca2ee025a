// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

// migration is one step; it only adds.
type migration struct {
	store.Migration
	run func(*tx) error
}

// migrations in their order for ever: a released one is never changed.
var migrations = []migration{
	{store.Migration{Number: 1, Name: "tables of Spectrum 2"}, createTables},
	{store.Migration{Number: 2, Name: "waiting messages and rooms"}, createOurs},
	{store.Migration{Number: 3, Name: "archive and what clients keep"}, createArchive},
}

func latest() int { return migrations[len(migrations)-1].Number }

// Migrate is also where an existing database is taken over, and where it
// turns out whether its passwords can be read with the key.
func (d *db) Migrate(ctx context.Context) (backup string, err error) {
	if err := d.makeFile(); err != nil {
		return "", err
	}
	s, err := d.Status(ctx)
	if err != nil {
		return "", err
	}
	if err := d.tooNew(ctx, s); err != nil {
		return "", err
	}
	if len(s.Pending) > 0 {
		if backup, err = d.backupBefore(ctx); err != nil {
			return "", err
		}
		if err := d.write(ctx, func(t *tx) error { return t.migrate(d) }); err != nil {
			return backup, fmt.Errorf("migrate %s, which is as it was: %w", d.path, err)
		}
		d.tidy(ctx, s)
	}
	d.warnReadable()
	return backup, d.openSeal(ctx)
}

// tidy takes out of a file of the C++ version what that one deleted and SQLite
// left in it: it did not have deleted rows overwritten.
func (d *db) tidy(ctx context.Context, before store.Status) {
	if before.Version > 0 || before.Users == 0 {
		return
	}
	if err := d.rewrite(ctx); err != nil {
		d.log.Warn("database not tidied up: what was deleted from it may still be found in the file", "err", err)
	}
}

// warnReadable is for files of the C++ version.
func (d *db) warnReadable() {
	if info := d.file.Load(); info != nil && (*info).Mode().Perm()&0o004 != 0 {
		d.log.Warn("everybody can read the database, with the users' passwords; chmod 0600 it", "file", d.path)
	}
}

// makeFile makes an empty file for its owner alone: the passwords of all
// users will be in it.
func (d *db) makeFile() error {
	there, err := d.exists()
	if err != nil || there {
		return err
	}
	f, err := os.OpenFile(d.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return f.Close()
}

func newer(format string, args ...any) error { return store.NewerError(fmt.Sprintf(format, args...)) }

// tooNew refuses a database that a later version has changed.
func (d *db) tooNew(ctx context.Context, s store.Status) error {
	if s.Version > s.Latest {
		return newer("the database %s has schema %d and this version of Spectrum 2 knows those up to %d: "+
			"install the newer version again, or restore the backup from before it", d.path, s.Version, s.Latest)
	}
	ver, err := d.cxxVersion(ctx)
	if err == nil && ver > cxxVersion {
		return newer("the database %s has db_version %d and this version of Spectrum 2 knows those up to %d", d.path, ver, cxxVersion)
	}
	return err
}

// cxxVersion is the highest number in db_version, 0 where there is none.
func (d *db) cxxVersion(ctx context.Context) (ver int, err error) {
	if there, err := d.hasTable(ctx, "db_version"); err != nil || !there {
		return 0, err
	}
	err = d.get(ctx, "SELECT COALESCE(MAX(ver), 0) FROM {db_version}", nil, &ver)
	return ver, err
}

// backupBefore copies the file beside itself where there is something to
// lose.
func (d *db) backupBefore(ctx context.Context) (string, error) {
	if d.path == Memory {
		return "", nil
	}
	var n int
	if err := d.get(ctx, "SELECT count(*) FROM sqlite_schema", nil, &n); err != nil || n == 0 {
		return "", err
	}
	path := fmt.Sprintf("%s.before-schema-%d.%s", d.path, latest(), time.Now().UTC().Format("20060102T150405.000"))
	if err := d.Backup(ctx, path); err != nil {
		return "", fmt.Errorf("back up before migrating: %w: %w", store.ErrUnavailable, err)
	}
	d.log.Info("database copied before its migration", "file", d.path, "copy", path)
	return path, nil
}

func (t *tx) migrate(d *db) error {
	for _, s := range bookkeeping {
		if err := t.exec(s); err != nil {
			return err
		}
	}
	var version int
	if err := t.get("SELECT COALESCE(MAX(number), 0) FROM {spectrum2_migrations}", nil, &version); err != nil {
		return err
	}
	if err := t.newSeal(d); err != nil {
		return err
	}
	for _, m := range migrations {
		if m.Number <= version {
			continue
		}
		if err := m.run(t); err != nil {
			return fmt.Errorf("step %d (%s): %w", m.Number, m.Name, err)
		}
		err := t.exec("INSERT INTO {spectrum2_migrations} (number, name, applied) VALUES (?, ?, datetime('now'))", m.Number, m.Name)
		if err != nil {
			return err
		}
	}
	return nil
}

// Status implements store.Store.
func (d *db) Status(ctx context.Context) (store.Status, error) {
	s := store.Status{Type: "sqlite3", Location: d.path, Latest: latest()}
	there, err := d.exists()
	if err != nil {
		return s, err
	}
	if there {
		if s.Version, err = d.version(ctx); err != nil {
			return s, err
		}
		if s.Users, err = d.countUsers(ctx); err != nil {
			return s, err
		}
	}
	for _, m := range migrations {
		if m.Number > s.Version {
			s.Pending = append(s.Pending, m.Migration)
		}
	}
	return s, nil
}

func (d *db) version(ctx context.Context) (n int, err error) {
	if there, err := d.hasTable(ctx, "spectrum2_migrations"); err != nil || !there {
		return 0, err
	}
	err = d.get(ctx, "SELECT COALESCE(MAX(number), 0) FROM {spectrum2_migrations}", nil, &n)
	return n, err
}

func (d *db) countUsers(ctx context.Context) (n int, err error) {
	if there, err := d.hasTable(ctx, "users"); err != nil || !there {
		return 0, err
	}
	err = d.get(ctx, "SELECT count(*) FROM {users}", nil, &n)
	return n, err
}

func (d *db) hasTable(ctx context.Context, table string) (bool, error) {
	var n int
	err := d.get(ctx, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?", []any{d.prefix + table}, &n)
	return n > 0, err
}

// Backup implements store.Store. The copy is its owner's alone, and on the
// disk when it returns.
func (d *db) Backup(ctx context.Context, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	err = d.copyTo(ctx, path)
	if err == nil {
		err = syncAll(f, filepath.Dir(path))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("copy database to %s: %w", path, err), os.Remove(path))
	}
	return nil
}

// copyTo has a connection of its own, so that a long copy keeps no reader.
func (d *db) copyTo(ctx context.Context, path string) error {
	if d.path == Memory {
		_, err := d.readers.ExecContext(ctx, "VACUUM INTO ?", path)
		return err
	}
	if there, err := d.exists(); err != nil || !there {
		return errors.Join(err, errors.New("there is no database yet"))
	}
	pool, err := openPool(d.path, []string{"busy_timeout(5000)"}, 1)
	if err != nil {
		return err
	}
	_, err = pool.ExecContext(ctx, "VACUUM INTO ?", path)
	return errors.Join(d.explain("read", err), pool.Close())
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

// get reads one row; store.ErrNotFound if there is none.
func (d *db) get(ctx context.Context, query string, args []any, dest ...any) error {
	s, err := d.stmt(ctx, query)
	if err != nil {
		return err
	}
	err = s.QueryRowContext(ctx, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrNotFound
	}
	return d.explain("read", err)
}
