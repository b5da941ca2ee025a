// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"errors"
	"fmt"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlite"
)

func (t task) backup(ctx context.Context) error {
	path := t.Output
	if path == "" {
		path = t.beside("backup")
	}
	return t.with(ctx, false, func(s store.Store) error {
		err := s.Backup(ctx, path)
		if errors.Is(err, errors.ErrUnsupported) {
			return fmt.Errorf("%w: back up with the server's own tool, or export: spectrumctl db export %s --with-passwords", err, t.cfg.Instance)
		}
		if err != nil {
			return fmt.Errorf("back up to %s: %w", path, err)
		}
		return t.say(map[string]any{"backup": path}, "The backup is in "+path+".")
	})
}

// restore puts a backup in the database's place, after it was found good.
func (t task) restore(ctx context.Context) error {
	if t.cfg.Database.Type != "sqlite3" {
		return t.restoreServer(ctx)
	}
	x, err := sqlite.NewExchange(sqliteOptions(t.cfg, t.Log))
	if err != nil {
		return err
	}
	defer x.Close() // what it says is of no interest after Commit
	if err := x.Fill(t.Stdin); err != nil {
		return err
	}
	st, err := x.Check(ctx)
	if err != nil {
		return fmt.Errorf("the backup cannot be used, nothing was changed: %w", err)
	}
	kept, err := x.Commit(ctx)
	if err != nil {
		return err
	}
	return t.sayRestored(st, kept)
}

// restoreServer is restore on a database server.
func (t task) restoreServer(ctx context.Context) error {
	f, err := t.spool()
	if err != nil {
		return err
	}
	defer f.Close()
	return t.with(ctx, true, func(s store.Store) error {
		x, ok := s.(store.Restorer)
		if !ok {
			return fmt.Errorf("restore: %w with database.type %s", errors.ErrUnsupported, t.cfg.Database.Type)
		}
		keep := t.beside("replaced")
		kept, err := x.Restore(ctx, f, keep)
		if err != nil {
			return err
		}
		st, err := s.Status(ctx)
		if err != nil {
			return err
		}
		if !kept {
			keep = ""
		}
		return t.sayRestored(st, keep)
	})
}

func (t task) sayRestored(st store.Status, kept string) error {
	answer := map[string]any{"users": st.Users, "kept": kept}
	said := "Restored, with " + count(st.Users, "user") + "."
	if kept == "" {
		return t.say(answer, said)
	}
	return t.say(answer, said, "The database as it was is in "+kept+".")
}
