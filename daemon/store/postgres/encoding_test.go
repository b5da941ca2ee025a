// SPDX-License-Identifier: GPL-2.0-or-later

package postgres_test

import (
	"fmt"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/store/postgres"
)

// TestOldEncodings: the C++ version sent its bytes to a database of any
// encoding, as they were, and finds them so.
func TestOldEncodings(t *testing.T) {
	s := kind.Shared(t)
	for _, encoding := range []string{"SQL_ASCII", "LATIN1"} {
		t.Run(encoding, func(t *testing.T) {
			name := s.Database(t)
			admin := s.SQL(t, "")
			for _, query := range []string{"DROP DATABASE " + name, fmt.Sprintf("CREATE DATABASE %s OWNER %s ENCODING '%s' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0", name, dbtest.User, encoding)} {
				if _, err := admin.Exec(query); err != nil {
					t.Fatal(err)
				}
			}
			old := s.SQL(t, name)
			old.SetMaxOpenConns(1)
			for _, query := range []string{"SET client_encoding = '" + encoding + "'", fmt.Sprintf(cxxTables, ""),
				"INSERT INTO users (jid, uin, password, language) VALUES ('žluť@example.org', 'ž', 'heslo ž', 'cs')",
				"INSERT INTO buddies (user_id, uin, subscription, groups, nickname) VALUES (1, 'c', 'both', 'Přátelé', 'Zoë 漢')"} {
				if _, err := old.Exec(query); err != nil {
					t.Fatalf("%s: %v", query, err)
				}
			}
			for _, key := range []string{"", "k"} {
				d := open(t, s, postgres.Options{Database: name, Key: config.NewSecret(key)})
				if _, err := d.Migrate(t.Context()); err != nil {
					t.Fatal(err)
				}
				u, err := d.User(t.Context(), "žluť@example.org")
				if err != nil || u.Name != "ž" || u.Password != "heslo ž" {
					t.Fatalf("%+v, %v", u, err)
				}
				c, err := d.Contacts(t.Context(), u.ID)
				if err != nil || len(c) == 0 || c[0].Nickname != "Zoë 漢" || c[0].Groups[0] != "Přátelé" {
					t.Errorf("%+v, %v", c, err)
				}
				if err := d.PutContact(t.Context(), 0, &store.Contact{UserID: u.ID, Name: "nový", Subscription: "both", Nickname: "Ď"}); err != nil {
					t.Error(err)
				}
				d.Close()
			}
			var nickname string
			if err := old.QueryRow("SELECT nickname FROM buddies WHERE uin = 'nový'").Scan(&nickname); err != nil || nickname != "Ď" {
				t.Errorf("the C++ version finds %q, %v", nickname, err)
			}
		})
	}
}
