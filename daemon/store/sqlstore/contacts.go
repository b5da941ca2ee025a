// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"spectrum.im/spectrum2/daemon/store"
)

// Contacts implements store.Store. Tables that came here from another kind of
// database may have lost their NOT NULL.
func (d *DB) Contacts(ctx context.Context, userID int64) ([]store.Contact, error) {
	var all []store.Contact
	err := d.each(ctx, `SELECT b.id, COALESCE(b.uin, ''), COALESCE(b.subscription, 'none'), COALESCE(b.nickname, ''), COALESCE(b.{groups}, ''), COALESCE(b.flags, 0), s.var, s.value
  FROM {buddies} b LEFT JOIN {buddies_settings} s ON s.buddy_id = b.id AND s.user_id = b.user_id WHERE b.user_id = ? ORDER BY b.id`,
		[]any{userID}, func(scan func(...any) error) error {
			c := store.Contact{UserID: userID}
			var groups string
			var name, value sql.NullString
			if err := scan(&c.ID, &c.Name, &c.Subscription, &c.Nickname, &groups, &c.Flags, &name, &value); err != nil {
				return err
			}
			if last := len(all) - 1; last < 0 || all[last].ID != c.ID {
				c.Groups, c.Settings = splitGroups(groups), map[string]string{}
				all = append(all, c)
			}
			if name.Valid {
				all[len(all)-1].Settings[name.String] = value.String
			}
			return nil
		})
	return all, err
}

// Groups are joined by newlines; one in a group's name becomes a space.
func joinGroups(groups []string) string {
	clean := make([]string, 0, len(groups))
	for _, g := range groups {
		if g = strings.ReplaceAll(g, "\n", " "); g != "" {
			clean = append(clean, g)
		}
	}
	return strings.Join(clean, "\n")
}

func splitGroups(s string) []string {
	if s == "" {
		return nil
	}
	return slices.DeleteFunc(strings.Split(s, "\n"), func(g string) bool { return g == "" })
}

// PutContact implements store.Store. A contact without a subscription has
// "none": the column knows no empty one.
func (d *DB) PutContact(ctx context.Context, token store.Token, c *store.Contact) error {
	var id int64
	err := d.write(ctx, func(t *tx) (err error) {
		if _, err = t.own(c.UserID, token); err != nil {
			return err
		}
		if id, err = t.putContact(c); err != nil {
			return err
		}
		return t.putContactSettings(c, id)
	})
	if err == nil {
		c.ID = id
	}
	return err
}

func (t *tx) putContact(c *store.Contact) (id int64, err error) {
	subscription := cmp.Or(c.Subscription, "none")
	nickname, groups := t.d.fit(c.Nickname), t.d.fit(joinGroups(c.Groups))
	err = t.get("SELECT id FROM {buddies} WHERE user_id = ? AND uin = ? ORDER BY id LIMIT 1", []any{c.UserID, c.Name}, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return t.insert("INSERT INTO {buddies} (user_id, uin, subscription, nickname, {groups}, flags) VALUES ("+list(6)+")",
			c.UserID, c.Name, subscription, nickname, groups, c.Flags)
	}
	if err != nil {
		return 0, err
	}
	return id, t.exec("UPDATE {buddies} SET subscription = ?, nickname = ?, {groups} = ?, flags = ? WHERE id = ?", subscription, nickname, groups, c.Flags, id)
}

var contactSetting = struct{ keys, columns, change []string }{
	[]string{"buddy_id", "var"}, []string{"user_id", "type", "value"}, []string{"user_id", "value"}, // the type of one that is there stays
}

func (t *tx) putContactSettings(c *store.Contact, id int64) error {
	names := slices.Sorted(maps.Keys(c.Settings))
	s := contactSetting
	for _, name := range names {
		err := t.exec(t.d.upsert("buddies_settings", s.keys, s.columns, s.change), id, name, c.UserID, store.SettingString, t.d.fit(c.Settings[name]))
		if err != nil {
			return err
		}
	}
	if len(names) == 0 {
		return t.exec("DELETE FROM {buddies_settings} WHERE buddy_id = ?", id)
	}
	in, args := among(names, id)
	return t.exec("DELETE FROM {buddies_settings} WHERE buddy_id = ? AND var NOT IN "+in, args...)
}

// among is a list of parameters for values, behind the arguments before. Its
// lengths are few, so that there are few different statements: the last value
// is repeated.
func among[T any](values []T, before ...any) (in string, args []any) {
	n := 1
	for n < len(values) {
		n *= 8
	}
	args = before
	for i := range n {
		args = append(args, values[min(i, len(values)-1)])
	}
	return "(" + list(n) + ")", args
}

// DeleteContact implements store.Store.
func (d *DB) DeleteContact(ctx context.Context, token store.Token, userID int64, name string) error {
	return d.write(ctx, func(t *tx) error {
		missing := fmt.Errorf("contact %s %w", name, store.ErrNotFound)
		if _, err := t.own(userID, token); errors.Is(err, store.ErrNotFound) {
			return missing
		} else if err != nil {
			return err
		}
		err := t.exec("DELETE FROM {buddies_settings} WHERE buddy_id IN (SELECT id FROM {buddies} WHERE user_id = ? AND uin = ?)", userID, name)
		if err != nil {
			return err
		}
		n, err := t.change("DELETE FROM {buddies} WHERE user_id = ? AND uin = ?", userID, name)
		if err == nil && n == 0 {
			return missing
		}
		return err
	})
}
