// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"bytes"
	"context"
	"database/sql"
	"reflect"
	"slices"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/transfer"
)

// oddName is a name on a network that is as long as the column, with what
// names on networks have.
var oddName = "O'Brien \"x\" %s\\n <b>&amp; ;-- ž漢 " + strings.Repeat("é", 220)

// oddUsers are rows that the C++ version and its networks left; each text is
// an SQL literal of any kind of database.
var oddUsers = []struct{ jid, name, password, language, encoding string }{
	{"'Upper.Case@Example.ORG'", "'UPPER'", "'p'", "'en'", "'utf8'"},
	{"'no jid@@/'", "''", "''", "''", "''"},
	{"'''quoted\"@example.org'", "'q'", "' spaces '", "'pt_BR'", "'ISO-8859-2'"},
	{"'žluť@пример.example'", "'" + strings.ReplaceAll(strings.ReplaceAll(oddName, "'", "''"), `\`, "/") + "'", "'heslo ž漢 =='", "'cs'", "'windows-1250'"},
	{"'null@example.org'", "NULL", "NULL", "NULL", "NULL"},
}

// Odd tests that rows nobody expects keep nobody from his account, and are
// exported as they are. nullable takes the NOT NULL from the tables, as tools
// that convert databases do; open gives the migrated store.
func Odd(t *testing.T, c Cxx, db *sql.DB, nullable []string, open func() store.Store) {
	c.Fill(t, db, "", plain)
	run := func(query string) {
		t.Helper()
		if _, err := db.ExecContext(context.Background(), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	for _, query := range nullable {
		run(query)
	}
	for _, u := range oddUsers {
		run("INSERT INTO users (jid, uin, password, language, encoding) VALUES (" + strings.Join([]string{u.jid, u.name, u.password, u.language, u.encoding}, ", ") + ")")
	}
	contact := "INSERT INTO buddies (user_id, uin, subscription, " + c.Groups + ", nickname, flags) VALUES "
	for _, sub := range []string{"to", "from", "both", "ask", "none"} {
		run(contact + "(2, 'is " + sub + "', '" + sub + "', '', '', -1)")
	}
	newline := "\n"
	run(contact + "(2, 'only newlines', 'both', '" + newline + newline + "', 'x', 32767), (2, 'first empty', 'both', '" + newline + "A" + newline + newline + " B ', 'x', 0), (2, 'O''x % _ #', 'both', 'ÄÖ', '', 0)")
	run(contact + "(2, 'nulls', 'both', NULL, NULL, NULL), (4711, 'of a removed user', 'both', 'X', 'Y', 0)")
	run("INSERT INTO users_settings (user_id, var, type, value) VALUES (2, 'of another type', 9, 'maybe'), (2, 'stay_connected', 0, 'not a number'), (2, 'storage', 2, '<x a=\"1\"/>'), (4711, 'photohash', 2, 'orphan'), (2, '', 1, ''), (2, 'null', 2, NULL)")
	run("INSERT INTO buddies_settings (user_id, buddy_id, var, type, value) VALUES (2, 4712, 'icon_hash', 2, 'orphan'), (4711, 3, 'icon_hash', 2, 'orphan')")

	d := open()
	checkAnn(t, d)
	ctx := t.Context()
	for _, u := range oddUsers {
		text := func(sql string) string {
			if sql == "NULL" {
				return ""
			}
			return strings.ReplaceAll(sql[1:len(sql)-1], "''", "'")
		}
		got, err := d.User(ctx, text(u.jid))
		if err != nil || got.Name != text(u.name) || got.Password != text(u.password) || got.Language != text(u.language) || got.Encoding != text(u.encoding) {
			t.Errorf("%s: %+v, %v", u.jid, got, err)
		}
	}
	bob, err := d.User(ctx, "bob@example.org")
	must(t, err)
	if want := (map[string]string{"of another type": "maybe", "stay_connected": "not a number", "storage": `<x a="1"/>`, "": "", "null": ""}); !reflect.DeepEqual(bob.Settings, want) {
		t.Errorf("bob's settings: %q", bob.Settings)
	}
	contacts, err := d.Contacts(ctx, bob.ID)
	must(t, err)
	byName := map[string]store.Contact{}
	for _, x := range contacts {
		byName[x.Name] = x
	}
	for _, sub := range []string{"to", "from", "both", "ask", "none"} {
		if x := byName["is "+sub]; x.Subscription != sub || x.Flags != -1 || len(x.Groups) != 0 {
			t.Errorf("%s: %+v", sub, x)
		}
	}
	if len(contacts) != 10 || len(byName["only newlines"].Groups) != 0 || byName["only newlines"].Flags != 32767 ||
		!slices.Equal(byName["first empty"].Groups, []string{"A", " B "}) || !slices.Equal(byName["O'x % _ #"].Groups, []string{"ÄÖ"}) || byName["nulls"].Subscription != "both" {
		t.Errorf("bob's contacts: %+v", contacts)
	}
	for _, jid := range []string{"Upper.Case@Example.ORG", "no jid@@/", "null@example.org"} { // an administrator can remove them
		u, err := d.User(ctx, jid)
		must(t, err)
		must(t, d.SetOnline(ctx, claim(t, d, jid), u.ID, false))
	}
	var file bytes.Buffer
	n, err := transfer.Export(ctx, d, &file, transfer.Options{JID: "icq.example.org", Passwords: true})
	must(t, err)
	if want := 2 + len(oddUsers); n.Users != want || n.Contacts != 2+contactsOfAnn+10 || strings.Contains(file.String(), "orphan") {
		t.Errorf("exported %+v", n)
	}
	u, err := d.User(ctx, "null@example.org")
	must(t, err)
	u.Password, u.Name = "now", "n"
	must(t, d.UpdateUser(ctx, claim(t, d, u.JID), u))
	must(t, d.DeleteUser(ctx, claim(t, d, u.JID), u.ID))
}

// oddOn is Odd on a server.
func oddOn(t *testing.T, k Kind, c Cxx) {
	s := k.Shared(t)
	o := Options{Database: s.Database(t)}
	Odd(t, c, s.SQL(t, o.Database), c.Nullable, func() store.Store { return k.migrated(t, s, o) })
}
