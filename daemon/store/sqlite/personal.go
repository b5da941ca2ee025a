// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite

import (
	"context"
	"errors"
	"slices"

	"spectrum.im/spectrum2/daemon/store"
)

var errNoKind = errors.New("a change of nothing")

// PersonalItems implements store.Store.
func (d *db) PersonalItems(ctx context.Context, userID int64, kind, node string) ([]store.Item, error) {
	query, args := "SELECT kind, node, item, position, value FROM {spectrum2_personal} WHERE user_id = ?", []any{userID}
	if kind != "" {
		query, args = query+" AND kind = ?", append(args, kind)
	}
	if kind != "" && node != "" {
		query, args = query+" AND node = ?", append(args, node)
	}
	var all []store.Item
	err := d.each(ctx, query+" ORDER BY kind, node, position, item", args, func(scan func(...any) error) error {
		var i store.Item
		err := scan(&i.Kind, &i.Node, &i.Item, &i.Order, &i.Value)
		all = append(all, i)
		return err
	})
	return all, err
}

// ChangePersonal implements store.Store.
func (d *db) ChangePersonal(ctx context.Context, _ store.Token, userID int64, changes []store.Change) error {
	changes = slices.Clone(changes)
	return d.write(ctx, func(t *tx) error {
		if _, err := t.user(userID); err != nil {
			return err
		}
		for _, c := range changes {
			if err := t.changePersonal(userID, c); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) changePersonal(userID int64, c store.Change) error {
	switch i := c.Put; {
	case i != nil:
		return t.exec("INSERT OR REPLACE INTO {spectrum2_personal} (user_id, kind, node, item, position, value) VALUES (?, ?, ?, ?, ?, ?)",
			userID, i.Kind, i.Node, i.Item, i.Order, notNull(i.Value))
	case c.Kind == "":
		return errNoKind
	case c.Item != "":
		return t.exec("DELETE FROM {spectrum2_personal} WHERE user_id = ? AND kind = ? AND node = ? AND item = ?", userID, c.Kind, c.Node, c.Item)
	case c.Node != "":
		return t.exec("DELETE FROM {spectrum2_personal} WHERE user_id = ? AND kind = ? AND node = ?", userID, c.Kind, c.Node)
	}
	return t.exec("DELETE FROM {spectrum2_personal} WHERE user_id = ? AND kind = ?", userID, c.Kind)
}

// PersonalSize implements store.Store.
func (d *db) PersonalSize(ctx context.Context, userID int64) (s store.PersonalSize, err error) {
	err = d.get(ctx, "SELECT count(*), COALESCE(SUM(length(value)), 0) FROM {spectrum2_personal} WHERE user_id = ?", []any{userID}, &s.Items, &s.Bytes)
	return s, err
}
