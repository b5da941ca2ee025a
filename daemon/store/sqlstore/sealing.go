// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/seal"
)

var _ store.Sealing = (*DB)(nil)

// SetKeys implements store.Sealing.
func (d *DB) SetKeys(ctx context.Context, key, older config.Secret) error {
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
func (d *DB) SealState(ctx context.Context) (store.SealState, error) {
	var st store.SealState
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
			var row password
			err := scan(&row.id, &row.name, &row.jid, &row.value)
			switch {
			case err != nil:
			case st.On && s.Owns(row.jid, p.place(row.name), row.value):
				st.Sealed++
			case st.On && seal.Sealed(row.value):
				st.Older++
			case k.undisguise(row.value) != row.value:
				st.Scrambled++
			default:
				st.Plain++
			}
			return err
		})
		if err != nil {
			return st, err
		}
	}
	return st, nil
}

// Seal implements store.Sealing. The column is widened first, where it has no
// room; that stays.
func (d *DB) Seal(ctx context.Context, progress func(done, all int)) error {
	k := d.keys.Load()
	if !k.now.IsSet() {
		return store.ErrNoKey
	}
	if err := d.unused(ctx); err != nil {
		return err
	}
	if err := d.widen(ctx); err != nil {
		return err
	}
	s := d.sealer.Load()
	meta := map[string]string{}
	if s == nil {
		var err error
		if s, meta[seal.MetaSalt], meta[seal.MetaCheck], err = seal.Begin(k.now.Reveal()); err != nil {
			return err
		}
	}
	on := len(meta) == 0
	err := d.convert(ctx, s, progress, meta, nil, func(jid, place, value string) (string, error) {
		if !on || !seal.Sealed(value) {
			return s.Seal(jid, place, k.undisguise(value)), nil
		}
		if s.Owns(jid, place, value) {
			return value, nil
		}
		text, err := s.Open(jid, place, value)
		return s.Seal(jid, place, text), err
	})
	if err == nil {
		err = d.rewriteTables(ctx)
	}
	return err
}

// Unseal implements store.Sealing.
func (d *DB) Unseal(ctx context.Context, progress func(done, all int)) error {
	s, k := d.sealer.Load(), d.keys.Load()
	if s == nil {
		return nil
	}
	if err := d.unused(ctx); err != nil {
		return err
	}
	return d.convert(ctx, nil, progress, nil, []string{seal.MetaSalt, seal.MetaCheck, seal.MetaNext}, func(jid, place, value string) (string, error) {
		if !seal.Sealed(value) {
			return value, nil
		}
		text, err := s.Open(jid, place, value)
		return disguise(k.now.Reveal(), text), err
	})
}

// unused says which main process has users now.
func (d *DB) unused(ctx context.Context) error {
	nodes, err := d.strings(ctx, "SELECT node FROM {spectrum2_nodes} WHERE lease > {now} ORDER BY node")
	if err == nil && len(nodes) > 0 {
		return fmt.Errorf("%w by node %s", store.ErrInUse, nodes[0])
	}
	return err
}

// widen ends the idle connections too: what they have prepared expects the
// column as it was.
func (d *DB) widen(ctx context.Context) error {
	var short int
	if err := d.get(ctx, d.lang.ShortPassword, []any{d.o.Prefix + "users"}, &short); err != nil || short == 0 {
		return err
	}
	err := d.onePatient(ctx, "change", func(conn *sql.Conn) error { return steps{d, conn}.Exec(ctx, d.lang.Widen) })
	d.pool.SetMaxIdleConns(0)
	d.pool.SetMaxIdleConns(MaxConns)
	return err
}

// rewriteTables writes anew what had passwords in it: servers leave the rows
// that were there before in their files, for a while or for ever.
func (d *DB) rewriteTables(ctx context.Context) error {
	err := d.onePatient(ctx, "change", func(conn *sql.Conn) error {
		for _, p := range passwordTables {
			if err := (steps{d, conn}).Exec(ctx, fmt.Sprintf(d.lang.Rewrite, "{"+p.table+"}")); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("the passwords are encrypted, but what they were may still be found in the server's files; spectrumctl db seal again: %w", err)
	}
	return nil
}
