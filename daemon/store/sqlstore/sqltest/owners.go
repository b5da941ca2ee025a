// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

// two are stores of two nodes on one database.
func two(t *testing.T, k Kind, lease time.Duration) (one, other store.Store, u *store.User) {
	t.Helper()
	s := k.Shared(t)
	name := s.Database(t)
	one = k.migrated(t, s, Options{Database: name, Node: "one", Lease: lease})
	other = k.migrated(t, s, Options{Database: name, Node: "other", Lease: lease})
	return one, other, addUser(t, one, "a@example.org")
}

func oneNode(t *testing.T, k Kind) {
	one, other, u := two(t, k, 0)
	first := claim(t, one, u.JID)
	if _, err := other.Claim(t.Context(), u.JID); !errors.Is(err, store.ErrFenced) || !strings.Contains(err.Error(), "node one") {
		t.Errorf("claimed by another node: %v", err)
	}
	again := claim(t, one, u.JID) // a new process of the same node
	if again == first || again == 0 {
		t.Errorf("tokens %d and %d", first, again)
	}
	if err := one.SetOnline(t.Context(), first, u.ID, true); !errors.Is(err, store.ErrFenced) {
		t.Errorf("with the old token: %v", err)
	}
	must(t, one.Unclaim(t.Context(), u.JID, first))
	must(t, one.SetOnline(t.Context(), again, u.ID, true))
	must(t, one.Unclaim(t.Context(), u.JID, again))
	if err := one.SetOnline(t.Context(), again, u.ID, true); !errors.Is(err, store.ErrFenced) {
		t.Errorf("after giving him free: %v", err)
	}
	must(t, other.SetOnline(t.Context(), claim(t, other, u.JID), u.ID, true))
	claim(t, one, "not@registered.example")
}

// soon tries until f says yes.
func soon(t *testing.T, f func() bool) time.Duration {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	begin := time.Now()
	for time.Since(begin) < 20*time.Second {
		if f() {
			return time.Since(begin)
		}
		<-tick.C
	}
	t.Fatal("it does not happen")
	return 0
}

func leaseEnds(t *testing.T, k Kind) {
	s := k.Shared(t)
	name := s.Database(t)
	one := k.migrated(t, s, Options{Database: name, Node: "one"})
	u := addUser(t, one, "a@example.org")
	token := claim(t, one, u.JID)
	other := k.open(t, s, Options{Database: name, Node: "other"})
	if _, err := other.Claim(t.Context(), u.JID); !errors.Is(err, store.ErrFenced) {
		t.Fatalf("claimed by another node: %v", err)
	}
	// As if node one had not been heard of for longer than its lease.
	if _, err := s.SQL(t, name).Exec("UPDATE spectrum2_nodes SET lease = lease - 16000000 WHERE node = 'one'"); err != nil {
		t.Fatal(err)
	}
	claim(t, other, u.JID)
	if err := one.SetOnline(t.Context(), token, u.ID, true); !errors.Is(err, store.ErrFenced) {
		t.Errorf("a write of the node that was away: %v", err)
	}
	if _, err := one.Claim(t.Context(), u.JID); !errors.Is(err, store.ErrFenced) || !strings.Contains(err.Error(), "node other") {
		t.Errorf("claimed back: %v", err)
	}
}

func leaseRenewed(t *testing.T, k Kind) {
	const lease = 600 * time.Millisecond
	one, other, u := two(t, k, lease)
	token := claim(t, one, u.JID)
	end := time.Now().Add(3 * lease)
	soon(t, func() bool {
		if _, err := other.Claim(t.Context(), u.JID); !errors.Is(err, store.ErrFenced) {
			t.Fatalf("claimed by another node: %v", err)
		}
		return time.Now().After(end)
	})
	must(t, one.SetOnline(t.Context(), token, u.ID, true))
}

func closingFrees(t *testing.T, k Kind) {
	one, other, u := two(t, k, time.Hour)
	claim(t, one, u.JID)
	must(t, one.Close())
	claim(t, other, u.JID)
}

func fenced(t *testing.T, k Kind) {
	one, _, u := two(t, k, 0)
	ctx := t.Context()
	old := claim(t, one, u.JID)
	w := &store.Waiting{UserID: u.ID, Key: "kept", Stanza: []byte("x")}
	_, err := one.Enqueue(ctx, old, w, 0)
	must(t, err)
	must(t, one.PutContact(ctx, old, &store.Contact{UserID: u.ID, Name: "c", Subscription: "both"}))
	must(t, one.PutRoom(ctx, old, store.Room{UserID: u.ID, Name: "r"}))
	claim(t, one, u.JID)
	_, enqueue := one.Enqueue(ctx, old, &store.Waiting{UserID: u.ID, Key: "k", Stanza: []byte("x")}, 0)
	for what, err := range map[string]error{
		"UpdateUser":     one.UpdateUser(ctx, old, u),
		"DeleteUser":     one.DeleteUser(ctx, old, u.ID),
		"SetOnline":      one.SetOnline(ctx, old, u.ID, true),
		"SetSetting":     one.SetSetting(ctx, old, u.ID, "s", store.SettingString, "v"),
		"PutContact":     one.PutContact(ctx, old, &store.Contact{UserID: u.ID, Name: "x", Subscription: "both"}),
		"DeleteContact":  one.DeleteContact(ctx, old, u.ID, "c"),
		"Enqueue":        enqueue,
		"Delivered":      one.Delivered(ctx, old, u.ID, []int64{w.ID}),
		"PutRoom":        one.PutRoom(ctx, old, store.Room{UserID: u.ID, Name: "x"}),
		"DeleteRoom":     one.DeleteRoom(ctx, old, u.ID, "r"),
		"AddArchived":    one.AddArchived(ctx, old, u.ID, []store.Archived{{Seq: 1, Peer: "p", ID: "i"}}),
		"ChangePersonal": one.ChangePersonal(ctx, old, u.ID, []store.Change{{Put: &store.Item{Kind: "k"}}}),
	} {
		if !errors.Is(err, store.ErrFenced) {
			t.Errorf("%s: %v, want ErrFenced", what, err)
		}
	}
	c, err := one.Contacts(ctx, u.ID)
	must(t, err)
	q, err := one.Waiting(ctx, u.ID, 10)
	must(t, err)
	r, err := one.Rooms(ctx, u.ID)
	must(t, err)
	got, err := one.User(ctx, u.JID)
	must(t, err)
	if len(c) != 1 || len(q) != 1 || len(r) != 1 || got.Online || len(got.Settings) != 0 {
		t.Errorf("%d contacts, %d messages, %d rooms, %+v", len(c), len(q), len(r), got)
	}
}

func claimsRace(t *testing.T, k Kind) {
	s := k.Shared(t)
	name := s.Database(t)
	const nodes = 6
	var stores [nodes]store.Store
	for i := range stores {
		stores[i] = k.migrated(t, s, Options{Database: name, Node: fmt.Sprint("node", i)})
	}
	for round := range 10 {
		var group sync.WaitGroup
		var won [nodes]bool
		for i, d := range stores {
			group.Go(func() {
				_, err := d.Claim(t.Context(), fmt.Sprintf("u%d@example.org", round))
				if won[i] = err == nil; err != nil && !errors.Is(err, store.ErrFenced) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		n := 0
		for _, w := range won {
			if w {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d of %d nodes have the user", n, nodes)
		}
	}
}

// fencedUnderLoad: what an owner has kept is there before the next owner's
// claim returns, and nothing of his comes later.
func fencedUnderLoad(t *testing.T, k Kind) {
	one, _, u := two(t, k, 0)
	for range 10 {
		token := claim(t, one, u.JID)
		var group sync.WaitGroup
		var mu sync.Mutex
		kept, begun := 0, make(chan struct{}, 1000)
		ctx, cancel := context.WithCancel(t.Context())
		for i := range 4 {
			group.Go(func() {
				for n := 0; ; n++ {
					isNew, err := one.Enqueue(ctx, token, &store.Waiting{UserID: u.ID, Key: fmt.Sprint(token, i, n), Stanza: []byte("x")}, 0)
					if err != nil {
						if !errors.Is(err, store.ErrFenced) {
							t.Error(err)
						}
						return
					}
					mu.Lock()
					if isNew {
						kept++
					}
					mu.Unlock()
					select {
					case begun <- struct{}{}:
					default:
					}
				}
			})
		}
		<-begun
		next := claim(t, one, u.JID)
		w, err := one.Waiting(t.Context(), u.ID, 100000)
		must(t, err)
		group.Wait()
		cancel()
		if len(w) != kept {
			t.Errorf("%d messages when the next owner had him, %d were kept", len(w), kept)
		}
		var ids []int64
		for _, m := range w {
			ids = append(ids, m.ID)
		}
		must(t, one.Delivered(t.Context(), next, u.ID, ids))
	}
}
