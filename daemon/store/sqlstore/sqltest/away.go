// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
)

func migrateTogether(t *testing.T, k Kind) {
	s := k.Shared(t)
	name := s.Database(t)
	var group sync.WaitGroup
	for i := range 5 {
		group.Go(func() {
			d, err := k.Open(t.Context(), s, Options{Database: name, Key: config.NewSecret("k")})
			if err != nil {
				t.Error(err)
				return
			}
			defer d.Close()
			if _, err := d.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
			if err := d.CreateUser(t.Context(), &store.User{JID: fmt.Sprintf("u%d@example.org", i), Password: "p"}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	d := k.migrated(t, s, Options{Database: name, Key: config.NewSecret("k")})
	if all, err := d.ListUsers(t.Context(), "", 100); err != nil || len(all) != 5 {
		t.Errorf("%v, %v", all, err)
	}
	if u, err := d.User(t.Context(), "u0@example.org"); err != nil || u.Password != "p" {
		t.Errorf("%+v, %v", u, err)
	}
}

func sealed(t *testing.T, k Kind) {
	const canary = "CanaryPassword4711"
	s := k.Shared(t)
	o := Options{Database: s.Database(t), Key: config.NewSecret("the key")}
	d := k.migrated(t, s, o)
	u := &store.User{JID: "a@example.org", Password: canary}
	must(t, d.CreateUser(t.Context(), u))
	must(t, d.PutRoom(t.Context(), 0, store.Room{UserID: u.ID, Name: "#r", Password: canary}))
	u.Password = canary + "new"
	must(t, d.UpdateUser(t.Context(), 0, u))
	path := filepath.Join(t.TempDir(), "copy")
	must(t, d.Backup(t.Context(), path))
	copied, err := os.ReadFile(path)
	must(t, err)
	if bytes.Contains(copied, []byte(canary)) || bytes.Contains(copied, []byte("Q2FuYXJ5")) || !bytes.Contains(copied, []byte("#r")) {
		t.Errorf("the copy is\n%s", copied)
	}
	if got, err := d.User(t.Context(), u.JID); err != nil || got.Password != canary+"new" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, key := range []string{"", "another key"} {
		o.Key = config.NewSecret(key)
		_, err := k.open(t, s, o).Migrate(t.Context())
		if err == nil || !strings.Contains(err.Error(), "database.encryption_key") || strings.Contains(err.Error(), "the key ") {
			t.Errorf("with key %q: %v", key, err)
		}
	}
}

func refused(t *testing.T, k Kind) {
	s := k.Shared(t)
	_, err := k.Open(t.Context(), s, Options{Database: "nosuch"})
	unavailable(t, err)
	_, err = k.Open(t.Context(), s, Options{Database: s.Database(t), Password: config.NewSecret("Canary wrong")})
	unavailable(t, err, "refuses")
}

func readOnly(t *testing.T, k Kind) {
	s := k.Shared(t)
	name := s.Database(t)
	d := k.migrated(t, s, Options{Database: name})
	u := addUser(t, d, "a@example.org")
	must(t, d.Close())
	k.ReadOnly(t, s, name, true)
	defer k.ReadOnly(t, s, name, false)
	d = k.open(t, s, Options{Database: name})
	unavailable(t, d.SetOnline(t.Context(), 0, u.ID, true), k.ReadOnlyWord)
	if _, err := d.User(t.Context(), u.JID); err != nil {
		t.Errorf("reading: %v", err)
	}
}

func locked(t *testing.T, k Kind) {
	s := k.Shared(t)
	name := s.Database(t)
	d := k.migrated(t, s, Options{Database: name, Timeout: 700 * time.Millisecond})
	u := addUser(t, d, "a@example.org")
	other := addUser(t, d, "b@example.org")
	tx, err := s.SQL(t, name).Begin()
	must(t, err)
	var id int64
	must(t, tx.QueryRow("SELECT id FROM users WHERE jid = 'a@example.org' FOR UPDATE").Scan(&id))
	begin := time.Now()
	unavailable(t, d.SetOnline(t.Context(), 0, u.ID, true))
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %v to say so", took)
	}
	must(t, d.SetOnline(t.Context(), 0, other.ID, true))
	if _, err := d.User(t.Context(), u.JID); err != nil {
		t.Errorf("reading while locked: %v", err)
	}
	must(t, tx.Rollback())
	must(t, d.SetOnline(t.Context(), 0, u.ID, true))
}

// cut: connections that end while nobody uses them are nobody's trouble.
func cut(t *testing.T, k Kind) {
	s := k.New(t)
	d := k.migrated(t, s, Options{Database: s.Database(t)})
	u := addUser(t, d, "a@example.org")
	for range 3 {
		var group sync.WaitGroup
		for range 30 { // so that there are several
			group.Go(func() {
				if err := d.SetSetting(t.Context(), 0, u.ID, "s", store.SettingString, "v"); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		k.Cut(t, s)
	}
	if _, err := d.User(t.Context(), u.JID); err != nil {
		t.Error(err)
	}
	must(t, d.SetOnline(t.Context(), 0, u.ID, true))
}

func frozen(t *testing.T, k Kind) {
	s := k.New(t)
	const limit = 500 * time.Millisecond
	d := k.migrated(t, s, Options{Database: s.Database(t), Timeout: limit})
	u := addUser(t, d, "a@example.org")
	release, err := s.Freeze()
	must(t, err)
	begin := time.Now()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			err := d.SetOnline(t.Context(), 0, u.ID, true)
			if !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("a write: %v", err)
			}
			if _, err := d.User(t.Context(), u.JID); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("a read: %v", err)
			}
		})
	}
	group.Wait()
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %v to say so", took)
	}
	must(t, release())
	soon(t, func() bool { return d.SetOnline(t.Context(), 0, u.ID, true) == nil })
}

func tooMany(t *testing.T, k Kind) {
	s := k.New(t, k.FewConnections)
	name := s.Database(t)
	d := k.migrated(t, s, Options{Database: name})
	u := addUser(t, d, "a@example.org")
	must(t, d.Close())
	release := takeAll(t, s, name)
	_, err := k.Open(t.Context(), s, Options{Database: name})
	unavailable(t, err, "connections")
	release()
	var back store.Store
	soon(t, func() bool { back, err = k.Open(t.Context(), s, Options{Database: name}); return err == nil })
	defer back.Close()
	if _, err := back.User(t.Context(), u.JID); err != nil {
		t.Error(err)
	}
}

// takeAll takes every connection that the server has.
func takeAll(t *testing.T, s *dbtest.Server, database string) (release func()) {
	t.Helper()
	pool := s.SQL(t, database)
	pool.SetMaxIdleConns(100)
	for {
		conn, err := pool.Conn(t.Context())
		if err != nil {
			return func() { _ = pool.Close() }
		}
		defer conn.Close() // idle, not closed
	}
}
