// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
)

// Cluster tests several main processes on one database.
func Cluster(t *testing.T, k Kind) {
	s := k.New(t, k.ManyConnections)
	for name, test := range map[string]func(*testing.T, Kind, *dbtest.Server){
		"nodes know each other":                               knowEachOther,
		"users are handed over and back":                      handOver,
		"owner keeps the user":                                keeps,
		"request that has nobody to wait for":                 nobodyToAsk,
		"request ends with its context":                       requestEnds,
		"three nodes want one user":                           threeWant,
		"a thousand users at once":                            thousand,
		"bell rings without delay":                            bellRings,
		"lost is called before others take the users":         lostFirst,
		"node is back after it was cut off":                   backAgain,
		"nothing is written after a take-over":                takenUnderLoad,
		"busy connections do not cost the lease":              busyPool,
		"slow queries do not cost the lease":                  slowQueries,
		"one who is alone goes on while the database is away": aloneGoesOn,
		"one who is alone gives way to who came meanwhile":    aloneGivesWay,
		"same name on two machines":                           sameName,
		"process that starts again on its machine":            startsAgain,
		"only members stand beside each other":                onlyMembers,
		"closing hands everything over":                       closingHandsOver,
		"users without a node":                                orphans,
		"node of an earlier version":                          earlierVersion,
		"no two nodes ever have one user":                     stress,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, k, s)
		})
	}
	for name, test := range map[string]func(*testing.T, Kind){
		"bell that was cut":           bellCut,
		"server that crashes between": crashBetween,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, k)
		})
	}
}

// member is one main process of a cluster, as an instance would be one.
type member struct {
	store.Shared
	t        *testing.T
	name     string
	database string

	mu sync.Mutex
	// tokens of the users whom it has.
	tokens map[string]store.Token
	others []string
	keep   bool // its answer to requests

	lost, regained atomic.Int64
	happened       chan string // lost, regained, others; the newest are left out if nobody reads
	answers        sync.WaitGroup
}

func (k Kind) member(t *testing.T, s *dbtest.Server, o Options) *member {
	t.Helper()
	m := k.stranger(t, s, o)
	must(t, m.join(t.Context()))
	return m
}

// stranger has not joined yet.
func (k Kind) stranger(t *testing.T, s *dbtest.Server, o Options) *member {
	t.Helper()
	d, ok := k.migrated(t, s, o).(store.Shared)
	if !ok {
		t.Fatal("it is for one main process")
	}
	return &member{Shared: d, t: t, name: o.Node, database: o.Database, tokens: map[string]store.Token{}, happened: make(chan string, 100)}
}

func (m *member) join(ctx context.Context) error {
	return m.Join(ctx, store.NodeEvents{Wanted: m.wanted, Lost: m.isLost, Regained: m.isBack, Others: m.see})
}

func (m *member) tell(what string) {
	select {
	case m.happened <- what:
	default:
	}
}

// wanted gives users back, or keeps them.
func (m *member) wanted(jids []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, jid := range jids {
		token := m.tokens[jid]
		keep := m.keep
		if !keep {
			delete(m.tokens, jid)
		}
		m.answers.Go(func() {
			var err error
			if keep {
				err = m.Keep(m.t.Context(), jid)
			} else {
				err = m.Unclaim(m.t.Context(), jid, token)
			}
			if err != nil && m.t.Context().Err() == nil && !errors.Is(err, store.ErrUnavailable) {
				m.t.Error(err)
			}
		})
	}
}

func (m *member) isLost(error) {
	m.mu.Lock()
	clear(m.tokens)
	m.mu.Unlock()
	m.lost.Add(1)
	m.tell("lost")
}

func (m *member) isBack() {
	m.regained.Add(1)
	m.tell("regained")
}

func (m *member) see(names []string) {
	m.mu.Lock()
	m.others = names
	m.mu.Unlock()
	m.tell("others")
}

func (m *member) sees() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.others)
}

func (m *member) willKeep(keep bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keep = keep
}

// own claims the user and remembers it.
func (m *member) own(jid string) (store.Token, error) {
	token, err := m.Claim(m.t.Context(), jid)
	if err == nil {
		m.mu.Lock()
		m.tokens[jid] = token
		m.mu.Unlock()
	}
	return token, err
}

// take asks for the user until he may be claimed.
func (m *member) take(ctx context.Context, jid string) (store.Token, error) {
	for {
		token, err := m.own(jid)
		if !errors.Is(err, store.ErrFenced) {
			return token, err
		}
		if err := m.Request(ctx, jid); err != nil {
			return 0, err
		}
	}
}

func (m *member) mustTake(jid string) store.Token {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 30*time.Second)
	defer cancel()
	token, err := m.take(ctx, jid)
	must(m.t, err)
	return token
}

// awaits waits for an event.
func (m *member) awaits(what string) {
	m.t.Helper()
	timer := time.NewTimer(30 * time.Second)
	defer timer.Stop()
	for {
		select {
		case got := <-m.happened:
			if got == what {
				return
			}
		case <-timer.C:
			m.t.Fatalf("%s: never %s", m.name, what)
		}
	}
}

// members are on one database.
func members(t *testing.T, k Kind, s *dbtest.Server, lease time.Duration, names ...string) []*member {
	t.Helper()
	o := Options{Database: s.Database(t), Lease: lease, Member: true}
	var all []*member
	for _, o.Node = range names {
		all = append(all, k.member(t, s, o))
	}
	t.Cleanup(func() {
		for _, m := range all {
			_ = m.Shared.Close()
			m.answers.Wait()
		}
	})
	return all
}

func knowEachOther(t *testing.T, k Kind, s *dbtest.Server) {
	all := members(t, k, s, 0, "a", "b", "c")
	soon(t, func() bool {
		return slices.Equal(all[0].sees(), []string{"b", "c"}) && slices.Equal(all[1].sees(), []string{"a", "c"}) && slices.Equal(all[2].sees(), []string{"a", "b"})
	})
	for i := range 3 {
		_, err := all[1].own(fmt.Sprintf("u%d@example.org", i))
		must(t, err)
	}
	nodes, err := all[0].Nodes(t.Context())
	must(t, err)
	for i, n := range nodes {
		if n.Name != all[i].name || n.Self != (i == 0) || n.Left <= 0 || n.Left > 10*time.Second || n.Users != []int{0, 3, 0}[i] {
			t.Errorf("%+v", n)
		}
	}
	if len(nodes) != 3 {
		t.Errorf("%d nodes", len(nodes))
	}
	must(t, all[2].Shared.Close())
	soon(t, func() bool {
		return slices.Equal(all[0].sees(), []string{"b"}) && slices.Equal(all[1].sees(), []string{"a"})
	})
	if err := all[0].join(t.Context()); err == nil {
		t.Error("it joined twice")
	}
}
