// SPDX-License-Identifier: GPL-2.0-or-later

package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

func enqueue(t *testing.T, s store.Store, userID int64, key string) *store.Waiting {
	t.Helper()
	w := &store.Waiting{UserID: userID, Key: key, Stanza: []byte("<message id='" + key + "'/>"), At: time.UnixMilli(1700000000123).UTC()}
	if isNew, err := s.Enqueue(t.Context(), 0, w, 1000); err != nil || !isNew {
		t.Fatalf("%s: %v, %v", key, isNew, err)
	}
	return w
}

func keys(t *testing.T, s store.Store, userID int64, limit int) []string {
	t.Helper()
	ws, err := s.Waiting(t.Context(), userID, limit)
	must(t, err)
	var keys []string
	for _, w := range ws {
		keys = append(keys, w.Key)
	}
	return keys
}

func waiting(t *testing.T, open Opener) {
	s := migrated(t, open)
	u := addUser(t, s, "a@example.org")
	var want []string
	for i := range 20 {
		key := fmt.Sprintf("z%d", 20-i) // the order is not the keys'
		enqueue(t, s, u.ID, key)
		want = append(want, key)
	}
	if got := keys(t, s, u.ID, 100); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := keys(t, s, u.ID, 3); !slices.Equal(got, want[:3]) {
		t.Errorf("at most 3: got %v, want %v", got, want[:3])
	}
	ws, err := s.Waiting(t.Context(), u.ID, 1)
	must(t, err)
	if w := ws[0]; string(w.Stanza) != "<message id='z20'/>" || !w.At.Equal(time.UnixMilli(1700000000123)) || w.UserID != u.ID {
		t.Errorf("got %+v", w)
	}
	must(t, s.Delivered(t.Context(), 0, u.ID, []int64{ws[0].ID}))
	must(t, s.Delivered(t.Context(), 0, u.ID, []int64{ws[0].ID}))
	must(t, s.Delivered(t.Context(), 0, u.ID, nil))
	if got := keys(t, s, u.ID, 100); !slices.Equal(got, want[1:]) {
		t.Errorf("after the first: got %v, want %v", got, want[1:])
	}
}

func waitingOnce(t *testing.T, open Opener) {
	s := migrated(t, open)
	u, other := addUser(t, s, "a@example.org"), addUser(t, s, "b@example.org")
	enqueue(t, s, u.ID, "k")
	enqueue(t, s, other.ID, "k")
	again := &store.Waiting{UserID: u.ID, Key: "k", Stanza: []byte("other")}
	if isNew, err := s.Enqueue(t.Context(), 0, again, 1); err != nil || isNew {
		t.Errorf("second time: new %v, %v", isNew, err)
	}
	if got := keys(t, s, u.ID, 100); !slices.Equal(got, []string{"k"}) {
		t.Errorf("got %v", got)
	}
}

func waitingFull(t *testing.T, open Opener) {
	s := migrated(t, open)
	u, other := addUser(t, s, "a@example.org"), addUser(t, s, "b@example.org")
	for i := range 3 {
		w := &store.Waiting{UserID: u.ID, Key: fmt.Sprint(i), Stanza: []byte("x")}
		_, err := s.Enqueue(t.Context(), 0, w, 3)
		must(t, err)
	}
	isNew, err := s.Enqueue(t.Context(), 0, &store.Waiting{UserID: u.ID, Key: "4", Stanza: []byte("x")}, 3)
	if !errors.Is(err, store.ErrFull) || isNew {
		t.Errorf("fourth of three: new %v, %v, want ErrFull", isNew, err)
	}
	if _, err := s.Enqueue(t.Context(), 0, &store.Waiting{UserID: other.ID, Key: "4", Stanza: []byte("x")}, 3); err != nil {
		t.Errorf("another user's queue: %v", err)
	}
	if got := keys(t, s, u.ID, 100); !slices.Equal(got, []string{"0", "1", "2"}) {
		t.Errorf("got %v", got)
	}
}

func deliveredOwn(t *testing.T, open Opener) {
	s := migrated(t, open)
	u, other := addUser(t, s, "a@example.org"), addUser(t, s, "b@example.org")
	mine, others := enqueue(t, s, u.ID, "k"), enqueue(t, s, other.ID, "k")
	must(t, s.Delivered(t.Context(), 0, u.ID, []int64{mine.ID, others.ID}))
	if got := keys(t, s, u.ID, 100); len(got) != 0 {
		t.Errorf("still waiting: %v", got)
	}
	if got := keys(t, s, other.ID, 100); !slices.Equal(got, []string{"k"}) {
		t.Errorf("the other user's: %v", got)
	}
}
