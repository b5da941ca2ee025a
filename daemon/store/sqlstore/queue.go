// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

// Enqueue implements store.Store. Without a limit (0) the queue grows for
// ever. The key's hash makes it unique: keys have any length.
func (d *DB) Enqueue(ctx context.Context, token store.Token, w *store.Waiting, limit int) (bool, error) {
	hash := sha256.Sum256([]byte(w.Key))
	at := w.At
	if at.IsZero() {
		at = time.Now()
	}
	var id int64
	isNew := false
	err := d.write(ctx, func(t *tx) error {
		isNew = false
		if _, err := t.own(w.UserID, token); err != nil {
			return err
		}
		if there, err := t.waits(w.UserID, hash[:], limit); err != nil || there {
			return err
		}
		var err error
		id, err = t.insert("INSERT INTO {spectrum2_waiting} (user_id, keyhash, msgkey, stanza, at) VALUES ("+list(5)+")",
			w.UserID, hash[:], []byte(w.Key), notNull(w.Stanza), at.UnixMilli())
		isNew = err == nil
		return err
	})
	if err != nil {
		return false, err
	}
	if isNew {
		w.ID = id
	}
	return isNew, nil
}

// waits reports whether the message is there; store.ErrFull if it is not and
// there is no room for it.
func (t *tx) waits(userID int64, hash []byte, limit int) (there bool, err error) {
	if limit <= 0 {
		err = t.get("SELECT EXISTS (SELECT 1 FROM {spectrum2_waiting} WHERE user_id = ? AND keyhash = ?)", []any{userID, hash}, &there)
		return there, err
	}
	full := false
	err = t.get(`SELECT EXISTS (SELECT 1 FROM {spectrum2_waiting} WHERE user_id = ? AND keyhash = ?),
  (SELECT count(*) FROM (SELECT 1 FROM {spectrum2_waiting} WHERE user_id = ? LIMIT ?) AS part) >= ?`, []any{userID, hash, userID, limit, limit}, &there, &full)
	if err == nil && full && !there {
		return false, fmt.Errorf("keep message for user number %d: %w", userID, store.ErrFull)
	}
	return there, err
}

// notNull is b as a value that is empty, not missing.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Waiting implements store.Store.
func (d *DB) Waiting(ctx context.Context, userID int64, limit int) ([]store.Waiting, error) {
	var all []store.Waiting
	err := d.each(ctx, "SELECT id, msgkey, stanza, at FROM {spectrum2_waiting} WHERE user_id = ? ORDER BY id LIMIT ?",
		[]any{userID, limit}, func(scan func(...any) error) error {
			w := store.Waiting{UserID: userID}
			var at int64
			err := scan(&w.ID, &w.Key, &w.Stanza, &at)
			w.At = time.UnixMilli(at).UTC()
			all = append(all, w)
			return err
		})
	return all, err
}

// deliveredStep is how many messages one statement forgets.
const deliveredStep = 512

// Delivered implements store.Store.
func (d *DB) Delivered(ctx context.Context, token store.Token, userID int64, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	err := d.write(ctx, func(t *tx) error {
		if _, err := t.own(userID, token); err != nil {
			return err
		}
		for rest := ids; len(rest) > 0; {
			step := rest[:min(len(rest), deliveredStep)]
			rest = rest[len(step):]
			in, args := among(step, userID)
			if err := t.exec("DELETE FROM {spectrum2_waiting} WHERE user_id = ? AND id IN "+in, args...); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil // nothing waits for one who is not there
	}
	return err
}
