// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"spectrum.im/spectrum2/daemon/store/seal"
)

// Rekey implements store.Sealing, a page of passwords in each transaction:
// nobody waits long for his row, and whoever is killed leaves some with each
// key, which everybody reads who has both.
func (d *DB) Rekey(ctx context.Context, progress func(done, all int)) error {
	if d.sealer.Load() == nil {
		return errors.New("the passwords are not encrypted: spectrumctl db seal does it")
	}
	if progress == nil {
		progress = func(int, int) {}
	}
	return d.onePatient(ctx, "change", func(conn *sql.Conn) error {
		s, err := d.beginRekey(ctx, conn)
		if err != nil {
			return err
		}
		if err := d.rekeyPages(ctx, conn, s, progress); err != nil {
			return err
		}
		return d.patiently(ctx, conn, func(t *tx) error {
			return t.changeMeta(map[string]string{seal.MetaCheck: s.Check()}, []string{seal.MetaNext})
		})
	})
}

// beginRekey waits for the writes of those who have not seen yet that the key
// is being changed; others see it before they write.
func (d *DB) beginRekey(ctx context.Context, conn *sql.Conn) (s *seal.Sealer, err error) {
	err = d.patiently(ctx, conn, func(t *tx) error {
		m, err := t.sealMeta(" FOR UPDATE")
		if err == nil {
			s, err = t.take(m)
		}
		return err
	})
	return s, err
}

func (d *DB) rekeyPages(ctx context.Context, conn *sql.Conn, s *seal.Sealer, progress func(done, all int)) error {
	all := 0
	for _, p := range passwordTables {
		var n int
		if err := (steps{d, conn}).Get(ctx, "SELECT count(*) FROM {"+p.table+"} WHERE password <> ''", nil, &n); err != nil {
			return err
		}
		all += n
	}
	done := 0
	for _, p := range passwordTables {
		last := password{}
		for n := 1; n > 0; {
			err := d.patiently(ctx, conn, func(t *tx) (err error) {
				n, err = t.convertPage(p, &last, s.Again)
				return err
			})
			if err != nil {
				return err
			}
			done += n
			progress(min(done, all), all)
		}
	}
	return nil
}

// protect is how a password is kept: sealed, or in a database of the C++
// version as that one wrote it, so that it can go back to work.
func (t *tx) protect(jid, place, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	s, err := t.sealer()
	if err != nil {
		return "", fmt.Errorf("encrypt password: %w", err)
	}
	if s == nil {
		return disguise(t.d.keys.Load().now.Reveal(), text), nil
	}
	return s.Seal(jid, place, text), nil
}

// sealer looks whether the key is still the one to write with: another main
// process may have begun to change it, or be done. What is written with a key
// that nobody has any more could never be read again.
func (t *tx) sealer() (*seal.Sealer, error) {
	s := t.d.sealer.Load()
	if s == nil {
		return nil, nil
	}
	m, err := t.sealMeta(t.d.lang.Share)
	if err != nil || s.Matches(m) {
		return s, err
	}
	return t.take(m)
}

// take has the store seal as the database says now.
func (t *tx) take(m seal.Meta) (*seal.Sealer, error) {
	k := t.d.keys.Load()
	s, next, err := seal.Load(k.now.Reveal(), k.old.Reveal(), m)
	if err == nil && next != "" {
		err = t.putMeta(seal.MetaNext, next)
	}
	if err != nil {
		return nil, err
	}
	t.d.sealer.Store(s)
	return s, nil
}

// sealMeta locks what it reads.
func (t *tx) sealMeta(lock string) (m seal.Meta, err error) {
	query := "SELECT name, value FROM {spectrum2_meta} WHERE name IN (?, ?, ?)" + lock
	args := []any{seal.MetaSalt, seal.MetaCheck, seal.MetaNext}
	var rows *sql.Rows
	if s := t.stmt(query); s != nil {
		rows, err = s.QueryContext(t.ctx, args...)
	} else {
		rows, err = t.tx.QueryContext(t.ctx, t.d.rewrite(query), args...)
	}
	if err != nil {
		return m, err
	}
	defer rows.Close()
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return m, err
		}
		m.Set(name, value)
	}
	return m, rows.Err()
}
