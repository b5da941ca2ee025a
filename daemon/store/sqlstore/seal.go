// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"fmt"

	"spectrum.im/spectrum2/daemon/store/seal"
)

// newSeal makes a database that is being made one with sealed passwords, if
// there is a key. It runs before the first table of users is there.
func (d *DB) newSeal(ctx context.Context, e steps) error {
	there, err := e.HasTable(ctx, "users")
	key := d.keys.Load().now
	if err != nil || there || !key.IsSet() {
		return err
	}
	var n int
	if err := e.Get(ctx, "SELECT count(*) FROM {spectrum2_meta} WHERE name IN (?, ?)", []any{seal.MetaSalt, seal.MetaCheck}, &n); err != nil || n == 2 {
		return err
	}
	_, salt, check, err := seal.Begin(key.Reveal())
	if err != nil {
		return err
	}
	put := "INSERT INTO {spectrum2_meta} (name, value) VALUES (?, ?), (?, ?)" // both or none
	return e.Exec(ctx, put, seal.MetaSalt, salt, seal.MetaCheck, check)
}

// openSeal finds out whether passwords are sealed, and tries the keys.
func (d *DB) openSeal(ctx context.Context) error {
	k := d.keys.Load()
	s, err := d.loadSeal(ctx, k)
	if err != nil {
		return err
	}
	if s == nil && k.now.IsSet() {
		d.log.Warn("passwords of this existing database stay as the C++ version hid them, which is no encryption: spectrumctl db seal", "database", d.o.Location)
	}
	d.sealer.Store(s)
	return nil
}

// loadSeal makes the sealer that the keys give, nil where passwords are not
// sealed. If the key is another one than before, the database knows from now
// on.
func (d *DB) loadSeal(ctx context.Context, k *keys) (*seal.Sealer, error) {
	m, err := d.sealMeta(ctx)
	if err != nil {
		return nil, err
	}
	s, next, err := seal.Load(k.now.Reveal(), k.old.Reveal(), m)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", d.o.Location, err)
	}
	if next != "" {
		err = d.write(ctx, func(t *tx) error { return t.putMeta(seal.MetaNext, next) })
	}
	return s, err
}

func (t *tx) putMeta(name, value string) error {
	column := []string{"value"}
	return t.exec(t.d.upsert("spectrum2_meta", []string{"name"}, column, column), name, value)
}

// sealMeta works before Migrate too.
func (d *DB) sealMeta(ctx context.Context) (m seal.Meta, err error) {
	if there, err := d.hasTable(ctx, "spectrum2_meta"); err != nil || !there {
		return m, err
	}
	err = d.each(ctx, "SELECT name, value FROM {spectrum2_meta}", nil, func(scan func(...any) error) error {
		var name, value string
		err := scan(&name, &value)
		m.Set(name, value)
		return err
	})
	return m, err
}
