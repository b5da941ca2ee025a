// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"errors"

	"spectrum.im/spectrum2/daemon/store"
)

var errNoKind = errors.New("a change of nothing")

// PersonalItems implements store.Store.
func (d *DB) PersonalItems(ctx context.Context, userID int64, kind, node string) ([]store.Item, error) {
	query, args := "SELECT kind, node, item, place, value FROM {spectrum2_personal} WHERE user_id = ?", []any{userID}
	if kind != "" {
		query, args = query+" AND kind = ?", append(args, kind)
	}
	if kind != "" && node != "" {
		query, args = query+" AND node = ?", append(args, node)
	}
	var all []store.Item
	err := d.each(ctx, query+" ORDER BY kind, node, place, item", args, func(scan func(...any) error) error {
		var i store.Item
		err := scan(&i.Kind, &i.Node, &i.Item, &i.Order, &i.Value)
		all = append(all, i)
		return err
	})
	return all, err
}

// ChangePersonal implements store.Store.
func (d *DB) ChangePersonal(ctx context.Context, token store.Token, userID int64, changes []store.Change) error {
	return d.write(ctx, func(t *tx) error {
		if _, err := t.own(userID, token); err != nil {
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

var personalKeys, personalColumns = []string{"user_id", "kind", "node", "item"}, []string{"place", "value"}

func (t *tx) changePersonal(userID int64, c store.Change) error {
	const remove = "DELETE FROM {spectrum2_personal} WHERE user_id = ? AND kind = ?"
	switch i := c.Put; {
	case i != nil:
		return t.exec(t.d.upsert("spectrum2_personal", personalKeys, personalColumns, personalColumns), userID, i.Kind, i.Node, i.Item, i.Order, notNull(i.Value))
	case c.Kind == "":
		return errNoKind
	case c.Item != "":
		return t.exec(remove+" AND node = ? AND item = ?", userID, c.Kind, c.Node, c.Item)
	case c.Node != "":
		return t.exec(remove+" AND node = ?", userID, c.Kind, c.Node)
	}
	return t.exec(remove, userID, c.Kind)
}

// PersonalSize implements store.Store.
func (d *DB) PersonalSize(ctx context.Context, userID int64) (s store.PersonalSize, err error) {
	err = d.get(ctx, "SELECT count(*), COALESCE(SUM(octet_length(value)), 0) FROM {spectrum2_personal} WHERE user_id = ?", []any{userID}, &s.Items, &s.Bytes)
	return s, err
}
