// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite

import (
	"context"
	"errors"
	"fmt"

	"spectrum.im/spectrum2/daemon/store"
)

// roomPassword is the place that a room's password is sealed for.
func roomPassword(room string) string { return "password of room " + room }

// Rooms implements store.Store.
func (d *db) Rooms(ctx context.Context, userID int64) ([]store.Room, error) {
	var all []store.Room
	var jid string
	err := d.get(ctx, "SELECT jid FROM {users} WHERE id = ?", []any{userID}, &jid)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := d.sealer.Load()
	err = d.each(ctx, "SELECT name, nickname, password FROM {spectrum2_rooms} WHERE user_id = ? ORDER BY name",
		[]any{userID}, func(scan func(...any) error) (err error) {
			r := store.Room{UserID: userID}
			if err = scan(&r.Name, &r.Nickname, &r.Password); err != nil {
				return err
			}
			r.Password, err = s.Open(jid, roomPassword(r.Name), r.Password)
			all = append(all, r)
			return err
		})
	return all, err
}

// PutRoom implements store.Store.
func (d *db) PutRoom(ctx context.Context, _ store.Token, r store.Room) error {
	return d.write(ctx, func(t *tx) error {
		jid, err := t.user(r.UserID)
		if err != nil {
			return err
		}
		return t.exec("INSERT OR REPLACE INTO {spectrum2_rooms} (user_id, name, nickname, password) VALUES (?, ?, ?, ?)",
			r.UserID, r.Name, r.Nickname, d.sealer.Load().Seal(jid, roomPassword(r.Name), r.Password))
	})
}

// DeleteRoom implements store.Store.
func (d *db) DeleteRoom(ctx context.Context, _ store.Token, userID int64, name string) error {
	return d.write(ctx, func(t *tx) error {
		n, err := t.change("DELETE FROM {spectrum2_rooms} WHERE user_id = ? AND name = ?", userID, name)
		if err == nil && n == 0 {
			return fmt.Errorf("room %s %w", name, store.ErrNotFound)
		}
		return err
	})
}
