// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"context"
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlstore"
)

// Cxx is a database as the C++ version left it.
type Cxx struct {
	// Tables makes the tables; %[1]s is the prefix.
	Tables string
	// Groups is the column's name in quotes, True and False are its booleans.
	Groups, True, False string
	// Backslash: it has to be doubled in a text.
	Backslash bool
	// Removes are the statements with which the C++ version removes user 2.
	Removes string
	// TooNew makes db_version that of a later version.
	TooNew string
	// Shape are queries whose rows, each one text, say what the tables of the
	// database are like.
	Shape []string
	// Nullable take the NOT NULL from the tables' texts and flags.
	Nullable []string
	Work     Work
}

// TakeOver tests that every user is still there.
func TakeOver(t *testing.T, k Kind, c Cxx) {
	for name, test := range map[string]func(*testing.T, Kind, Cxx){
		"everything is there":       everything,
		"key of the C++ version":    disguised,
		"C++ version goes back":     goesBack,
		"C++ version goes on":       worksOn,
		"rows nobody expects":       oddOn,
		"sealing and back":          sealAndBack,
		"two prefixes":              twoPrefixes,
		"values that have no room":  noRoom,
		"newer database is refused": tooNew,
		"opening changes nothing":   changesNothing,
	} {
		t.Run(name, func(t *testing.T) { test(t, k, c) })
	}
}

func plain(password string) string { return password }

func checkAnn(t *testing.T, d store.Store) {
	t.Helper()
	got, err := d.User(t.Context(), "ann@example.org")
	must(t, err)
	want := &store.User{ID: 1, JID: "ann@example.org", Name: "12345", Password: "plain & símple", Language: "en", Encoding: "utf8",
		LastLogin: time.Date(2014, 5, 6, 7, 8, 9, 0, time.UTC), VIP: true, Settings: map[string]string{"enable_transport": "1", "photohash": "aabb"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	contacts, err := d.Contacts(t.Context(), got.ID)
	must(t, err)
	if len(contacts) != 2+contactsOfAnn {
		t.Fatalf("%d contacts", len(contacts))
	}
	odd := []store.Contact{
		{ID: 1, UserID: 1, Name: "999", Subscription: "both", Nickname: "Zoë", Groups: []string{"Friends", `Wörk "1"`, everyCharacter()}, Flags: 2, Settings: map[string]string{"icon_hash": "ccdd"}},
		{ID: 2, UserID: 1, Name: "888", Subscription: "ask", Settings: map[string]string{}},
	}
	if !reflect.DeepEqual(contacts[:2], odd) {
		t.Errorf("got  %+v\nwant %+v", contacts[:2], odd)
	}
}

func everything(t *testing.T, k Kind, c Cxx) {
	s := k.Shared(t)
	for _, prefix := range []string{"", "icq_"} {
		o := Options{Database: s.Database(t), Prefix: prefix}
		c.fill(t, s, o.Database, prefix, plain)
		d := k.open(t, s, o)
		if st, err := d.Status(t.Context()); err != nil || st.Users != 2 || st.Version != 0 || len(st.Pending) == 0 {
			t.Errorf("before: %+v, %v", st, err)
		}
		_, err := d.Migrate(t.Context())
		must(t, err)
		checkAnn(t, d)
		if on, err := d.OnlineUsers(t.Context()); err != nil || len(on) != 1 || on[0] != "bob@example.org" {
			t.Errorf("online: %v, %v", on, err)
		}
		bob, err := d.User(t.Context(), "bob@example.org")
		must(t, err)
		if bob.Password != "hunter22" || !bob.LastLogin.IsZero() || bob.VIP || !bob.Online {
			t.Errorf("got %+v", bob)
		}
		must(t, d.PutContact(t.Context(), claim(t, d, bob.JID), &store.Contact{UserID: bob.ID, Name: "new", Subscription: "from", Groups: []string{"A"}}))
		eve := addUser(t, d, "eve@example.org")
		if eve.ID <= bob.ID {
			t.Errorf("eve is number %d", eve.ID)
		}
		must(t, d.DeleteUser(t.Context(), 0, bob.ID))
		checkAnn(t, d)
	}
}

// cxxDisguise is the C++ version's own way.
func cxxDisguise(password string) string {
	const key = "key of C++"
	b := []byte(password)
	for i := range b {
		b[i] = byte((int(b[i]) + int(key[i%len(key)])) % 256)
	}
	return base64.StdEncoding.EncodeToString(b)
}

func disguised(t *testing.T, k Kind, c Cxx) {
	s := k.Shared(t)
	o := Options{Database: s.Database(t), Key: config.NewSecret("key of C++")}
	c.fill(t, s, o.Database, "", cxxDisguise)
	pool := s.SQL(t, o.Database)
	row := func(jid, password string) {
		t.Helper()
		_, err := pool.Exec("INSERT INTO users (jid, uin, password, language) VALUES ('" + jid + "', '1', '" + password + "', '')")
		must(t, err)
	}
	row("plain@example.org", "abcd1234") // base64 as well
	row("none@example.org", "")
	d := k.migrated(t, s, o)
	checkAnn(t, d)
	for jid, want := range map[string]string{"bob@example.org": "hunter22", "plain@example.org": "abcd1234", "none@example.org": ""} {
		if u, err := d.User(t.Context(), jid); err != nil || u.Password != want {
			t.Errorf("%s: %+v, %v", jid, u, err)
		}
	}
	u, err := d.User(t.Context(), "plain@example.org")
	must(t, err)
	u.Password = "nové heslo"
	must(t, d.UpdateUser(t.Context(), 0, u))
	if again, err := d.User(t.Context(), u.JID); err != nil || again.Password != u.Password {
		t.Errorf("changed: %+v, %v", again, err)
	}
	var kept string
	must(t, pool.QueryRow("SELECT password FROM users WHERE jid = 'plain@example.org'").Scan(&kept))
	if kept != cxxDisguise("nové heslo") {
		t.Errorf("the C++ version would not read %q", kept)
	}
}

func goesBack(t *testing.T, k Kind, c Cxx) {
	s := k.Shared(t)
	o := Options{Database: s.Database(t)}
	c.fill(t, s, o.Database, "", plain)
	d := k.migrated(t, s, o)
	_, err := d.Enqueue(t.Context(), 0, &store.Waiting{UserID: 2, Key: "k", Stanza: []byte("x")}, 0)
	must(t, err)
	must(t, d.AddArchived(t.Context(), 0, 2, []store.Archived{{Seq: 1, Peer: "p", ID: "1"}}))
	must(t, d.Close())
	_, err = s.SQL(t, o.Database).Exec(c.Removes)
	must(t, err)
	d = k.migrated(t, s, o)
	checkAnn(t, d)
	w, err := d.Waiting(t.Context(), 2, 10)
	must(t, err)
	n, err := d.CountArchived(t.Context(), 2, store.ArchiveQuery{}, 10)
	must(t, err)
	if len(w)+n != 0 {
		t.Errorf("of a user whom the C++ version removed: %d messages, %d archived", len(w), n)
	}
}

func twoPrefixes(t *testing.T, k Kind, c Cxx) {
	s := k.Shared(t)
	name := s.Database(t)
	c.fill(t, s, name, "icq_", plain)
	for _, prefix := range []string{"icq_", "new_", "aim_"} {
		d := k.migrated(t, s, Options{Database: name, Prefix: prefix})
		if prefix == "icq_" {
			checkAnn(t, d)
			continue
		}
		ann := addUser(t, d, "ann@example.org")
		must(t, d.PutContact(t.Context(), 0, &store.Contact{UserID: ann.ID, Name: "c", Subscription: "ask"}))
	}
}

func noRoom(t *testing.T, k Kind, c Cxx) {
	s := k.Shared(t)
	o := Options{Database: s.Database(t)}
	c.fill(t, s, o.Database, "", plain)
	d := k.migrated(t, s, o)
	long := strings.Repeat("x", 256)
	ctx := t.Context()
	for what, err := range map[string]error{
		"setting":  d.SetSetting(ctx, 0, 1, "s", store.SettingString, long),
		"password": d.UpdateUser(ctx, 0, &store.User{ID: 1, JID: "ann@example.org", Password: long}),
		"groups":   d.PutContact(ctx, 0, &store.Contact{UserID: 1, Name: "999", Subscription: "both", Groups: []string{long}}),
		"contact":  d.PutContact(ctx, 0, &store.Contact{UserID: 1, Name: long, Subscription: "both"}),
		"enum":     d.PutContact(ctx, 0, &store.Contact{UserID: 1, Name: "n", Subscription: "maybe"}),
	} {
		if !errors.Is(err, sqlstore.ErrNotTaken) || strings.Contains(err.Error(), long) {
			t.Errorf("%s: %v, want ErrNotTaken", what, err)
		}
	}
	checkAnn(t, d)
	horse := &store.Contact{UserID: 1, Name: "888", Subscription: "ask", Nickname: "🐎 Horst", Groups: []string{"漢🐎"}, Settings: map[string]string{"icon_hash": "🐎"}}
	must(t, d.PutContact(ctx, 0, horse))
	got, err := d.Contacts(ctx, 1)
	must(t, err)
	if n := got[1].Nickname; n != horse.Nickname && n != "\uFFFD Horst" {
		t.Errorf("nickname %q", n)
	}
}

func tooNew(t *testing.T, k Kind, c Cxx) {
	s := k.Shared(t)
	for name, query := range map[string]string{"schema": "INSERT INTO spectrum2_migrations VALUES (99, 'future', '')", "db_version": c.TooNew} {
		o := Options{Database: s.Database(t)}
		c.fill(t, s, o.Database, "", plain)
		must(t, k.migrated(t, s, o).Close())
		_, err := s.SQL(t, o.Database).Exec(query)
		must(t, err)
		_, err = k.open(t, s, o).Migrate(t.Context())
		if err == nil || !strings.Contains(err.Error(), "this version of Spectrum 2 knows those up to") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func changesNothing(t *testing.T, k Kind, c Cxx) {
	s := k.Shared(t)
	o := Options{Database: s.Database(t)}
	c.fill(t, s, o.Database, "", plain)
	d := k.open(t, s, o)
	_, err := d.Status(t.Context())
	must(t, err)
	var tables int
	pool := s.SQL(t, o.Database)
	must(t, pool.QueryRowContext(context.Background(), "SELECT count(*) FROM information_schema.tables WHERE table_name LIKE 'spectrum2%' AND (table_schema = 'public' OR table_schema = '"+o.Database+"')").Scan(&tables))
	if tables != 0 {
		t.Errorf("%d tables were made", tables)
	}
}
