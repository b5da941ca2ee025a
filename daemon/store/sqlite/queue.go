// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

// Enqueue implements store.Store. Without a limit (0) the queue grows for
// ever.
func (d *db) Enqueue(ctx context.Context, _ store.Token, w *store.Waiting, limit int) (bool, error) {
	n := *w
	n.Stanza = bytes.Clone(w.Stanza)
	if n.Stanza == nil {
		n.Stanza = []byte{}
	}
	if n.At.IsZero() {
		n.At = time.Now()
	}
	isNew := false
	err := d.write(ctx, func(t *tx) (err error) {
		isNew, err = t.enqueue(&n, limit)
		return err
	})
	if err == nil && isNew {
		w.ID = n.ID
	}
	return err == nil && isNew, err
}

func (t *tx) enqueue(w *store.Waiting, limit int) (bool, error) {
	if _, err := t.user(w.UserID); err != nil {
		return false, err
	}
	var there, full bool
	err := t.get(`SELECT EXISTS (SELECT 1 FROM {spectrum2_waiting} WHERE user_id = ?1 AND key = ?2),
  ?3 > 0 AND EXISTS (SELECT 1 FROM {spectrum2_waiting} WHERE user_id = ?1 LIMIT 1 OFFSET ?3 - 1)`,
		[]any{w.UserID, w.Key, limit}, &there, &full)
	switch {
	case err != nil || there:
		return false, err
	case full:
		return false, fmt.Errorf("keep message for user number %d: %w", w.UserID, store.ErrFull)
	}
	w.ID, err = t.insert("INSERT INTO {spectrum2_waiting} (user_id, key, stanza, at) VALUES (?, ?, ?, ?)", w.UserID, w.Key, w.Stanza, w.At.UnixMilli())
	return true, err
}

// Waiting implements store.Store.
func (d *db) Waiting(ctx context.Context, userID int64, limit int) ([]store.Waiting, error) {
	var all []store.Waiting
	err := d.each(ctx, "SELECT id, key, stanza, at FROM {spectrum2_waiting} WHERE user_id = ? ORDER BY id LIMIT ?",
		[]any{userID, limit}, func(scan func(...any) error) error {
			w := store.Waiting{UserID: userID}
			var at int64
			if err := scan(&w.ID, &w.Key, &w.Stanza, &at); err != nil {
				return err
			}
			w.At = time.UnixMilli(at).UTC()
			all = append(all, w)
			return nil
		})
	return all, err
}

// Delivered implements store.Store.
func (d *db) Delivered(ctx context.Context, _ store.Token, userID int64, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	list := jsonList(ids)
	return d.write(ctx, func(t *tx) error {
		return t.exec("DELETE FROM {spectrum2_waiting} WHERE user_id = ? AND id IN (SELECT value FROM json_each(?))", userID, list)
	})
}

// jsonList is for json_each(?), which takes any number of values.
func jsonList[T int64 | string](values []T) string {
	if values == nil {
		values = []T{}
	}
	b, err := json.Marshal(values)
	if err != nil {
		panic(err) // no slice of these can fail
	}
	return string(b)
}
