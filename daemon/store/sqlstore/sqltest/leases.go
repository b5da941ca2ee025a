// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
)

// onCable is a member whose cable the test holds in its hand.
func onCable(t *testing.T, k Kind, s *dbtest.Server, o Options) (*member, *cable) {
	t.Helper()
	c := newCable(t, s)
	o.Port = c.port()
	m := k.member(t, s, o)
	t.Cleanup(func() { _ = m.Shared.Close(); m.answers.Wait() })
	return m, c
}

// lostFirst: whoever takes a user of a node that was cut off does so after
// that node was told to log him out.
func lostFirst(t *testing.T, k Kind, s *dbtest.Server) {
	o := Options{Database: s.Database(t), Lease: 3 * time.Second, Member: true, Node: "a"}
	a, c := onCable(t, k, s, o)
	u := addUser(t, a, "u@example.org")
	token := a.mustTake(u.JID)
	o.Node = "b"
	b := k.member(t, s, o)
	soon(t, func() bool { return len(b.sees()) == 1 })
	c.pull()
	var logged atomic.Int64 // what a had been told when b got the user
	_, err := b.take(t.Context(), u.JID)
	logged.Store(a.lost.Load())
	must(t, err)
	if logged.Load() != 1 {
		t.Errorf("when the other had the user, his owner had lost his lease %d times", logged.Load())
	}
	if _, err := a.Claim(t.Context(), "another@example.org"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("claimed without a lease: %v", err)
	}
	c.push()
	a.awaits("regained")
	if err := a.SetOnline(t.Context(), token, u.ID, true); !errors.Is(err, store.ErrFenced) {
		t.Errorf("a write of the owner before: %v", err)
	}
	if b.lost.Load() != 0 {
		t.Error("the other lost its lease too")
	}
}

// backAgain: a node that was cut off has none of its users, and is a node as
// before.
func backAgain(t *testing.T, k Kind, s *dbtest.Server) {
	o := Options{Database: s.Database(t), Lease: 2 * time.Second, Member: true, Node: "a"}
	a, c := onCable(t, k, s, o)
	u := addUser(t, a, "u@example.org")
	for round := range 2 {
		token := a.mustTake(u.JID)
		c.pull()
		a.awaits("lost")
		c.push()
		a.awaits("regained")
		if err := a.SetOnline(t.Context(), token, u.ID, true); !errors.Is(err, store.ErrFenced) {
			t.Errorf("with the token from before: %v", err)
		}
		if got, err := a.Orphans(t.Context(), "", 10); err != nil || len(got) != round {
			t.Errorf("without a node: %v, %v", got, err)
		}
		must(t, a.SetOnline(t.Context(), a.mustTake(u.JID), u.ID, true))
	}
	if a.lost.Load() != 2 || a.regained.Load() != 2 {
		t.Errorf("lost %d times, back %d times", a.lost.Load(), a.regained.Load())
	}
	o.Node = "b"
	b := k.member(t, s, o)
	b.mustTake(u.JID)
}

// takenUnderLoad: a node goes on writing, as one does that was stopped for a
// while. The next owner sees everything that it has kept, and nothing later.
func takenUnderLoad(t *testing.T, k Kind, s *dbtest.Server) {
	all := members(t, k, s, time.Hour, "a", "b")
	u := addUser(t, all[0], "u@example.org")
	token := all[0].mustTake(u.JID)
	var kept atomic.Int64
	var group sync.WaitGroup
	begun := make(chan struct{}, 1)
	for i := range 4 {
		group.Go(func() {
			for n := 0; ; n++ {
				_, err := all[0].Enqueue(t.Context(), token, &store.Waiting{UserID: u.ID, Key: fmt.Sprint(i, n), Stanza: []byte("x")}, 0)
				if err != nil {
					if !errors.Is(err, store.ErrFenced) {
						t.Error(err)
					}
					return
				}
				kept.Add(1)
				select {
				case begun <- struct{}{}:
				default:
				}
			}
		})
	}
	<-begun
	<-begun
	database(t, s, all[0], "UPDATE spectrum2_nodes SET lease = 0 WHERE node = 'a'")
	next, err := all[1].own(u.JID)
	must(t, err)
	w, err := all[1].Waiting(t.Context(), u.ID, 1<<20)
	must(t, err)
	group.Wait()
	if int64(len(w)) != kept.Load() {
		t.Errorf("%d messages when the next owner had him, %d were kept", len(w), kept.Load())
	}
	must(t, all[1].SetOnline(t.Context(), next, u.ID, true))
}

// busyPool: every connection for users waits for a lock of another program,
// for longer than the lease.
func busyPool(t *testing.T, k Kind, s *dbtest.Server) {
	o := Options{Database: s.Database(t), Lease: 6 * time.Second, Timeout: time.Minute, Member: true, Node: "a"}
	a := k.member(t, s, o)
	u := addUser(t, a, "u@example.org")
	o.Node = "b"
	b := k.member(t, s, o)
	a.mustTake(u.JID)
	tx, err := s.SQL(t, o.Database).Begin()
	must(t, err)
	var id int64
	must(t, tx.QueryRow("SELECT id FROM users FOR UPDATE").Scan(&id))
	var group sync.WaitGroup
	for range 30 {
		group.Go(func() {
			if err := a.SetOnline(t.Context(), 0, u.ID, true); err != nil {
				t.Error(err)
			}
		})
	}
	end := time.Now().Add(o.Lease * 3 / 2)
	soon(t, func() bool {
		if _, err := b.Claim(t.Context(), u.JID); !errors.Is(err, store.ErrFenced) {
			t.Errorf("claimed by another node: %v", err)
			return true
		}
		return time.Now().After(end)
	})
	must(t, tx.Rollback())
	group.Wait()
	if a.lost.Load() != 0 {
		t.Error("the lease was lost")
	}
}

// slowQueries: each takes a fifth of the lease.
func slowQueries(t *testing.T, k Kind, s *dbtest.Server) {
	o := Options{Database: s.Database(t), Lease: 10 * time.Second, Member: true, Node: "a"}
	a, c := onCable(t, k, s, o)
	a.mustTake("u@example.org")
	o.Node = "b"
	b := k.member(t, s, o)
	c.lengthen(2 * time.Second)
	end := time.Now().Add(o.Lease * 3 / 2)
	soon(t, func() bool {
		if _, err := b.Claim(t.Context(), "u@example.org"); !errors.Is(err, store.ErrFenced) {
			t.Errorf("claimed by another node: %v", err)
			return true
		}
		return time.Now().After(end)
	})
	c.lengthen(0)
	b.mustTake("u@example.org")
	if a.lost.Load() != 0 {
		t.Error("the lease was lost")
	}
}

func aloneGoesOn(t *testing.T, k Kind, s *dbtest.Server) {
	const lease = time.Second
	o := Options{Database: s.Database(t), Lease: lease, Node: "a"}
	a, c := onCable(t, k, s, o)
	u := addUser(t, a, "u@example.org")
	token := a.mustTake(u.JID)
	c.pull()
	soon(t, func() bool {
		nodes, err := k.open(t, s, o).(store.Shared).Nodes(t.Context())
		return err == nil && nodes[0].Left < -lease
	})
	c.push()
	soon(t, func() bool { return a.SetOnline(t.Context(), token, u.ID, true) == nil })
	soon(t, func() bool { _, err := a.own("v@example.org"); return err == nil })
	must(t, a.SetOnline(t.Context(), token, u.ID, true))
	if a.lost.Load() != 0 {
		t.Error("it has logged its users out")
	}
}

// aloneGivesWay: while the database was away for one, another began.
func aloneGivesWay(t *testing.T, k Kind, s *dbtest.Server) {
	o := Options{Database: s.Database(t), Lease: time.Second, Node: "a"}
	a, c := onCable(t, k, s, o)
	u := addUser(t, a, "u@example.org")
	token := a.mustTake(u.JID)
	c.pull()
	o.Node = "b"
	b := k.member(t, s, o)
	b.mustTake(u.JID)
	c.push()
	a.awaits("lost")
	if err := a.SetOnline(t.Context(), token, u.ID, true); !errors.Is(err, store.ErrFenced) {
		t.Errorf("a write of the owner before: %v", err)
	}
	must(t, b.Shared.Close())
	a.awaits("regained")
	a.mustTake(u.JID)
}

func sameName(t *testing.T, k Kind, s *dbtest.Server) {
	o := Options{Database: s.Database(t), Lease: time.Second, Node: "a", Machine: "one", Member: true}
	a := k.member(t, s, o)
	o.Machine = "two"
	other := k.stranger(t, s, o)
	err := other.join(t.Context())
	if !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), "database.node") || !strings.Contains(err.Error(), "node a") {
		t.Errorf("got %v", err)
	}
	if _, err := other.Claim(t.Context(), "u@example.org"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("claimed without having joined: %v", err)
	}
	joins := make(chan error, 1)
	go func() { joins <- other.join(t.Context()) }()
	must(t, a.Shared.Close())
	must(t, <-joins)
	other.mustTake("u@example.org")
}

// startsAgain: the process before has ended without a word, or so it seems.
func startsAgain(t *testing.T, k Kind, s *dbtest.Server) {
	o := Options{Database: s.Database(t), Lease: 3 * time.Second, Node: "a", Machine: "one", Member: true}
	a := k.member(t, s, o)
	u := addUser(t, a, "u@example.org")
	must(t, a.SetOnline(t.Context(), 0, u.ID, true))
	token := a.mustTake(u.JID)
	again := k.member(t, s, o)
	if got, err := again.Orphans(t.Context(), "", 10); err != nil || len(got) != 1 {
		t.Errorf("whom the process before had: %v, %v", got, err)
	}
	if err := a.SetOnline(t.Context(), token, u.ID, true); !errors.Is(err, store.ErrFenced) {
		t.Errorf("a write of the process before: %v", err)
	}
	again.mustTake(u.JID)
	a.awaits("lost")
	if _, err := a.Claim(t.Context(), u.JID); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("the process before claims: %v", err)
	}
	must(t, a.Shared.Close()) // and takes nothing with it
	if nodes, err := again.Nodes(t.Context()); err != nil || len(nodes) != 1 || nodes[0].Users != 1 || nodes[0].Left <= 0 {
		t.Errorf("%+v, %v", nodes, err)
	}
}

func onlyMembers(t *testing.T, k Kind, s *dbtest.Server) {
	for _, is := range [][2]bool{{false, false}, {false, true}, {true, false}} {
		o := Options{Database: s.Database(t), Lease: time.Second, Node: "a", Member: is[0]}
		a := k.member(t, s, o)
		o.Node, o.Member = "b", is[1]
		b := k.stranger(t, s, o)
		err := b.join(t.Context())
		if !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), "node a") || !strings.Contains(err.Error(), "database.cluster") {
			t.Errorf("%v: %v", is, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.join(ctx); err == nil {
			t.Errorf("%v: joined", is)
		}
		must(t, a.Shared.Close())
		must(t, b.join(t.Context()))
	}
}

// earlierVersion: its row says nothing of a machine, and it renews it in its
// own way.
func earlierVersion(t *testing.T, k Kind, s *dbtest.Server) {
	o := Options{Database: s.Database(t), Lease: time.Second, Node: "b", Member: true}
	b := k.stranger(t, s, o)
	database(t, s, b, "INSERT INTO spectrum2_nodes (node, lease) VALUES ('old', 9000000000000000)")
	database(t, s, b, "INSERT INTO spectrum2_owners (jid, node, token) VALUES ('u@example.org', 'old', 7)")
	if err := b.join(t.Context()); !errors.Is(err, store.ErrInUse) {
		t.Errorf("got %v", err)
	}
	database(t, s, b, "UPDATE spectrum2_nodes SET lease = 0")
	must(t, b.join(t.Context()))
	if token := b.mustTake("u@example.org"); token <= 7 {
		t.Errorf("token %d", token)
	}
}
