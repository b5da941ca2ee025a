// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite

import (
	"context"
	"errors"
	"fmt"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/seal"
)

var _ store.Sealing = (*db)(nil)

// SetKeys implements store.Sealing.
func (d *db) SetKeys(ctx context.Context, key, older config.Secret) error {
	k := &keys{key, older}
	s, err := d.loadSeal(ctx, k)
	if err != nil {
		return err
	}
	d.keys.Store(k)
	d.sealer.Store(s)
	return nil
}

// SealState implements store.Sealing.
func (d *db) SealState(ctx context.Context) (store.SealState, error) {
	var st store.SealState
	if there, err := d.exists(); err != nil || !there {
		return st, err
	}
	m, err := d.sealMeta(ctx)
	if err != nil {
		return st, err
	}
	st.On, st.Changing = m.Salt != "", m.Next != ""
	k := d.keys.Load()
	s, _, err := seal.Load(k.now.Reveal(), k.old.Reveal(), m)
	if err != nil {
		s = nil // of another key, all of them
	}
	for _, p := range passwordTables {
		if there, err := d.hasTable(ctx, p.table); err != nil {
			return st, err
		} else if !there {
			continue
		}
		err := d.each(ctx, p.all, nil, func(scan func(...any) error) error {
			var jid, name, value string
			if err := scan(&jid, &name, &value); err != nil {
				return err
			}
			switch {
			case !st.On || !seal.Sealed(value):
				st.Plain++
			case s.Owns(jid, p.place(name), value):
				st.Sealed++
			default:
				st.Older++
			}
			return nil
		})
		if err != nil {
			return st, err
		}
	}
	return st, nil
}

// Seal implements store.Sealing.
func (d *db) Seal(ctx context.Context, progress func(done, all int)) error {
	k := d.keys.Load()
	if !k.now.IsSet() {
		return store.ErrNoKey
	}
	s, on := d.sealer.Load(), true
	var salt, check string
	if s == nil {
		var err error
		if s, salt, check, err = seal.Begin(k.now.Reveal()); err != nil {
			return err
		}
		on = false
	}
	err := d.convert(ctx, s, progress, func(t *tx) error {
		if on {
			return nil
		}
		return errors.Join(t.exec(putMeta, seal.MetaSalt, salt), t.exec(putMeta, seal.MetaCheck, check))
	}, func(jid, place, value string) (string, error) {
		if on {
			var err error
			if s.Owns(jid, place, value) {
				return value, nil
			}
			if value, err = s.Open(jid, place, value); err != nil {
				return "", err
			}
		}
		return s.Seal(jid, place, value), nil
	})
	if err != nil {
		return err
	}
	if err := d.rewrite(ctx); err != nil {
		return fmt.Errorf("the passwords are encrypted, but what they were may still be found in the file; spectrumctl db seal again: %w", err)
	}
	return nil
}

// Unseal implements store.Sealing: the C++ version reads plain passwords from
// SQLite.
func (d *db) Unseal(ctx context.Context, progress func(done, all int)) error {
	s := d.sealer.Load()
	if s == nil {
		return nil
	}
	return d.convert(ctx, nil, progress, func(t *tx) error {
		return t.exec("DELETE FROM {spectrum2_meta} WHERE name IN (?, ?, ?)", seal.MetaSalt, seal.MetaCheck, seal.MetaNext)
	}, s.Open)
}

// Rekey implements store.Sealing.
func (d *db) Rekey(ctx context.Context, progress func(done, all int)) error {
	s := d.sealer.Load()
	if s == nil {
		return errors.New("the passwords are not encrypted: spectrumctl db seal does it")
	}
	return d.convert(ctx, s, progress, func(t *tx) error {
		return errors.Join(t.exec(putMeta, seal.MetaCheck, s.Check()), t.exec("DELETE FROM {spectrum2_meta} WHERE name = ?", seal.MetaNext))
	}, s.Again)
}

// passwordTable is one with passwords: one row has a number and a name.
type passwordTable struct {
	table, all, page, update string
	place                    func(name string) string
}

var passwordTables = []passwordTable{
	{
		table:  "users",
		all:    "SELECT jid, '', password FROM {users} WHERE password <> ''",
		page:   "SELECT id, '', jid, password FROM {users} WHERE password <> '' AND (id, '') > (?, ?) ORDER BY id LIMIT 500",
		update: "UPDATE {users} SET password = ? WHERE id = ? AND '' = ?",
		place:  func(string) string { return passwordOf },
	}, {
		table:  "spectrum2_rooms",
		all:    "SELECT u.jid, r.name, r.password FROM {spectrum2_rooms} r JOIN {users} u ON u.id = r.user_id WHERE r.password <> ''",
		page:   "SELECT r.user_id, r.name, u.jid, r.password FROM {spectrum2_rooms} r JOIN {users} u ON u.id = r.user_id WHERE r.password <> '' AND (r.user_id, r.name) > (?, ?) ORDER BY r.user_id, r.name LIMIT 500",
		update: "UPDATE {spectrum2_rooms} SET password = ? WHERE user_id = ? AND name = ?",
		place:  roomPassword,
	},
}

// password is a row of a passwordTable.
type password struct {
	id               int64
	name, jid, value string
}

// rewrite writes the whole file anew: where rows were moved within it, SQLite
// leaves what they were between those of today.
func (d *db) rewrite(ctx context.Context) error {
	if d.path == Memory {
		return nil
	}
	pool, err := openPool(d.path, []string{"busy_timeout(5000)", "synchronous(FULL)", "secure_delete(1)", "temp_store(2)"}, 1)
	if err != nil {
		return err
	}
	_, err = pool.ExecContext(ctx, "VACUUM")
	err = errors.Join(d.explain("write", err), pool.Close())
	d.emptyLog(ctx)
	return err
}

// convert rewrites all passwords in one transaction. From then on s is what
// seals.
func (d *db) convert(ctx context.Context, s *seal.Sealer, progress func(done, all int), first func(*tx) error, change func(jid, place, value string) (string, error)) error {
	err := d.write(ctx, func(t *tx) error {
		if err := first(t); err != nil {
			return err
		}
		return t.convert(ctx, progress, change)
	})
	if err != nil {
		return err
	}
	d.sealer.Store(s)
	d.emptyLog(ctx)
	return nil
}

func (t *tx) convert(ctx context.Context, progress func(done, all int), change func(jid, place, value string) (string, error)) error {
	if progress == nil {
		progress = func(int, int) {}
	}
	all := 0
	for _, p := range passwordTables {
		var n int
		if err := t.get("SELECT count(*) FROM {"+p.table+"} WHERE password <> ''", nil, &n); err != nil {
			return err
		}
		all += n
	}
	done := 0
	for _, p := range passwordTables {
		last := password{id: -1 << 63}
		for {
			page, err := t.passwords(p.page, last.id, last.name)
			if err != nil {
				return err
			}
			if len(page) == 0 {
				break
			}
			for _, last = range page {
				if err := t.convertOne(p, last, change); err != nil {
					return err
				}
			}
			done += len(page)
			progress(done, all)
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tx) convertOne(p passwordTable, row password, change func(jid, place, value string) (string, error)) error {
	value, err := change(row.jid, p.place(row.name), row.value)
	if err != nil || value == row.value {
		return err
	}
	if n, err := t.change(p.update, value, row.id, row.name); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("write password of %s: %d rows", row.jid, n))
	}
	return nil
}

func (t *tx) passwords(query string, args ...any) ([]password, error) {
	s, err := t.stmt(query)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(t.ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []password
	for rows.Next() {
		var p password
		if err := rows.Scan(&p.id, &p.name, &p.jid, &p.value); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, rows.Err()
}
