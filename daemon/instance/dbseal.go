// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"errors"
	"fmt"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
)

// convert runs one of the steps that rewrite passwords.
func (t task) convert(ctx context.Context, exclusive bool, f func(store.Store, store.Sealing) error) error {
	return t.with(ctx, exclusive, func(s store.Store) error {
		x, ok := s.(store.Sealing)
		if !ok {
			return fmt.Errorf("databases of type %s cannot do this", t.cfg.Database.Type)
		}
		return f(s, x)
	})
}

func (t task) seal(ctx context.Context) error {
	if !t.cfg.Database.EncryptionKey.IsSet() {
		return fmt.Errorf("%w: spectrumctl secret set %s database.encryption_key makes one", store.ErrNoKey, t.cfg.Instance)
	}
	return t.convert(ctx, true, func(s store.Store, x store.Sealing) error {
		if _, err := s.Migrate(ctx); err != nil {
			return err
		}
		before, err := x.SealState(ctx)
		if err != nil {
			return err
		}
		n := before.Plain + before.Scrambled + before.Older
		if before.On && n == 0 {
			// One that was cut short at its end left the readable ones in the files.
			if err := x.Seal(ctx, nil); err != nil {
				return err
			}
			return t.say(map[string]any{"sealed": 0, "backup": ""}, "All passwords are encrypted already.")
		}
		copied, err := t.before(ctx, s, "before-seal")
		if err != nil {
			return err
		}
		if err := x.Seal(ctx, nil); err != nil {
			return err
		}
		return t.say(map[string]any{"sealed": n, "backup": copied},
			"Encrypted: "+count(n, "password")+". Whoever loses database.encryption_key loses them: keep a copy of it elsewhere.",
			"The database as it was, with readable passwords, is in "+copied+": remove that file when you need it no more.")
	})
}

func (t task) unseal(ctx context.Context) error {
	return t.convert(ctx, true, func(s store.Store, x store.Sealing) error {
		if _, err := s.Migrate(ctx); err != nil {
			return err
		}
		before, err := x.SealState(ctx)
		if err != nil {
			return err
		}
		if !before.On {
			return t.say(map[string]any{"unsealed": 0, "backup": ""}, "The passwords are not encrypted.")
		}
		copied, err := t.before(ctx, s, "before-unseal")
		if err != nil {
			return err
		}
		if err := x.Unseal(ctx, nil); err != nil {
			return err
		}
		n := before.Sealed + before.Older
		return t.say(map[string]any{"unsealed": n, "backup": copied},
			"In the form again in which the C++ version reads them: "+count(n, "password")+".",
			"The database as it was is in "+copied+".")
	})
}

// before copies the database beside itself; where that takes the server's own
// tool, an export does.
func (t task) before(ctx context.Context, s store.Store, what string) (string, error) {
	path := t.beside(what)
	err := s.Backup(ctx, path)
	if errors.Is(err, errors.ErrUnsupported) {
		path += ".jsonl"
		_, err = t.exportTo(ctx, s, path, true)
	}
	if err != nil {
		return "", fmt.Errorf("back up to %s: %w", path, err)
	}
	return path, nil
}

// rekey may run beside the instance, which has both keys by then: without
// both, it could not read what is written here.
func (t task) rekey(ctx context.Context) error {
	if !t.cfg.Database.EncryptionKeyOld.IsSet() {
		return fmt.Errorf("there is no database.encryption_key_old: write the key in use there and the new one in database.encryption_key, then again: spectrumctl db rekey %s", t.cfg.Instance)
	}
	err := t.rekeyAs(ctx, true)
	if errors.Is(err, store.ErrInUse) {
		return t.rekeyAs(ctx, false)
	}
	return err
}

func (t task) rekeyAs(ctx context.Context, exclusive bool) error {
	return t.convert(ctx, exclusive, func(s store.Store, x store.Sealing) error {
		before, err := x.SealState(ctx)
		if err != nil {
			return err
		}
		if !before.On {
			return fmt.Errorf("the passwords are not encrypted: spectrumctl db seal %s does it", t.cfg.Instance)
		}
		if !exclusive && !before.Changing {
			if x.SetKeys(ctx, t.cfg.Database.EncryptionKey, config.Secret{}) != nil { // not the key in force
				return fmt.Errorf("the instance that runs does not have the new key yet: spectrumctl reload %s", t.cfg.Instance)
			}
			if err := x.SetKeys(ctx, t.cfg.Database.EncryptionKey, t.cfg.Database.EncryptionKeyOld); err != nil {
				return err
			}
		}
		if _, err := s.Migrate(ctx); err != nil {
			return err
		}
		if err := x.Rekey(ctx, nil); err != nil {
			return err
		}
		return t.say(map[string]any{"rekeyed": before.Older},
			"Encrypted with the new key: "+count(before.Older, "password")+".",
			"database.encryption_key_old is needed for older backups alone: remove it from "+t.cfg.File+".")
	})
}
