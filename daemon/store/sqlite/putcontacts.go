// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite

import (
	"context"
	"maps"
	"slices"
	"strings"

	"spectrum.im/spectrum2/daemon/store"
)

// PutContacts implements store.Store: a statement has many rows.
func (d *db) PutContacts(ctx context.Context, _ store.Token, userID int64, contacts []store.Contact) error {
	all := slices.Clone(contacts)
	for i := range all {
		all[i].UserID, all[i].Settings, all[i].Groups = userID, maps.Clone(all[i].Settings), slices.Clone(all[i].Groups)
	}
	err := d.write(ctx, func(t *tx) error {
		if _, err := t.user(userID); err != nil {
			return err
		}
		return t.putContacts(userID, all)
	})
	if err != nil {
		return err
	}
	for i := range all {
		contacts[i].ID = all[i].ID
	}
	return nil
}

func (t *tx) putContacts(userID int64, all []store.Contact) error {
	ids, err := t.contactIDs(userID)
	if err != nil {
		return err
	}
	var fresh []*store.Contact
	var rows [][]any
	for i := range all {
		c := &all[i]
		if _, there := ids[c.Name]; !there {
			fresh = append(fresh, c)
			rows = append(rows, []any{userID, c.Name, c.Subscription, c.Nickname, joinGroups(c.Groups), c.Flags})
			continue
		}
		if c.ID, err = t.putContact(c, joinGroups(c.Groups)); err != nil {
			return err
		}
		if err := t.putContactSettings(c); err != nil {
			return err
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	if err := t.insertRows(`INSERT INTO {buddies} (user_id, uin, subscription, nickname, "groups", flags) VALUES `, rows); err != nil {
		return err
	}
	if ids, err = t.contactIDs(userID); err != nil {
		return err
	}
	return t.freshSettings(userID, ids, fresh)
}

// contactIDs are the user's contacts' numbers by name.
func (t *tx) contactIDs(userID int64) (map[string]int64, error) {
	s, err := t.stmt("SELECT id, uin FROM {buddies} WHERE user_id = ? ORDER BY id DESC") // of two the first one counts
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(t.ctx, userID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	ids := map[string]int64{}
	for rows.Next() {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return nil, err
		}
		ids[name] = id
	}
	return ids, rows.Err()
}

// freshSettings writes the settings of contacts that are new. What an earlier
// contact of the same number left behind goes.
func (t *tx) freshSettings(userID int64, ids map[string]int64, fresh []*store.Contact) error {
	numbers := make([]int64, len(fresh))
	var rows [][]any
	for i, c := range fresh {
		c.ID = ids[c.Name]
		numbers[i] = c.ID
		for _, name := range slices.Sorted(maps.Keys(c.Settings)) {
			rows = append(rows, []any{userID, c.ID, name, store.SettingString, c.Settings[name]})
		}
	}
	err := t.exec("DELETE FROM {buddies_settings} WHERE buddy_id IN (SELECT value FROM json_each(?))", jsonList(numbers))
	if err != nil {
		return err
	}
	return t.insertRows("INSERT INTO {buddies_settings} (user_id, buddy_id, var, type, value) VALUES ", rows)
}

// rowSteps are the numbers of rows that an INSERT has: few, so that there are
// few different statements.
var rowSteps = []int{64, 16, 4, 1}

// insertRows inserts rows of the same length.
func (t *tx) insertRows(insert string, rows [][]any) error {
	for _, n := range rowSteps {
		for len(rows) >= n {
			one := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(rows[0])), ", ") + ")"
			query := insert + strings.TrimSuffix(strings.Repeat(one+", ", n), ", ")
			if err := t.exec(query, slices.Concat(rows[:n]...)...); err != nil {
				return err
			}
			rows = rows[n:]
		}
	}
	return nil
}
