// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"

	"spectrum.im/spectrum2/daemon/store"
)

// PutContacts implements store.Store: a statement has many rows, so that a
// server that is far away is not asked for each. Where names that differ are the
// same for the server, as in old tables of MySQL, it goes one by one.
func (d *DB) PutContacts(ctx context.Context, token store.Token, userID int64, contacts []store.Contact) error {
	ids, err := d.putContacts(ctx, token, userID, contacts, (*tx).putTogether)
	if d.verdict(err).Class == Duplicate {
		ids, err = d.putContacts(ctx, token, userID, contacts, (*tx).putOneByOne)
	}
	if err != nil {
		return err
	}
	for i := range contacts {
		contacts[i].ID, contacts[i].UserID = ids[i], userID
	}
	return nil
}

func (d *DB) putContacts(ctx context.Context, token store.Token, userID int64, contacts []store.Contact, put func(*tx, []store.Contact) ([]int64, error)) (ids []int64, err error) {
	all := slices.Clone(contacts)
	for i := range all {
		all[i].UserID = userID
	}
	err = d.write(ctx, func(t *tx) error {
		if _, err := t.own(userID, token); err != nil {
			return err
		}
		var err error
		ids, err = put(t, all)
		return err
	})
	return ids, err
}

func (t *tx) putOneByOne(all []store.Contact) ([]int64, error) {
	ids := make([]int64, len(all))
	var err error
	for i := range all {
		if ids[i], err = t.putContact(&all[i]); err != nil {
			return nil, err
		}
		if err = t.putContactSettings(&all[i], ids[i]); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// putTogether replaces those who are there one by one, and adds the others
// together.
func (t *tx) putTogether(all []store.Contact) ([]int64, error) {
	if len(all) == 0 {
		return nil, nil
	}
	userID := all[0].UserID
	known, err := t.contactIDs(userID)
	if err != nil {
		return nil, err
	}
	var old, fresh []store.Contact
	var rows [][]any
	for _, c := range all {
		if _, there := known[c.Name]; there {
			old = append(old, c)
			continue
		}
		fresh = append(fresh, c)
		rows = append(rows, []any{userID, c.Name, cmp.Or(c.Subscription, "none"), t.d.fit(c.Nickname), t.d.fit(joinGroups(c.Groups)), c.Flags})
	}
	if _, err := t.putOneByOne(old); err != nil {
		return nil, err
	}
	err = t.insertRows("INSERT INTO {buddies} (user_id, uin, subscription, nickname, {groups}, flags) VALUES ", "", rows)
	if err == nil && len(fresh) > 0 {
		known, err = t.contactIDs(userID)
	}
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(all))
	for i, c := range all {
		ids[i] = known[c.Name]
	}
	return ids, t.freshSettings(userID, known, fresh)
}

// contactIDs are the user's contacts' numbers by name.
func (t *tx) contactIDs(userID int64) (map[string]int64, error) {
	ids := map[string]int64{}
	// Of two with the same name the first one counts.
	err := t.each("SELECT id, uin FROM {buddies} WHERE user_id = ? ORDER BY id DESC", []any{userID}, func(scan func(...any) error) error {
		var id int64
		var name string
		err := scan(&id, &name)
		ids[name] = id
		return err
	})
	return ids, err
}

// freshSettings writes the settings of contacts that are new. What an earlier
// contact of the same number left behind goes.
func (t *tx) freshSettings(userID int64, ids map[string]int64, fresh []store.Contact) error {
	if len(fresh) == 0 {
		return nil
	}
	var rows [][]any
	numbers := make([]int64, len(fresh))
	for i, c := range fresh {
		numbers[i] = ids[c.Name]
		for _, name := range slices.Sorted(maps.Keys(c.Settings)) {
			rows = append(rows, []any{numbers[i], name, userID, store.SettingString, t.d.fit(c.Settings[name])})
		}
	}
	in, args := among(numbers)
	if err := t.exec("DELETE FROM {buddies_settings} WHERE buddy_id IN "+in, args...); err != nil {
		return err
	}
	s := contactSetting
	insert := "INSERT INTO {buddies_settings} (" + strings.Join(append(slices.Clone(s.keys), s.columns...), ", ") + ") VALUES "
	return t.insertRows(insert, t.d.lang.Upsert(s.keys, s.change), rows)
}

// rowSteps are the numbers of rows that an INSERT has: few, so that there are
// few different statements.
var rowSteps = []int{64, 16, 4, 1}

// insertRows inserts rows of the same length; after stands behind them.
func (t *tx) insertRows(insert, after string, rows [][]any) error {
	for _, n := range rowSteps {
		for len(rows) >= n {
			one := "(" + list(len(rows[0])) + ")"
			query := insert + strings.TrimSuffix(strings.Repeat(one+", ", n), ", ") + after
			if err := t.exec(query, slices.Concat(rows[:n]...)...); err != nil {
				return err
			}
			rows = rows[n:]
		}
	}
	return nil
}

// each calls f for every row.
func (t *tx) each(query string, args []any, f func(scan func(...any) error) error) error {
	rows, err := t.query(query, args)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (t *tx) query(query string, args []any) (*sql.Rows, error) {
	if s := t.stmt(query); s != nil {
		return s.QueryContext(t.ctx, args...)
	}
	return t.tx.QueryContext(t.ctx, t.d.rewrite(query), args...)
}
