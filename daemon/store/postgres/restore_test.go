// SPDX-License-Identifier: GPL-2.0-or-later

package postgres_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/store/postgres"
	"spectrum.im/spectrum2/daemon/store/sqlstore/sqltest"
)

func TestRestore(t *testing.T) { sqltest.Restore(t, kind, cxx) }

// TestRestoreOfBytesInOtherForms: an administrator may have the driver and the
// server send bytes in another way.
func TestRestoreOfBytesInOtherForms(t *testing.T) {
	s := kind.Shared(t)
	name := s.Database(t)
	if _, err := s.SQL(t, name).Exec("ALTER DATABASE " + name + " SET bytea_output = 'escape'"); err != nil {
		t.Fatal(err)
	}
	d, err := postgres.Open(t.Context(), postgres.Options{ConnectionString: config.NewSecret(fmt.Sprintf(
		`host='%s' port=%d user=%s password='Canary \'Password\' \\ 0815' dbname=%s sslmode=disable binary_parameters=yes`, s.Socket(), s.Port(), dbtest.User, name))})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	ctx := t.Context()
	if _, err := d.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	u := &store.User{JID: "ann@example.org", VIP: true}
	every := []byte("\x00\xff\\x41\r\n")
	if err := d.CreateUser(ctx, u); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Enqueue(ctx, 0, &store.Waiting{UserID: u.ID, Key: "k", Stanza: every}, 0); err != nil {
		t.Fatal(err)
	}
	if err := d.AddArchived(ctx, 0, u.ID, []store.Archived{{Seq: 1, Peer: "p", ID: "i", Stanza: []byte{}}}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "backup")
	if err := d.Backup(ctx, path); err != nil {
		t.Fatal(err)
	}
	if err := d.DeleteUser(ctx, 0, u.ID); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := d.(store.Restorer).Restore(ctx, f, path+".kept"); err != nil {
		t.Fatal(err)
	}
	if got, err := d.User(ctx, u.JID); err != nil || got.ID != u.ID || !got.VIP {
		t.Errorf("got %+v, %v", got, err)
	}
	if w, err := d.Waiting(ctx, u.ID, 10); err != nil || len(w) != 1 || !bytes.Equal(w[0].Stanza, every) {
		t.Errorf("got %+v, %v", w, err)
	}
}
