// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
)

// written is a write that was answered as good.
type written struct {
	token      store.Token
	begun, end time.Time
}

// ledger is what was written about each user.
type ledger struct {
	mu    sync.Mutex
	users map[string][]written
}

func (l *ledger) add(jid string, w written) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users[jid] = append(l.users[jid], w)
}

// stress: nodes claim, ask, give back, write and are cut off, all at random.
// A write with a token is never begun after one with a later token was good.
func stress(t *testing.T, k Kind, s *dbtest.Server) {
	const nodes, users, steps = 3, 8, 150
	o := Options{Database: s.Database(t), Lease: 3 * time.Second, Timeout: 2 * time.Second, Member: true}
	l := &ledger{users: map[string][]written{}}
	var all []*member
	var cables []*cable
	for i := range nodes {
		o.Node = fmt.Sprint("node", i)
		m, c := onCable(t, k, s, o)
		all, cables = append(all, m), append(cables, c)
	}
	ids := map[string]int64{}
	for i := range users {
		u := addUser(t, all[0], fmt.Sprintf("u%d@example.org", i))
		ids[u.JID] = u.ID
	}
	var group sync.WaitGroup
	for i, m := range all {
		for worker := range 3 {
			group.Go(func() {
				r := rand.New(rand.NewPCG(uint64(i), uint64(worker)))
				for range steps {
					m.randomStep(r, l, fmt.Sprintf("u%d@example.org", r.IntN(users)), ids)
				}
			})
		}
	}
	stop := make(chan struct{})
	var cutting sync.WaitGroup
	cutting.Go(func() {
		for i := 0; ; i++ {
			c := cables[i%nodes]
			c.pull()
			pause(stop, o.Lease/2+rand.N(o.Lease))
			c.push()
			if pause(stop, o.Lease/2) {
				return
			}
		}
	})
	group.Wait()
	close(stop)
	cutting.Wait()
	l.check(t)
}

// pause reports whether it was cut short.
func pause(stop chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-stop:
		return true
	case <-timer.C:
		return false
	}
}

func (m *member) randomStep(r *rand.Rand, l *ledger, jid string, ids map[string]int64) {
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Second)
	defer cancel()
	m.mu.Lock()
	token, has := m.tokens[jid]
	m.mu.Unlock()
	var err error
	switch n := r.IntN(10); {
	case has && n < 7:
		begun := time.Now()
		if err = m.SetSetting(ctx, token, ids[jid], "s", store.SettingString, fmt.Sprint(token)); err == nil {
			l.add(jid, written{token, begun, time.Now()})
		}
	case has && n < 8:
		m.mu.Lock()
		delete(m.tokens, jid)
		m.mu.Unlock()
		err = m.Unclaim(ctx, jid, token)
	case n < 5:
		_, err = m.take(ctx, jid)
	default:
		_, err = m.own(jid)
	}
	for _, fine := range []error{nil, store.ErrFenced, store.ErrUnavailable, store.ErrKept, context.DeadlineExceeded} {
		if errors.Is(err, fine) {
			return
		}
	}
	m.t.Error(err)
}

func (l *ledger) check(t *testing.T) {
	t.Helper()
	total, tokens := 0, 0
	for jid, all := range l.users {
		slices.SortFunc(all, func(a, b written) int { return a.begun.Compare(b.begun) })
		var last store.Token
		for i, w := range all {
			total++
			if w.token != last {
				tokens++
			}
			last = w.token
			for _, before := range all[:i] {
				if before.token > w.token && before.end.Before(w.begun) {
					t.Errorf("%s: token %d wrote after token %d had written", jid, w.token, before.token)
				}
			}
		}
	}
	if total < 50 || tokens < 20 {
		t.Errorf("%d writes with %d tokens are no test", total, tokens)
	}
	t.Logf("%d writes of %d owners", total, tokens)
}
