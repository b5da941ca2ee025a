// SPDX-License-Identifier: GPL-2.0-or-later

// Package sqlite keeps an instance's users in one SQLite file, in the tables
// of the C++ Spectrum 2, which it takes over in place and leaves usable for
// that version, and in tables of our own beside them. It does not know who
// writes: one process has the file, and in it one goroutine.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/seal"
)

// Memory as Options.Path keeps everything in memory until Close.
const Memory = ":memory:"

// Options say which database it is.
type Options struct {
	// Path is the file, or Memory.
	Path string
	// Prefix stands before the name of every table.
	Prefix string
	// Key encrypts passwords in databases that were made with one or sealed;
	// OldKey is the one before it was changed.
	Key, OldKey config.Secret
	// Exclusive keeps the database from others that ask for it, until Close;
	// errors of Open wrap store.ErrInUse.
	Exclusive bool
	// Log gets what an operator should know; nil is nowhere.
	Log *slog.Logger
}

// db implements store.Store.
type db struct {
	path   string
	prefix string
	lock   *lock // nil where the database is not kept from others
	log    *slog.Logger
	names  *strings.Replacer // {users} → "prefix_users"

	readers *sql.DB
	stmts   sync.Map // SQL text → *sql.Stmt of readers
	writer  *writer
	// file is the one in use, once there is one.
	file atomic.Pointer[fs.FileInfo]
	keys atomic.Pointer[keys]
	// sealer is nil while passwords are plain; Migrate sets it.
	sealer atomic.Pointer[seal.Sealer]
}

var prefixes = regexp.MustCompile(`^[A-Za-z0-9_]{0,40}$`)

// Open opens the database as it is, without changing anything: Migrate has to
// come before anything else but Status and Backup. A file that is not there
// yet is made by Migrate; its directory has to exist. Errors wrap
// store.ErrUnavailable where the file cannot be used.
func Open(ctx context.Context, o Options) (store.Store, error) {
	if !prefixes.MatchString(o.Prefix) {
		return nil, fmt.Errorf("prefix %q of the tables: letters, digits and underscores only", o.Prefix)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d := &db{path: o.Path, prefix: o.Prefix, log: o.Log, names: tableNames(o.Prefix)}
	d.keys.Store(&keys{o.Key, o.OldKey})
	if err := d.connect(); err != nil {
		return nil, err
	}
	if err := d.keep(o); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := d.look(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *db) connect() error {
	if d.path == Memory {
		pool, err := openPool(Memory, writerPragmas, 1)
		if err != nil {
			return err
		}
		d.readers, d.writer = pool, newWriter(d, pool)
		return nil
	}
	path, err := filepath.Abs(d.path)
	if err != nil {
		return fmt.Errorf("find %s: %w", d.path, err)
	}
	d.path = path
	if d.readers, err = openPool(path, readerPragmas, 4); err != nil {
		return err
	}
	pool, err := openPool(path, writerPragmas, 1)
	if err != nil {
		return errors.Join(err, d.readers.Close())
	}
	d.writer = newWriter(d, pool)
	return nil
}

// keep takes the lock that Options ask for.
func (d *db) keep(o Options) (err error) {
	if !o.Exclusive || d.path == Memory {
		return nil
	}
	if err := d.directory(); err != nil {
		return err
	}
	d.lock, err = take(d.path, d.prefix)
	return err
}

// look reads the file's schema once, so that a file that cannot be used is
// known at once.
func (d *db) look(ctx context.Context) error {
	there, err := d.exists()
	if err != nil || !there {
		return err
	}
	var n int
	err = d.readers.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&n)
	return d.explain("read", err)
}

// exists reports whether there is anything to read yet, and whether it is
// what was there before: SQLite would go on with a file that was removed, and
// what it keeps there is gone with the process.
func (d *db) exists() (bool, error) {
	if d.path == Memory {
		return true, nil
	}
	info, err := os.Stat(d.path)
	used := d.file.Load()
	switch {
	case errors.Is(err, fs.ErrNotExist) && used == nil:
		return false, d.directory()
	case errors.Is(err, fs.ErrNotExist):
		return false, fmt.Errorf("%w: %s was removed while it was in use", store.ErrUnavailable, d.path)
	case err != nil:
		return false, fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("%w: %s is not a file", store.ErrUnavailable, d.path)
	case used != nil && !os.SameFile(*used, info):
		return false, fmt.Errorf("%w: %s was replaced while it was in use; restart the instance", store.ErrUnavailable, d.path)
	}
	d.file.CompareAndSwap(nil, &info)
	return true, nil
}

// directory says what keeps the file from being made.
func (d *db) directory() error {
	dir := filepath.Dir(d.path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("%w: there is no directory %s for the database", store.ErrUnavailable, dir)
	}
	return nil
}

// Close waits for the writes under way.
func (d *db) Close() error {
	err := d.writer.close()
	if d.path == Memory {
		return err // the writer's pool is the readers' too
	}
	return errors.Join(err, d.readers.Close(), d.lock.release())
}
