// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"context"
	"database/sql"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
)

// Work is what the C++ version sends to one kind of database, where the kinds
// differ.
type Work struct {
	// Start is sent at each start to a database that has its tables.
	Start string
	// Groups is the column's name in quotes.
	Groups string
	True   string
	Now    string
	// PutUser adds a user, or changes the one of that JID; Replaces says
	// whether it does the latter, and is an error otherwise.
	PutUser  func(jid, name, password string) string
	Replaces bool
	// PutIcon keeps an avatar's hash: all statements up to one that changes
	// something.
	PutIcon func(user, contact int64, hash string) []string
}

// old is the C++ version at work.
type old struct {
	Work
	t  *testing.T
	db *sql.DB
}

func (o old) run(query string) int64 {
	o.t.Helper()
	r, err := o.db.ExecContext(context.Background(), query)
	if err != nil {
		o.t.Fatalf("%s: %v", query, err)
	}
	n, _ := r.RowsAffected()
	return n
}

func (o old) id(query string) (id int64) {
	o.t.Helper()
	if err := o.db.QueryRowContext(context.Background(), query).Scan(&id); err != nil {
		o.t.Fatalf("%s: %v", query, err)
	}
	return id
}

func (o old) strings(query string) (all []string) {
	o.t.Helper()
	rows, err := o.db.QueryContext(context.Background(), query)
	must(o.t, err)
	defer rows.Close()
	for rows.Next() {
		var s string
		must(o.t, rows.Scan(&s))
		all = append(all, s)
	}
	must(o.t, rows.Err())
	return all
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// contact adds one and keeps its avatar, as for each that a network names.
func (o old) contact(user int64, name, hash string) int64 {
	o.t.Helper()
	own := " FROM buddies WHERE user_id=" + itoa(user) + " AND uin='" + name + "'"
	o.run("INSERT INTO buddies (user_id, uin, subscription, " + o.Groups + ", nickname, flags) VALUES (" + itoa(user) + ", '" + name + "', 'ask', 'Buddies', 'N', 0)")
	id := o.id("SELECT id" + own)
	for _, query := range o.PutIcon(user, id, hash) {
		if o.run(query) > 0 {
			break
		}
	}
	return id
}

func (o old) change(user int64, name, groups, nickname string) {
	o.t.Helper()
	o.run("UPDATE buddies SET " + o.Groups + "='" + groups + "', nickname='" + nickname + "', flags=1, subscription='both' WHERE user_id=" + itoa(user) + " AND uin='" + name + "'")
}

func (o old) remove(contact int64) {
	o.t.Helper()
	o.run("DELETE FROM buddies WHERE id=" + itoa(contact))
	o.run("DELETE FROM buddies_settings WHERE buddy_id=" + itoa(contact))
}

// begin is what it does on a database that we had: ann registers again and
// changes contacts, bob unregisters, dora is new.
func (o old) begin(disguise func(string) string) {
	t := o.t
	t.Helper()
	if o.Start != "" {
		o.run(o.Start)
	}
	if got := o.strings("SELECT jid FROM users WHERE online=" + o.True); !reflect.DeepEqual(got, []string{"bob@example.org"}) {
		t.Errorf("it finds %q online", got)
	}
	o.run(o.PutUser("dora@example.org", "dora_d", disguise("dora's secret ñ")))
	if o.Replaces {
		o.run(o.PutUser("ann@example.org", "54321", disguise("ann's new one")))
	}
	dora := o.id("SELECT id FROM users WHERE jid='dora@example.org'")
	o.run("UPDATE users SET online=" + o.True + ", last_login=" + o.Now + " WHERE id=" + itoa(dora))
	o.contact(dora, "carl", "0011")
	o.change(dora, "carl", "A\nB c", "Carl Ü")
	o.remove(o.contact(dora, "tom", "2233"))
	ann := o.id("SELECT id FROM users WHERE jid='ann@example.org'")
	o.contact(ann, "from C++", "4455")
	o.change(ann, "888", "Moved", "Eight")
	o.remove(o.id("SELECT id FROM buddies WHERE user_id=" + itoa(ann) + " AND uin='contact0'"))
	for _, user := range []int64{ann, dora} {
		o.run("INSERT INTO users_settings (user_id, var, type, value) VALUES (" + itoa(user) + ", 'send_headlines', 0, '0')")
		o.run("UPDATE users_settings SET value='1' WHERE user_id=" + itoa(user) + " AND var='send_headlines'")
	}
	bob := itoa(o.id("SELECT id FROM users WHERE jid='bob@example.org'"))
	for _, query := range []string{"users WHERE id=", "buddies WHERE user_id=", "users_settings WHERE user_id=", "buddies_settings WHERE user_id="} {
		o.run("DELETE FROM " + query + bob)
	}
}

// seen is what we find then.
func seen(t *testing.T, d store.Store, o old) {
	t.Helper()
	ctx := t.Context()
	jids, err := d.ListUsers(ctx, "", 10)
	if want := []string{"ann@example.org", "dora@example.org"}; err != nil || !reflect.DeepEqual(jids, want) {
		t.Fatalf("users %v, %v", jids, err)
	}
	dora, err := d.User(ctx, "dora@example.org")
	must(t, err)
	if dora.Password != "dora's secret ñ" || dora.Name != "dora_d" || !dora.Online || dora.LastLogin.IsZero() || dora.Settings["send_headlines"] != "1" {
		t.Errorf("dora: %+v", dora)
	}
	contacts, err := d.Contacts(ctx, dora.ID)
	must(t, err)
	want := store.Contact{UserID: dora.ID, Name: "carl", Subscription: "both", Nickname: "Carl Ü", Groups: []string{"A", "B c"}, Flags: 1, Settings: map[string]string{"icon_hash": "0011"}}
	if len(contacts) == 1 {
		want.ID = contacts[0].ID
	}
	if len(contacts) != 1 || !reflect.DeepEqual(contacts[0], want) {
		t.Errorf("dora's contacts: %+v", contacts)
	}
	ann, err := d.User(ctx, "ann@example.org")
	must(t, err)
	if o.Replaces && (ann.Password != "ann's new one" || ann.Name != "54321") || ann.Settings["send_headlines"] != "1" || ann.Settings["photohash"] != "aabb" {
		t.Errorf("ann: %+v", ann)
	}
	contacts, err = d.Contacts(ctx, ann.ID)
	must(t, err)
	byName := map[string]store.Contact{}
	for _, c := range contacts {
		byName[c.Name] = c
	}
	_, gone := byName["contact0"]
	if c := byName["888"]; len(contacts) != 2+contactsOfAnn || gone || byName["from C++"].Settings["icon_hash"] != "4455" || !slices.Equal(c.Groups, []string{"Moved"}) || c.Subscription != "both" {
		t.Errorf("ann's contacts: %d, %t, %+v", len(contacts), gone, byName["888"])
	}
	if on, err := d.OnlineUsers(ctx); err != nil || !slices.Contains(on, "dora@example.org") || slices.Contains(on, "bob@example.org") {
		t.Errorf("online: %v, %v", on, err)
	}
}

// Works tests that the C++ version can work on a migrated database and that we
// see what it did, and it what we did. open gives the store; db is the old
// program's connection.
func Works(t *testing.T, w Work, db *sql.DB, open func() store.Store, disguise func(string) string) {
	o := old{Work: w, t: t, db: db}
	o.begin(disguise)
	d := open()
	seen(t, d, o)
	dora, err := d.User(t.Context(), "dora@example.org")
	must(t, err)
	token := claim(t, d, dora.JID)
	dora.Password = "changed by us ß"
	must(t, d.UpdateUser(t.Context(), token, dora))
	must(t, d.SetSetting(t.Context(), token, dora.ID, "stay_connected", store.SettingBoolean, "1"))
	must(t, d.PutContact(t.Context(), token, &store.Contact{UserID: dora.ID, Name: "ours", Subscription: "both", Nickname: "Ö", Groups: []string{"X", "Y"}, Settings: map[string]string{"icon_hash": "6677"}}))
	must(t, d.DeleteContact(t.Context(), token, dora.ID, "carl"))
	must(t, d.Close())

	id := itoa(dora.ID)
	for query, want := range map[string][]string{
		"SELECT password FROM users WHERE jid='dora@example.org'":                            {disguise("changed by us ß")},
		"SELECT uin FROM buddies WHERE user_id=" + id + " ORDER BY id ASC":                   {"ours"},
		"SELECT " + o.Groups + " FROM buddies WHERE user_id=" + id:                           {"X\nY"},
		"SELECT subscription FROM buddies WHERE user_id=" + id:                               {"both"},
		"SELECT nickname FROM buddies WHERE user_id=" + id:                                   {"Ö"},
		"SELECT value FROM buddies_settings WHERE user_id=" + id + " AND type=2":             {"6677"},
		"SELECT value FROM users_settings WHERE user_id=" + id + " AND var='stay_connected'": {"1"},
		"SELECT type FROM users_settings WHERE user_id=" + id + " AND var='stay_connected'":  {"0"},
		"SELECT uin FROM users ORDER BY id DESC":                                             nil,
		"SELECT jid FROM users WHERE online=" + o.True + " AND jid='dora@example.org'":       {"dora@example.org"},
	} {
		if got := o.strings(query); want != nil && !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the C++ version finds %q, not %q", query, got, want)
		}
	}
	o.run("INSERT INTO users_settings (user_id, var, type, value) VALUES (" + id + ", 'enable_transport', 0, '1')")
	for _, query := range []string{"users WHERE id=", "buddies WHERE user_id=", "users_settings WHERE user_id=", "buddies_settings WHERE user_id="} {
		o.run("DELETE FROM " + query + id)
	}
}

// worksOn is Works on a server: after the migration, and after sealing and
// unsealing besides.
func worksOn(t *testing.T, k Kind, c Cxx) {
	s := k.Shared(t)
	for name, key := range map[string]string{"plain": "", "with its key": "key of C++", "after seal and unseal": "key of C++"} {
		t.Run(name, func(t *testing.T) {
			o := Options{Database: s.Database(t), Key: config.NewSecret(key)}
			disguise := plain
			if key != "" {
				disguise = cxxDisguise
			}
			c.fill(t, s, o.Database, "", disguise)
			before := kept(t, k, o.Database)
			d := k.migrated(t, s, o)
			if name == "after seal and unseal" {
				must(t, sealing(t, d).Seal(t.Context(), nil))
				must(t, sealing(t, d).Unseal(t.Context(), nil))
			}
			if after := kept(t, k, o.Database); !slices.Equal(after, before) {
				t.Errorf("the passwords are %q, not %q", after, before)
			}
			must(t, d.Close())
			Works(t, c.Work, s.SQL(t, o.Database), func() store.Store { return k.migrated(t, s, o) }, disguise)
		})
	}
}
