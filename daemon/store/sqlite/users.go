// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

const passwordOf = "password"

// CreateUser implements store.Store. A number is never given twice, so that
// what comes late for a removed user does not reach the next one.
func (d *db) CreateUser(ctx context.Context, u *store.User) error {
	n := *u
	err := d.write(ctx, func(t *tx) error {
		var taken int
		if err := t.get("SELECT count(*) FROM {users} WHERE jid = ?", []any{n.JID}, &taken); err != nil {
			return err
		}
		if taken > 0 {
			return fmt.Errorf("user %s %w", n.JID, store.ErrExists)
		}
		var err error
		if n.ID, err = t.nextUserID(); err != nil {
			return err
		}
		err = t.exec(`INSERT INTO {users} (id, jid, uin, password, language, encoding, last_login, vip, online) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			n.ID, n.JID, n.Name, d.sealer.Load().Seal(n.JID, passwordOf, n.Password), n.Language, n.Encoding, dateTime(n.LastLogin), n.VIP, n.Online)
		if err != nil {
			return err
		}
		for name, value := range n.Settings {
			if err := t.setSetting(n.ID, name, store.SettingType(name), value); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		u.ID = n.ID
	}
	return err
}

func (t *tx) nextUserID() (id int64, err error) {
	err = t.get(`SELECT 1 + MAX((SELECT COALESCE(MAX(id), 0) FROM {users}),
  COALESCE((SELECT CAST(value AS INTEGER) FROM {spectrum2_meta} WHERE name = 'last_user_id'), 0))`, nil, &id)
	if err != nil {
		return 0, err
	}
	return id, t.exec("INSERT OR REPLACE INTO {spectrum2_meta} (name, value) VALUES ('last_user_id', ?)", id)
}

// dateTime is how SQLite's datetime() writes it.
func dateTime(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.UTC().Format(time.DateTime)
}

// User implements store.Store.
func (d *db) User(ctx context.Context, jid string) (*store.User, error) {
	u := &store.User{JID: jid, Settings: map[string]string{}}
	var last sql.NullString
	err := d.get(ctx, `SELECT id, COALESCE(uin, ''), COALESCE(password, ''), COALESCE(language, ''), COALESCE(encoding, ''), datetime(last_login),
  COALESCE(vip, 0) <> 0, COALESCE(online, 0) <> 0 FROM {users} WHERE jid = ?`,
		[]any{jid}, &u.ID, &u.Name, &u.Password, &u.Language, &u.Encoding, &last, &u.VIP, &u.Online)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("user %s %w", jid, store.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	if last.Valid {
		u.LastLogin, _ = time.Parse(time.DateTime, last.String) // datetime() wrote it
	}
	if u.Password, err = d.sealer.Load().Open(jid, passwordOf, u.Password); err != nil {
		return nil, err
	}
	err = d.each(ctx, "SELECT var, COALESCE(value, '') FROM {users_settings} WHERE user_id = ?", []any{u.ID}, func(scan func(...any) error) error {
		var name, value string
		err := scan(&name, &value)
		u.Settings[name] = value
		return err
	})
	return u, err
}

// UpdateUser implements store.Store.
func (d *db) UpdateUser(ctx context.Context, _ store.Token, u *store.User) error {
	n := *u
	return d.write(ctx, func(t *tx) error {
		return t.must(n.ID, "UPDATE {users} SET uin = ?, password = ?, language = ?, encoding = ?, vip = ? WHERE id = ?",
			n.Name, d.sealer.Load().Seal(n.JID, passwordOf, n.Password), n.Language, n.Encoding, n.VIP, n.ID)
	})
}

// must changes a user's row; store.ErrNotFound if there is none.
func (t *tx) must(id int64, query string, args ...any) error {
	n, err := t.change(query, args...)
	if err == nil && n == 0 {
		return noUser(id)
	}
	return err
}

// user checks that there is such a user: whatever is written about one who
// was removed would stay for ever.
func (t *tx) user(id int64) (jid string, err error) {
	err = t.get("SELECT jid FROM {users} WHERE id = ?", []any{id}, &jid)
	if errors.Is(err, sql.ErrNoRows) {
		return "", noUser(id)
	}
	return jid, err
}

func noUser(id int64) error { return fmt.Errorf("user number %d %w", id, store.ErrNotFound) }

// ofUsers are the tables that hold what is a user's, but himself.
var ofUsers = []string{
	"{users_settings}", "{buddies_settings}", "{buddies}", "{spectrum2_waiting}", "{spectrum2_rooms}", "{spectrum2_archive}", "{spectrum2_personal}",
}

// purgeStep is how many archived messages go in one transaction, so that
// others can write between two.
const purgeStep = 500

// DeleteUser implements store.Store. What is deleted is overwritten in the
// file, and the log of the file's changes is emptied. A long archive goes in
// steps before the rest.
func (d *db) DeleteUser(ctx context.Context, _ store.Token, id int64) error {
	for n := purgeStep; n == purgeStep; {
		var err error
		if n, err = d.PurgeArchived(ctx, id, math.MaxInt64, purgeStep); err != nil {
			return err
		}
	}
	err := d.write(ctx, func(t *tx) error {
		for _, table := range ofUsers {
			if err := t.exec("DELETE FROM "+table+" WHERE user_id = ?", id); err != nil {
				return err
			}
		}
		return t.must(id, "DELETE FROM {users} WHERE id = ?", id)
	})
	if err != nil {
		return err
	}
	d.emptyLog(ctx)
	return nil
}

// emptyLog needs a moment without readers; if it gets none, the log is
// emptied with its next checkpoint or at Close.
func (d *db) emptyLog(ctx context.Context) {
	var busy, pages, moved int
	err := d.readers.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
	if err != nil || busy != 0 {
		d.log.Debug("log of the database not emptied yet", "err", err)
	}
}

// ListUsers implements store.Store.
func (d *db) ListUsers(ctx context.Context, after string, limit int) ([]string, error) {
	return d.strings(ctx, "SELECT jid FROM {users} WHERE jid > ? ORDER BY jid LIMIT ?", after, limit)
}

// OnlineUsers implements store.Store.
func (d *db) OnlineUsers(ctx context.Context) ([]string, error) {
	return d.strings(ctx, "SELECT jid FROM {users} WHERE online <> 0 ORDER BY jid")
}

// SetOnline implements store.Store; like the C++ version it keeps the time.
func (d *db) SetOnline(ctx context.Context, _ store.Token, id int64, online bool) error {
	return d.write(ctx, func(t *tx) error {
		return t.must(id, "UPDATE {users} SET online = ?, last_login = datetime('now') WHERE id = ?", online, id)
	})
}

// SetSetting implements store.Store.
func (d *db) SetSetting(ctx context.Context, _ store.Token, id int64, name string, typ int, value string) error {
	return d.write(ctx, func(t *tx) error {
		if _, err := t.user(id); err != nil {
			return err
		}
		return t.setSetting(id, name, typ, value)
	})
}

func (t *tx) setSetting(id int64, name string, typ int, value string) error {
	return t.exec("INSERT OR REPLACE INTO {users_settings} (user_id, var, type, value) VALUES (?, ?, ?, ?)", id, name, typ, value)
}

// Claim implements store.Store: there is one main process, and it owns all.
func (d *db) Claim(context.Context, string) (store.Token, error) { return 1, nil }

// Unclaim implements store.Store.
func (d *db) Unclaim(context.Context, string, store.Token) error { return nil }
