// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"spectrum.im/spectrum2/daemon/store"
)

// Rooms implements store.Store.
func (d *DB) Rooms(ctx context.Context, userID int64) ([]store.Room, error) {
	var all []store.Room
	var jid string
	err := d.each(ctx, "SELECT u.jid, r.name, r.nickname, r.password FROM {spectrum2_rooms} r JOIN {users} u ON u.id = r.user_id WHERE r.user_id = ? ORDER BY r.name",
		[]any{userID}, func(scan func(...any) error) (err error) {
			r := store.Room{UserID: userID}
			err = scan(&jid, &r.Name, &r.Nickname, &r.Password)
			all = append(all, r)
			return err
		})
	for i := range all {
		if r := &all[i]; err == nil {
			r.Password, err = d.reveal(ctx, jid, roomPassword(r.Name), r.Password)
		}
	}
	return all, err
}

var roomColumns = []string{"nickname", "password"}

// PutRoom implements store.Store.
func (d *DB) PutRoom(ctx context.Context, token store.Token, r store.Room) error {
	return d.write(ctx, func(t *tx) error {
		jid, err := t.own(r.UserID, token)
		if err != nil {
			return err
		}
		password, err := t.protect(jid, roomPassword(r.Name), r.Password)
		if err != nil {
			return err
		}
		return t.exec(d.upsert("spectrum2_rooms", []string{"user_id", "name"}, roomColumns, roomColumns), r.UserID, r.Name, r.Nickname, password)
	})
}

// DeleteRoom implements store.Store.
func (d *DB) DeleteRoom(ctx context.Context, token store.Token, userID int64, name string) error {
	return d.write(ctx, func(t *tx) error {
		missing := fmt.Errorf("room %s %w", name, store.ErrNotFound)
		if _, err := t.own(userID, token); errors.Is(err, store.ErrNotFound) {
			return missing
		} else if err != nil {
			return err
		}
		n, err := t.change("DELETE FROM {spectrum2_rooms} WHERE user_id = ? AND name = ?", userID, name)
		if err == nil && n == 0 {
			return missing
		}
		return err
	})
}
