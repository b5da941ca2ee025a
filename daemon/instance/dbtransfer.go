// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlite"
	"spectrum.im/spectrum2/daemon/store/transfer"
)

func (t task) export(ctx context.Context) error {
	path := t.Output
	if path == "" {
		path = t.beside("export") + ".jsonl"
	}
	return t.withSnapshot(ctx, func(s store.Store) error {
		if path == "-" {
			_, err := transfer.Export(ctx, s, t.Stdout, t.options(t.Passwords))
			return err
		}
		n, err := t.exportTo(ctx, s, path, t.Passwords)
		if err != nil {
			return fmt.Errorf("export to %s: %w", path, err)
		}
		said := []string{fmt.Sprintf("Exported to %s: %s.", path, amounts(n))}
		if !t.Passwords {
			said = append(said, "Passwords are not in it (--with-passwords): users of an import have to register again.")
		}
		return t.say(map[string]any{"export": path, "counts": n}, said...)
	})
}

func (t task) options(passwords bool) transfer.Options {
	return transfer.Options{JID: t.cfg.Service.JID, Program: t.Version, Passwords: passwords}
}

func amounts(n transfer.Counts) string {
	return strings.Join([]string{
		count(n.Users, "user"), count(n.Contacts, "contact"), count(n.Waiting, "waiting message"),
		count(n.Rooms, "room"), count(n.Archived, "archived message"), count(n.Personal, "personal item"),
	}, ", ")
}

// count is how many there are, for people.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// withSnapshot opens the database as it is at one moment, without changing it.
// SQLite's is a copy, which is brought to this version's schema.
func (t task) withSnapshot(ctx context.Context, f func(store.Store) error) error {
	return t.with(ctx, false, func(s store.Store) error {
		if t.cfg.Database.Type != "sqlite3" {
			return t.withSchema(ctx, s, f)
		}
		dir, err := os.MkdirTemp(filepath.Dir(t.cfg.Database.Database), ".export-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o := sqliteOptions(t.cfg, nil)
		o.Path = filepath.Join(dir, "copy.sql")
		if err := s.Backup(ctx, o.Path); err != nil {
			return err
		}
		snapshot, err := sqlite.Open(ctx, o)
		if err != nil {
			return err
		}
		_, err = snapshot.Migrate(ctx)
		if err == nil {
			err = f(snapshot)
		}
		return errors.Join(err, snapshot.Close())
	})
}

// withSchema refuses a database that has to be migrated first.
func (t task) withSchema(ctx context.Context, s store.Store, f func(store.Store) error) error {
	st, err := s.Status(ctx)
	if err != nil {
		return err
	}
	if len(st.Pending) > 0 {
		return fmt.Errorf("the database has to be migrated first: spectrumctl db migrate %s", t.cfg.Instance)
	}
	if _, err := s.Migrate(ctx); err != nil { // it tries the key
		return err
	}
	return f(s)
}

// exportTo writes a file, whole or not at all, for its owner alone. It must
// not exist.
func (t task) exportTo(ctx context.Context, s store.Store, path string, passwords bool) (n transfer.Counts, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".export-*") // 0600
	if err != nil {
		return n, err
	}
	defer os.Remove(f.Name())
	n, err = transfer.Export(ctx, s, f, t.options(passwords))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return n, err
	}
	return n, os.Link(f.Name(), path) // never over another file
}

// load imports. The file is checked whole before anything is done.
func (t task) load(ctx context.Context) error {
	f, err := t.spool()
	if err != nil {
		return err
	}
	defer f.Close()
	h, n, err := transfer.Check(f)
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := t.importFrom(ctx, f); errors.Is(err, transfer.ErrNotEmpty) {
		return fmt.Errorf("%w: --merge adds those of the file to them", err)
	} else if err != nil {
		return err
	}
	said := []string{"Imported: " + amounts(n) + "."}
	if h.JID != t.cfg.Service.JID {
		said = append(said, fmt.Sprintf("They were exported from %s; this transport is %s.", h.JID, t.cfg.Service.JID))
	}
	if !h.Passwords {
		said = append(said, "There were no passwords in the file: new users have to register again.")
	}
	return t.say(map[string]any{"counts": n, "from": h.JID}, said...)
}

// spool copies what is to be imported or restored to a file without a name: it is read
// twice, and may be a pipe.
func (t task) spool() (*os.File, error) {
	f, err := os.CreateTemp("", "spectrum2-import-*") // 0600
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err = io.Copy(f, t.Stdin); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the file: %w", err), f.Close())
	}
	return f, nil
}

// importFrom imports into SQLite beside the file in use, which is replaced at
// the end; on a server an import that was cut short is finished by another one
// with merge.
func (t task) importFrom(ctx context.Context, r io.Reader) error {
	if t.cfg.Database.Type != "sqlite3" {
		return t.with(ctx, true, func(s store.Store) error {
			if _, err := s.Migrate(ctx); err != nil {
				return err
			}
			_, err := transfer.Import(ctx, s, r, t.Merge)
			return err
		})
	}
	if err := os.MkdirAll(filepath.Dir(t.cfg.Database.Database), 0o750); err != nil {
		return err
	}
	x, err := sqlite.NewExchange(sqliteOptions(t.cfg, t.Log))
	if err != nil {
		return err
	}
	defer x.Close() // what it says is of no interest after Commit
	if err := x.Copy(ctx); err != nil {
		return err
	}
	empty, err := t.fill(ctx, x, r)
	if err != nil {
		return err
	}
	kept, err := x.Commit(ctx)
	if err == nil && empty && kept != "" {
		err = os.Remove(kept) // there was nobody in it
	}
	return err
}

// fill imports into the new file and reports whether it had no users before.
func (t task) fill(ctx context.Context, x *sqlite.Exchange, r io.Reader) (empty bool, err error) {
	s, err := sqlite.Open(ctx, x.Options())
	if err != nil {
		return false, err
	}
	copied, err := s.Migrate(ctx)
	if err == nil && copied != "" {
		err = os.Remove(copied) // the file in use is there still
	}
	var st store.Status
	if err == nil {
		st, err = s.Status(ctx)
	}
	if err == nil {
		_, err = transfer.Import(ctx, s, r, t.Merge)
	}
	return st.Users == 0, errors.Join(err, s.Close())
}
