// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"spectrum.im/spectrum2/daemon/store"
)

// memory is a database for one user. broken makes every use fail.
type memory struct {
	mu       sync.Mutex
	broken   error
	contacts map[string]store.Contact
	queue    []store.Waiting
	seen     map[string]bool
	rooms    map[string]store.Room
	online   bool
	settings map[string]string
	nextID   int64
	writes   int
}

func newMemory() *memory {
	return &memory{contacts: map[string]store.Contact{}, seen: map[string]bool{}, rooms: map[string]store.Room{}, settings: map[string]string{}}
}

// use locks the database and reports whether it is there.
func (m *memory) use() (func(), error) {
	m.mu.Lock()
	return m.mu.Unlock, m.broken
}

func (m *memory) setBroken(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = err
}

func (m *memory) Contacts(context.Context, int64) ([]store.Contact, error) {
	done, err := m.use()
	defer done()
	return slices.SortedFunc(maps.Values(m.contacts), func(a, b store.Contact) int { return strings.Compare(a.Name, b.Name) }), err
}

func (m *memory) PutContact(_ context.Context, _ store.Token, c *store.Contact) error {
	done, err := m.use()
	defer done()
	if err == nil {
		m.writes++
		m.contacts[c.Name] = *c
	}
	return err
}

func (m *memory) DeleteContact(_ context.Context, _ store.Token, _ int64, name string) error {
	done, err := m.use()
	defer done()
	if err == nil {
		delete(m.contacts, name)
	}
	return err
}

func (m *memory) Enqueue(_ context.Context, _ store.Token, w *store.Waiting, limit int) (bool, error) {
	done, err := m.use()
	defer done()
	switch {
	case err != nil:
		return false, err
	case m.seen[w.Key]:
		return false, nil
	case len(m.queue) >= limit:
		return false, store.ErrFull
	}
	m.nextID++
	w.ID = m.nextID
	m.seen[w.Key] = true
	m.queue = append(m.queue, *w)
	return true, nil
}

func (m *memory) Waiting(_ context.Context, _ int64, limit int) ([]store.Waiting, error) {
	done, err := m.use()
	defer done()
	if err != nil {
		return nil, err
	}
	return slices.Clone(m.queue[:min(limit, len(m.queue))]), nil
}

func (m *memory) Delivered(_ context.Context, _ store.Token, _ int64, ids []int64) error {
	done, err := m.use()
	defer done()
	if err == nil {
		m.queue = slices.DeleteFunc(m.queue, func(w store.Waiting) bool { return slices.Contains(ids, w.ID) })
	}
	return err
}

func (m *memory) Rooms(context.Context, int64) ([]store.Room, error) {
	done, err := m.use()
	defer done()
	return slices.Collect(maps.Values(m.rooms)), err
}

func (m *memory) PutRoom(_ context.Context, _ store.Token, r store.Room) error {
	done, err := m.use()
	defer done()
	if err == nil {
		m.rooms[r.Name] = r
	}
	return err
}

func (m *memory) DeleteRoom(_ context.Context, _ store.Token, _ int64, name string) error {
	done, err := m.use()
	defer done()
	if err == nil {
		delete(m.rooms, name)
	}
	return err
}

func (m *memory) SetOnline(_ context.Context, _ store.Token, _ int64, online bool) error {
	done, err := m.use()
	defer done()
	if err == nil {
		m.online = online
	}
	return err
}

func (m *memory) SetSetting(_ context.Context, _ store.Token, _ int64, name string, _ int, value string) error {
	done, err := m.use()
	defer done()
	if err == nil {
		m.settings[name] = value
	}
	return err
}

// roomNames are the rooms kept.
func (m *memory) roomNames() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.rooms))
}

// state reads one thing under the lock.
func state[T any](m *memory, get func(*memory) T) T {
	m.mu.Lock()
	defer m.mu.Unlock()
	return get(m)
}
