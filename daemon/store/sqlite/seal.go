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

// keys are database.encryption_key and the one before.
type keys struct{ now, old config.Secret }

const (
	putMeta = "INSERT OR REPLACE INTO {spectrum2_meta} (name, value) VALUES (?, ?)"
	getMeta = "SELECT value FROM {spectrum2_meta} WHERE name = ?"
)

// newSeal makes a database that is being made one with sealed passwords, if
// there is a key. It runs before the first table is there.
func (t *tx) newSeal(d *db) error {
	var n int
	key := d.keys.Load().now
	err := t.get("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?", []any{d.prefix + "users"}, &n)
	if err != nil || n > 0 || !key.IsSet() {
		return err
	}
	_, salt, check, err := seal.Begin(key.Reveal())
	if err != nil {
		return err
	}
	return errors.Join(t.exec(putMeta, seal.MetaSalt, salt), t.exec(putMeta, seal.MetaCheck, check))
}

// openSeal finds out whether passwords are sealed, and tries the keys.
func (d *db) openSeal(ctx context.Context) error {
	k := d.keys.Load()
	s, err := d.loadSeal(ctx, k)
	if err != nil {
		return err
	}
	if s == nil && k.now.IsSet() {
		d.log.Warn("passwords of this existing database stay readable in it until they are encrypted: spectrumctl db seal", "file", d.path)
	}
	d.sealer.Store(s)
	return nil
}

// loadSeal makes the sealer that the keys give, nil where passwords are not
// sealed. If the key is another one than before, the database knows from now
// on.
func (d *db) loadSeal(ctx context.Context, k *keys) (*seal.Sealer, error) {
	m, err := d.sealMeta(ctx)
	if err != nil {
		return nil, err
	}
	s, next, err := seal.Load(k.now.Reveal(), k.old.Reveal(), m)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", d.path, err)
	}
	if next != "" {
		err = d.write(ctx, func(t *tx) error { return t.exec(putMeta, seal.MetaNext, next) })
	}
	return s, err
}

// sealMeta works before Migrate too.
func (d *db) sealMeta(ctx context.Context) (m seal.Meta, err error) {
	if there, err := d.hasTable(ctx, "spectrum2_meta"); err != nil || !there {
		return m, err
	}
	for name, value := range map[string]*string{seal.MetaSalt: &m.Salt, seal.MetaCheck: &m.Check, seal.MetaNext: &m.Next} {
		if err := d.get(ctx, getMeta, []any{name}, value); err != nil && !errors.Is(err, store.ErrNotFound) {
			return m, err
		}
	}
	return m, nil
}
