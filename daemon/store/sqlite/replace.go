// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/seal"
)

// Exchange is a database file that is being made to take the place of the one
// of Options. Until Commit nothing changes; whoever is killed leaves the old
// one or the new one in its place.
type Exchange struct {
	o    Options
	path string
	lock *lock
}

// NewExchange begins one. It keeps the database for itself until Close; errors
// wrap store.ErrInUse.
func NewExchange(o Options) (*Exchange, error) {
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", o.Path, err)
	}
	o.Path = path
	l, err := takeAll(path, o.Prefix)
	if err != nil {
		return nil, err
	}
	x := &Exchange{o: o, path: path + ".new", lock: l}
	if err := errors.Join(removeFiles(x.path), dropNames(path)); err != nil {
		return nil, errors.Join(fmt.Errorf("remove what is left of an earlier attempt: %w", err), l.release())
	}
	return x, nil
}

// dropNames removes second names of the file in use, which keep gave it in an
// exchange that was killed before its end.
func dropNames(path string) error {
	used, err := os.Stat(path)
	if err != nil {
		return nil // there is none
	}
	names, err := filepath.Glob(globQuote(path) + ".replaced.*")
	for _, n := range names {
		if info, statErr := os.Stat(n); statErr == nil && os.SameFile(used, info) {
			err = errors.Join(err, os.Remove(n))
		}
	}
	return err
}

// Options are those of the new file, to open it with.
func (x *Exchange) Options() Options {
	o := x.o
	o.Path, o.Exclusive = x.path, false
	return o
}

// Fill writes the new file. It is its owner's alone.
func (x *Exchange) Fill(r io.Reader) error {
	f, err := os.OpenFile(x.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, r); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", x.path, err), f.Close())
	}
	return f.Close()
}

// Copy makes the new file a copy of the old one; with no old one it makes
// none.
func (x *Exchange) Copy(ctx context.Context) error {
	if _, err := os.Stat(x.o.Path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	o := x.o
	o.Exclusive = false
	old, err := Open(ctx, o)
	if err != nil {
		return err
	}
	return errors.Join(old.Backup(ctx, x.path), old.Close())
}

// Check finds out whether the new file is a database that this program can
// use, and whole. It must not be open.
func (x *Exchange) Check(ctx context.Context) (store.Status, error) {
	s, err := Open(ctx, x.Options())
	if err != nil {
		return store.Status{}, err
	}
	d := s.(*db)
	st, err := d.whole(ctx)
	return st, errors.Join(err, s.Close())
}

func (d *db) whole(ctx context.Context) (st store.Status, err error) {
	var result string
	if err := d.readers.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&result); err != nil {
		return st, d.explain("check", err)
	}
	if result != "ok" {
		return st, fmt.Errorf("check %s: it is damaged: %s", d.path, result)
	}
	if there, err := d.hasTable(ctx, "users"); err != nil {
		return st, err
	} else if !there {
		return st, fmt.Errorf("there is no table %susers in it: it is no database of Spectrum 2", d.prefix)
	}
	if st, err = d.Status(ctx); err != nil {
		return st, err
	}
	if err := d.tooNew(ctx, st); err != nil {
		return st, err
	}
	m, err := d.sealMeta(ctx)
	if err != nil {
		return st, err
	}
	k := d.keys.Load()
	_, _, err = seal.Load(k.now.Reveal(), k.old.Reveal(), m)
	return st, err
}

// Commit puts the new file, which nobody may have open, in its place. The old
// one stays beside it as kept, "" if there was none.
func (x *Exchange) Commit(ctx context.Context) (kept string, err error) {
	settle(ctx, x.path)
	if info, err := os.Stat(x.path + "-wal"); err == nil && info.Size() > 0 {
		return "", fmt.Errorf("%s is still open", x.path)
	}
	if err := syncFile(x.path); err != nil {
		return "", fmt.Errorf("bring %s to the disk: %w", x.path, err)
	}
	kept = x.o.Path + ".replaced." + time.Now().UTC().Format("20060102T150405.000")
	if kept, err = x.keep(ctx, kept); err != nil {
		return "", fmt.Errorf("keep the old database: %w", err)
	}
	if err := os.Rename(x.path, x.o.Path); err != nil {
		return kept, err
	}
	return kept, syncDirectory(filepath.Dir(x.path))
}

// keep gives the old file a second name. SQLite's log beside it would be taken
// for the new one's: it is brought into the file, or, if the file is too
// damaged for that, kept with it.
func (x *Exchange) keep(ctx context.Context, as string) (string, error) {
	if _, err := os.Stat(x.o.Path); errors.Is(err, fs.ErrNotExist) {
		return "", x.dropLogs("")
	}
	settle(ctx, x.o.Path)
	if err := os.Link(x.o.Path, as); err != nil {
		return "", err
	}
	return as, x.dropLogs(as)
}

// settle brings SQLite's log into its file. It is tried only: the old file may
// be what cannot be used any more.
func settle(ctx context.Context, path string) {
	pool, err := openPool(path, []string{"busy_timeout(5000)"}, 1)
	if err != nil {
		return
	}
	defer pool.Close()
	var busy, pages, moved int
	_ = pool.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
}

// dropLogs removes the old file's logs, after keeping those that hold
// something.
func (x *Exchange) dropLogs(kept string) error {
	for _, end := range []string{"-wal", "-journal"} {
		info, err := os.Stat(x.o.Path + end)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if kept != "" && info.Size() > 0 {
			if err := os.Link(x.o.Path+end, kept+end); err != nil {
				return err
			}
		}
		if err := os.Remove(x.o.Path + end); err != nil {
			return err
		}
	}
	return removeIfThere(x.o.Path + "-shm")
}

// Close ends the exchange and removes the new file if there was no Commit.
func (x *Exchange) Close() error {
	return errors.Join(removeFiles(x.path), x.lock.release())
}

// removeFiles removes a database with its logs.
func removeFiles(path string) error {
	var errs []error
	for _, end := range []string{"", "-wal", "-shm", "-journal"} {
		errs = append(errs, removeIfThere(path+end))
	}
	return errors.Join(errs...)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
