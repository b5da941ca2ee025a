// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"spectrum.im/spectrum2/daemon/store"
)

var userSetting = struct{ keys, columns, change []string }{[]string{"user_id", "var"}, []string{"type", "value"}, []string{"type", "value"}}

// CreateUser implements store.Store. The server never gives a number twice.
func (d *DB) CreateUser(ctx context.Context, u *store.User) error {
	var id int64
	err := d.write(ctx, func(t *tx) error {
		var taken int
		if err := t.get("SELECT count(*) FROM {users} WHERE jid = ?", []any{u.JID}, &taken); err != nil {
			return err
		}
		if taken > 0 {
			return fmt.Errorf("user %s %w", u.JID, store.ErrExists)
		}
		password, err := t.protect(u.JID, passwordOf, u.Password)
		if err != nil {
			return err
		}
		id, err = t.insert("INSERT INTO {users} (jid, uin, password, language, encoding, last_login, vip, online) VALUES ("+list(8)+")",
			u.JID, u.Name, password, u.Language, u.Encoding, dateTime(u.LastLogin), u.VIP, u.Online)
		if err != nil && d.verdict(err).Class == Duplicate {
			return fmt.Errorf("user %s %w", u.JID, store.ErrExists)
		}
		if err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(u.Settings)) {
			if err := t.setSetting(id, name, store.SettingType(name), u.Settings[name]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		u.ID = id
	}
	return err
}

// dateTime is in UTC and whole seconds, as the column has it.
func dateTime(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.UTC().Truncate(time.Second)
}

// User implements store.Store.
func (d *DB) User(ctx context.Context, jid string) (*store.User, error) {
	u := &store.User{JID: jid, Settings: map[string]string{}}
	var last sql.NullTime
	found := false
	err := d.each(ctx, `SELECT u.id, COALESCE(u.uin, ''), COALESCE(u.password, ''), COALESCE(u.language, ''), COALESCE(u.encoding, ''), u.last_login,
  COALESCE(u.vip, false), COALESCE(u.online, false), s.var, s.value
  FROM {users} u LEFT JOIN {users_settings} s ON s.user_id = u.id WHERE u.jid = ?`, []any{jid}, func(scan func(...any) error) error {
		var name, value sql.NullString
		err := scan(&u.ID, &u.Name, &u.Password, &u.Language, &u.Encoding, &last, &u.VIP, &u.Online, &name, &value)
		if found = true; name.Valid {
			u.Settings[name.String] = value.String
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("user %s %w", jid, store.ErrNotFound)
	}
	if last.Valid && !last.Time.IsZero() {
		u.LastLogin = last.Time.UTC().Truncate(time.Second)
	}
	if u.Password, err = d.reveal(ctx, jid, passwordOf, u.Password); err != nil {
		return nil, err
	}
	return u, d.askVIP(ctx, u)
}

// askVIP asks the administrator's own statement, which overrides the column:
// a row means VIP. Where it cannot be asked, the column holds.
func (d *DB) askVIP(ctx context.Context, u *store.User) error {
	if d.o.VIP == nil {
		return nil
	}
	ctx, cancel := d.limit(ctx)
	defer cancel()
	rows, err := d.pool.QueryContext(ctx, d.o.VIP(u.JID))
	if err == nil {
		u.VIP = rows.Next()
		err = errors.Join(rows.Err(), rows.Close())
	}
	if err = d.explain(ctx, "ask", err); err == nil || errors.Is(err, store.ErrUnavailable) || ctx.Err() != nil {
		return err
	}
	d.log.Warn("database.vip_statement failed; the users' own entries hold", "err", err)
	return nil
}

// UpdateUser implements store.Store.
func (d *DB) UpdateUser(ctx context.Context, token store.Token, u *store.User) error {
	return d.write(ctx, func(t *tx) error {
		jid, err := t.own(u.ID, token)
		if err != nil {
			return err
		}
		password, err := t.protect(jid, passwordOf, u.Password)
		if err != nil {
			return err
		}
		return t.exec("UPDATE {users} SET uin = ?, password = ?, language = ?, encoding = ?, vip = ? WHERE id = ?",
			u.Name, password, u.Language, u.Encoding, u.VIP, u.ID)
	})
}

// ofUsers are the tables that hold what is a user's, but himself.
var ofUsers = []string{
	"{users_settings}", "{buddies_settings}", "{buddies}", "{spectrum2_waiting}", "{spectrum2_rooms}", "{spectrum2_archive}", "{spectrum2_personal}",
}

// purgeStep is how many archived messages go in one transaction, so that
// others can write between two.
const purgeStep = 500

// DeleteUser implements store.Store. A long archive goes in steps before the
// rest, by whoever owns him then.
func (d *DB) DeleteUser(ctx context.Context, token store.Token, id int64) error {
	if token != 0 {
		check := func(t *tx) error { _, err := t.own(id, token); return err }
		if err := d.write(ctx, check); err != nil {
			return err
		}
	}
	for n := purgeStep; n == purgeStep; {
		var err error
		if n, err = d.PurgeArchived(ctx, id, math.MaxInt64, purgeStep); err != nil {
			return err
		}
	}
	return d.write(ctx, func(t *tx) error {
		jid, err := t.own(id, token)
		if err != nil {
			return err
		}
		for _, table := range ofUsers {
			if err := t.exec("DELETE FROM "+table+" WHERE user_id = ?", id); err != nil {
				return err
			}
		}
		if err := t.exec("DELETE FROM {spectrum2_owners} WHERE jid = ?", jid); err != nil {
			return err
		}
		return t.exec("DELETE FROM {users} WHERE id = ?", id)
	})
}

// ListUsers implements store.Store.
func (d *DB) ListUsers(ctx context.Context, after string, limit int) ([]string, error) {
	return d.strings(ctx, "SELECT jid FROM {users} WHERE jid > ? ORDER BY jid LIMIT ?", after, limit)
}

// OnlineUsers implements store.Store.
func (d *DB) OnlineUsers(ctx context.Context) ([]string, error) {
	return d.strings(ctx, "SELECT jid FROM {users} WHERE online ORDER BY jid")
}

// SetOnline implements store.Store; like the C++ version it keeps the time.
func (d *DB) SetOnline(ctx context.Context, token store.Token, id int64, online bool) error {
	if token != 0 {
		if met, _, err := d.alone(ctx, d.lang.SetOnline, online, dateTime(time.Now()), id, int64(token)); err != nil || met > 0 {
			return err
		}
	}
	return d.write(ctx, func(t *tx) error {
		if _, err := t.own(id, token); err != nil {
			return err
		}
		return t.exec("UPDATE {users} SET online = ?, last_login = ? WHERE id = ?", online, dateTime(time.Now()), id)
	})
}

// SetSetting implements store.Store.
func (d *DB) SetSetting(ctx context.Context, token store.Token, id int64, name string, typ int, value string) error {
	return d.write(ctx, func(t *tx) error {
		if _, err := t.own(id, token); err != nil {
			return err
		}
		return t.setSetting(id, name, typ, value)
	})
}

func (t *tx) setSetting(id int64, name string, typ int, value string) error {
	s := userSetting
	return t.exec(t.d.upsert("users_settings", s.keys, s.columns, s.change), id, name, typ, t.d.fit(value))
}

// fit is for what people call things: what the tables cannot keep is replaced.
func (d *DB) fit(text string) string {
	narrow := d.narrow.Load()
	if !narrow && utf8.ValidString(text) && !strings.Contains(text, "\x00") {
		return text
	}
	return strings.Map(func(r rune) rune {
		if r == 0 || narrow && r > 0xffff {
			return utf8.RuneError
		}
		return r
	}, text)
}
