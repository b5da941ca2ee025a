// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
)

func handOver(t *testing.T, k Kind, s *dbtest.Server) {
	all := members(t, k, s, 0, "a", "b")
	u := addUser(t, all[0], "u@example.org")
	before := all[0].mustTake(u.JID)
	for i := range 6 {
		now := all[(i+1)%2].mustTake(u.JID)
		if err := all[i%2].SetOnline(t.Context(), before, u.ID, true); !errors.Is(err, store.ErrFenced) {
			t.Errorf("the owner before writes: %v", err)
		}
		must(t, all[(i+1)%2].SetOnline(t.Context(), now, u.ID, true))
		if now <= before {
			t.Errorf("token %d comes after %d", now, before)
		}
		before = now
	}
}

func keeps(t *testing.T, k Kind, s *dbtest.Server) {
	all := members(t, k, s, 0, "a", "b")
	u := addUser(t, all[0], "u@example.org")
	token := all[0].mustTake(u.JID)
	all[0].willKeep(true)
	for range 3 { // each request is one, also right after the other
		if err := all[1].Request(t.Context(), u.JID); !errors.Is(err, store.ErrKept) {
			t.Errorf("got %v, want ErrKept", err)
		}
	}
	must(t, all[0].SetOnline(t.Context(), token, u.ID, true))
	all[0].willKeep(false)
	all[1].mustTake(u.JID)
	must(t, all[1].Keep(t.Context(), u.JID)) // nobody asks
}

func nobodyToAsk(t *testing.T, k Kind, s *dbtest.Server) {
	all := members(t, k, s, time.Hour, "a", "b")
	must(t, all[0].Request(t.Context(), "nobody@has.example"))
	all[0].mustTake("u@example.org")
	must(t, all[0].Request(t.Context(), "u@example.org"))
	database(t, s, all[0], "UPDATE spectrum2_nodes SET lease = 0 WHERE node = 'a'")
	must(t, all[1].Request(t.Context(), "u@example.org"))
	all[1].mustTake("u@example.org")
}

// database runs a statement of another program.
func database(t *testing.T, s *dbtest.Server, m *member, query string) {
	t.Helper()
	_, err := s.SQL(t, m.database).Exec(query)
	must(t, err)
}

func requestEnds(t *testing.T, k Kind, s *dbtest.Server) {
	name := s.Database(t)
	a := k.stranger(t, s, Options{Database: name, Node: "a", Member: true})
	must(t, a.Join(t.Context(), store.NodeEvents{})) // it answers nothing
	a.mustTake("u@example.org")
	b := k.member(t, s, Options{Database: name, Node: "b", Member: true})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := b.Request(ctx, "u@example.org"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	waits := make(chan error, 1)
	go func() { waits <- b.Request(context.Background(), "u@example.org") }()
	must(t, b.Shared.Close())
	if err := <-waits; !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("after Close: %v", err)
	}
}

func threeWant(t *testing.T, k Kind, s *dbtest.Server) {
	all := members(t, k, s, 0, "a", "b", "c")
	all[0].mustTake("u@example.org")
	var group sync.WaitGroup
	for _, m := range all {
		group.Go(func() {
			for range 5 {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				if _, err := m.take(ctx, "u@example.org"); err != nil {
					t.Errorf("%s: %v", m.name, err)
				}
				cancel()
			}
		})
	}
	group.Wait()
}

func thousand(t *testing.T, k Kind, s *dbtest.Server) {
	all := members(t, k, s, time.Minute, "a", "b")
	const users = 1000
	each := func(f func(jid string) error) {
		t.Helper()
		var group sync.WaitGroup
		for i := range users {
			group.Go(func() {
				if err := f(fmt.Sprintf("u%d@example.org", i)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	each(func(jid string) error { _, err := all[0].own(jid); return err })
	begin := time.Now()
	each(func(jid string) error { _, err := all[1].take(t.Context(), jid); return err })
	t.Logf("%d users were handed over in %v", users, time.Since(begin))
	nodes, err := all[0].Nodes(t.Context())
	must(t, err)
	if nodes[0].Users != 0 || nodes[1].Users != users {
		t.Errorf("%+v", nodes)
	}
}

// bellRings: with such a lease, nobody looks for twelve minutes by himself
// where there is a bell.
func bellRings(t *testing.T, k Kind, s *dbtest.Server) {
	all := members(t, k, s, time.Hour, "a", "b")
	for range 5 {
		all[0].mustTake("u@example.org")
		all[1].mustTake("u@example.org")
	}
}

// bellCut ends all connections, the bell's too.
func bellCut(t *testing.T, k Kind) {
	s := k.New(t)
	all := members(t, k, s, 0, "a", "b")
	for range 3 {
		all[0].mustTake("u@example.org")
		k.Cut(t, s)
		all[1].mustTake("u@example.org")
	}
	if all[0].lost.Load()+all[1].lost.Load() > 0 {
		t.Error("a lease was lost")
	}
}

// crashBetween: the server is away for a moment. Nobody loses anything.
func crashBetween(t *testing.T, k Kind) {
	s := k.New(t)
	all := members(t, k, s, time.Minute, "a", "b")
	u := addUser(t, all[0], "u@example.org")
	token := all[0].mustTake(u.JID)
	must(t, s.Crash())
	if err := all[1].Request(t.Context(), u.JID); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("while it is away: %v", err)
	}
	must(t, s.Start())
	soon(t, func() bool { return all[0].SetOnline(t.Context(), token, u.ID, true) == nil })
	soon(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := all[1].take(ctx, u.JID)
		if err != nil && !errors.Is(err, store.ErrUnavailable) {
			t.Error(err)
		}
		return err == nil
	})
	waits := make(chan error, 1)
	go func() { _, err := all[0].take(t.Context(), u.JID); waits <- err }()
	must(t, <-waits)
	if all[0].lost.Load()+all[1].lost.Load() > 0 {
		t.Error("a lease was lost")
	}
}

func closingHandsOver(t *testing.T, k Kind, s *dbtest.Server) {
	all := members(t, k, s, time.Hour, "a", "b")
	const users = 50
	for i := range users {
		_, err := all[0].own(fmt.Sprintf("u%d@example.org", i))
		must(t, err)
	}
	all[0].willKeep(true)
	must(t, all[0].Shared.Close())
	for i := range users {
		_, err := all[1].own(fmt.Sprintf("u%d@example.org", i))
		must(t, err)
	}
	if _, err := all[0].Claim(t.Context(), "late@example.org"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("claimed after Close: %v", err)
	}
}

func orphans(t *testing.T, k Kind, s *dbtest.Server) {
	all := members(t, k, s, time.Hour, "a", "b")
	ctx := t.Context()
	var want []string
	for i := range 25 {
		u := addUser(t, all[0], fmt.Sprintf("u%02d@example.org", i))
		online := i%5 != 0
		must(t, all[0].SetOnline(ctx, 0, u.ID, online))
		switch {
		case i < 6:
			_, err := all[0].own(u.JID)
			must(t, err)
		case i < 12:
			_, err := all[1].own(u.JID)
			must(t, err)
		case online:
			want = append(want, u.JID)
		}
	}
	list := func() (all2 []string) {
		for after := ""; ; {
			page, err := all[0].Orphans(ctx, after, 4)
			must(t, err)
			all2 = append(all2, page...)
			if len(page) < 4 {
				return all2
			}
			after = page[len(page)-1]
		}
	}
	if got := list(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for jid, owner := range map[string]string{"u01@example.org": "a", "u07@example.org": "b", "u20@example.org": "", "nobody@example.org": ""} {
		if got, err := all[0].Owner(ctx, jid); err != nil || got != owner {
			t.Errorf("%q owns %s, %v", got, jid, err)
		}
	}
	must(t, all[1].Shared.Close())
	want = append([]string{"u06@example.org", "u07@example.org", "u08@example.org", "u09@example.org", "u11@example.org"}, want...)
	if got := list(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	database(t, s, all[0], "UPDATE spectrum2_nodes SET lease = 0")
	if got, err := all[0].Owner(ctx, "u01@example.org"); err != nil || got != "" {
		t.Errorf("without a lease %q owns him, %v", got, err)
	}
	// Whom a dead node had is an orphan whether or not it had marked him online.
	if got := list(); len(got) != len(want)+6 {
		t.Errorf("without any lease: %v", got)
	}
}
