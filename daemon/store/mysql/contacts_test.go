// SPDX-License-Identifier: GPL-2.0-or-later

package mysql_test

import (
	"testing"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/store/mysql"
)

// TestNamesThatAreOneForTheServer: tables of the C++ version may compare names
// without their case; contacts that are put together become what they would one
// by one.
func TestNamesThatAreOneForTheServer(t *testing.T) {
	s := dbtest.MariaDB(t)
	name := s.Database(t)
	d := open(t, s, mysql.Options{Database: name})
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SQL(t, name).Exec("ALTER TABLE buddies CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"); err != nil {
		t.Fatal(err)
	}
	u := &store.User{JID: "a@example.org"}
	if err := d.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	all := []store.Contact{{Name: "Bob", Nickname: "first"}, {Name: "Zoe"}, {Name: "bob", Nickname: "last"}}
	if err := d.PutContacts(t.Context(), 0, u.ID, all); err != nil {
		t.Fatal(err)
	}
	if all[0].ID == 0 || all[0].ID != all[2].ID || all[1].ID == all[0].ID {
		t.Errorf("numbers %d, %d and %d", all[0].ID, all[1].ID, all[2].ID)
	}
	got, err := d.Contacts(t.Context(), u.ID)
	if err != nil || len(got) != 2 || got[0].Name != "Bob" || got[0].Nickname != "last" {
		t.Errorf("%+v, %v", got, err)
	}
}
