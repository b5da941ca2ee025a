// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"spectrum.im/spectrum2/daemon/store"
)

// Contacts implements store.Store. SQLite takes anything in any column, and
// tables that came here from another kind of database may have lost their NOT
// NULL.
func (d *db) Contacts(ctx context.Context, userID int64) ([]store.Contact, error) {
	var all []store.Contact
	index := map[int64]int{}
	err := d.each(ctx, `SELECT id, COALESCE(uin, ''), COALESCE(subscription, ''), COALESCE(nickname, ''), COALESCE("groups", ''), CAST(COALESCE(flags, 0) AS INTEGER) FROM {buddies} WHERE user_id = ? ORDER BY id`,
		[]any{userID}, func(scan func(...any) error) error {
			c := store.Contact{UserID: userID, Settings: map[string]string{}}
			var groups string
			if err := scan(&c.ID, &c.Name, &c.Subscription, &c.Nickname, &groups, &c.Flags); err != nil {
				return err
			}
			c.Groups = splitGroups(groups)
			index[c.ID] = len(all)
			all = append(all, c)
			return nil
		})
	if err != nil {
		return nil, err
	}
	err = d.each(ctx, "SELECT buddy_id, var, COALESCE(value, '') FROM {buddies_settings} WHERE user_id = ?", []any{userID}, func(scan func(...any) error) error {
		var id int64
		var name, value string
		err := scan(&id, &name, &value)
		if i, ok := index[id]; ok && err == nil {
			all[i].Settings[name] = value
		}
		return err
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

// PutContact implements store.Store.
func (d *db) PutContact(ctx context.Context, _ store.Token, c *store.Contact) error {
	n := *c
	n.Settings = maps.Clone(c.Settings)
	groups := joinGroups(c.Groups)
	err := d.write(ctx, func(t *tx) (err error) {
		if _, err = t.user(n.UserID); err != nil {
			return err
		}
		if n.ID, err = t.putContact(&n, groups); err != nil {
			return err
		}
		return t.putContactSettings(&n)
	})
	if err == nil {
		c.ID = n.ID
	}
	return err
}

func (t *tx) putContact(c *store.Contact, groups string) (int64, error) {
	id, err := t.contact(c.UserID, c.Name)
	if errors.Is(err, store.ErrNotFound) {
		return t.insert(`INSERT INTO {buddies} (user_id, uin, subscription, nickname, "groups", flags) VALUES (?, ?, ?, ?, ?, ?)`,
			c.UserID, c.Name, c.Subscription, c.Nickname, groups, c.Flags)
	}
	if err != nil {
		return 0, err
	}
	return id, t.exec(`UPDATE {buddies} SET subscription = ?, nickname = ?, "groups" = ?, flags = ? WHERE id = ?`,
		c.Subscription, c.Nickname, groups, c.Flags, id)
}

func (t *tx) contact(userID int64, name string) (id int64, err error) {
	err = t.get("SELECT id FROM {buddies} WHERE user_id = ? AND uin = ? ORDER BY id LIMIT 1", []any{userID, name}, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("contact %s %w", name, store.ErrNotFound)
	}
	return id, err
}

// putContactSettings keeps the type of a setting that is there.
func (t *tx) putContactSettings(c *store.Contact) error {
	names := slices.Sorted(maps.Keys(c.Settings))
	for _, name := range names {
		err := t.exec(`INSERT INTO {buddies_settings} (user_id, buddy_id, var, type, value) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (buddy_id, var) DO UPDATE SET value = excluded.value, user_id = excluded.user_id`,
			c.UserID, c.ID, name, store.SettingString, c.Settings[name])
		if err != nil {
			return err
		}
	}
	// json_each takes any number of names in one statement.
	return t.exec("DELETE FROM {buddies_settings} WHERE buddy_id = ? AND var NOT IN (SELECT value FROM json_each(?))", c.ID, jsonList(names))
}

// DeleteContact implements store.Store.
func (d *db) DeleteContact(ctx context.Context, _ store.Token, userID int64, name string) error {
	return d.write(ctx, func(t *tx) error {
		err := t.exec("DELETE FROM {buddies_settings} WHERE buddy_id IN (SELECT id FROM {buddies} WHERE user_id = ? AND uin = ?)", userID, name)
		if err != nil {
			return err
		}
		n, err := t.change("DELETE FROM {buddies} WHERE user_id = ? AND uin = ?", userID, name)
		if err == nil && n == 0 {
			return fmt.Errorf("contact %s %w", name, store.ErrNotFound)
		}
		return err
	})
}
