// SPDX-License-Identifier: GPL-2.0-or-later

package storetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"spectrum.im/spectrum2/daemon/store"
)

func reopened(t *testing.T, open Opener) {
	s := migrated(t, open)
	u := addUser(t, s, "a@example.org")
	fill(t, s, u)
	must(t, s.SetOnline(t.Context(), 0, u.ID, true))
	must(t, s.Close())

	s = migrated(t, open)
	got, err := s.User(t.Context(), u.JID)
	must(t, err)
	if got.ID != u.ID || got.Password != u.Password || !got.Online || got.Settings["stay_connected"] != "1" {
		t.Errorf("got %+v", got)
	}
	c, err := s.Contacts(t.Context(), u.ID)
	must(t, err)
	if len(c) != 1 || c[0].Settings["icon_hash"] != "abc" || len(c[0].Groups) != 2 {
		t.Errorf("contacts: %+v", c)
	}
	w, err := s.Waiting(t.Context(), u.ID, 10)
	must(t, err)
	if len(w) != 1 || string(w[0].Stanza) != "<message/>" {
		t.Errorf("messages: %+v", w)
	}
	expectRooms(t, s, u.ID, store.Room{UserID: u.ID, Name: "#room", Nickname: "me", Password: "pw"})
}

func migrateAgain(t *testing.T, open Opener) {
	s := migrated(t, open)
	addUser(t, s, "a@example.org")
	if backup, err := s.Migrate(t.Context()); err != nil || backup != "" {
		t.Errorf("second time: backup %q, %v", backup, err)
	}
	_, err := s.User(t.Context(), "a@example.org")
	must(t, err)
}

func status(t *testing.T, open Opener) {
	s := open(t)
	defer s.Close()
	st, err := s.Status(t.Context())
	must(t, err)
	if st.Version >= st.Latest || len(st.Pending) == 0 || st.Users != 0 {
		t.Errorf("before Migrate: %+v", st)
	}
	_, err = s.Migrate(t.Context())
	must(t, err)
	addUser(t, s, "a@example.org")
	st, err = s.Status(t.Context())
	must(t, err)
	if st.Version != st.Latest || len(st.Pending) != 0 || st.Users != 1 || st.Type == "" || st.Location == "" {
		t.Errorf("after it: %+v", st)
	}
}

func backup(t *testing.T, open Opener) {
	s := migrated(t, open)
	addUser(t, s, "a@example.org")
	path := filepath.Join(t.TempDir(), "copy")
	must(t, s.Backup(t.Context(), path))
	info, err := os.Stat(path)
	must(t, err)
	if info.Size() == 0 || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("size %d, mode %v", info.Size(), info.Mode())
	}
	before, err := os.ReadFile(path)
	must(t, err)
	if err := s.Backup(t.Context(), path); err == nil {
		t.Error("a file was overwritten")
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file that was there changed (%v)", err)
	}
}

func concurrent(t *testing.T, open Opener) {
	s := migrated(t, open)
	u := addUser(t, s, "a@example.org")
	const writers, each = 8, 25
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			for j := range each {
				w := &store.Waiting{UserID: u.ID, Key: fmt.Sprintf("%d-%d", i, j), Stanza: []byte("x")}
				if isNew, err := s.Enqueue(t.Context(), 0, w, 0); err != nil || !isNew {
					t.Errorf("%s: %v, %v", w.Key, isNew, err)
				}
				if _, err := s.Enqueue(t.Context(), 0, &store.Waiting{UserID: u.ID, Key: "same", Stanza: []byte("x")}, 0); err != nil {
					t.Error(err)
				}
				if err := s.PutContact(t.Context(), 0, &store.Contact{UserID: u.ID, Name: fmt.Sprint(j), Subscription: "both"}); err != nil {
					t.Error(err)
				}
				if _, err := s.User(t.Context(), u.JID); err != nil {
					t.Error(err)
				}
				// A refused write among others harms none of them.
				if err := s.SetOnline(t.Context(), 0, 999, true); !errors.Is(err, store.ErrNotFound) {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if c, w, _ := has(t, s, u.ID); c != each || w != 100 {
		t.Errorf("%d contacts, %d messages of the first 100", c, w)
	}
	if got := keys(t, s, u.ID, 1000); len(got) != writers*each+1 {
		t.Errorf("%d messages, want %d", len(got), writers*each+1)
	}
}

func cancelled(t *testing.T, open Opener) {
	s := migrated(t, open)
	u := addUser(t, s, "a@example.org")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.SetOnline(ctx, 0, u.ID, true); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	got, err := s.User(t.Context(), u.JID)
	must(t, err)
	if got.Online {
		t.Error("it was written")
	}
}

func closed(t *testing.T, open Opener) {
	s := migrated(t, open)
	u := addUser(t, s, "a@example.org")
	must(t, s.Close())
	if err := s.SetOnline(t.Context(), 0, u.ID, true); err == nil {
		t.Error("a closed store took a write")
	}
	if _, err := s.User(t.Context(), u.JID); err == nil {
		t.Error("a closed store was read")
	}
}
