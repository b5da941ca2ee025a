// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// waiter is a user in the queue for a backend.
type waiter struct {
	user string
	r    Receiver
	// link or err is set before done is closed.
	done chan struct{}
	link *Link
	err  error
}

// Acquire gives the user a place on a backend: the youngest ready one with
// room. With none he waits in the queue, in order of arrival, until ctx ends.
// The error is ctx's, ErrAcquired, ErrStopped, or a *StartError while no
// backend can be started.
func (m *Manager) Acquire(ctx context.Context, user string, r Receiver) (*Link, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w, err := m.enqueue(user, r)
	if err != nil {
		return nil, err
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		m.giveUp(w)
		return nil, ctx.Err()
	}
	return w.link, w.err
}

// enqueue puts a user at the end of the queue and serves it.
func (m *Manager) enqueue(user string, r Receiver) (*waiter, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	waits := slices.ContainsFunc(m.waiters, func(w *waiter) bool { return w.user == user })
	switch {
	case m.stopping:
		return nil, fmt.Errorf("backend for %s: %w", user, ErrStopped)
	case m.users[user] != nil || waits:
		return nil, fmt.Errorf("backend for %s: %w", user, ErrAcquired)
	}
	w := &waiter{user: user, r: r, done: make(chan struct{})}
	m.waiters = append(m.waiters, w)
	m.assignLocked()
	if m.hopelessLocked() {
		m.refuseLocked(noBackend(m.problem))
	}
	m.wake()
	return w, nil
}

// giveUp takes a waiter out of the queue, or its link away.
func (m *Manager) giveUp(w *waiter) {
	m.mu.Lock()
	i := slices.Index(m.waiters, w)
	if i >= 0 {
		m.waiters = slices.Delete(m.waiters, i, i+1)
	}
	m.mu.Unlock()
	if i >= 0 {
		m.wake()
	} else if w.link != nil {
		w.link.Release()
	}
}

// hopelessLocked reports whether waiting makes no sense: starts fail for good,
// or have failed too often, and no backend takes anybody. It needs mu.
func (m *Manager) hopelessLocked() bool {
	if m.problem == nil || (!m.permanent && m.failures < patience) {
		return false
	}
	for _, b := range m.backends {
		if b.slot.ready && !b.slot.closed {
			return false
		}
	}
	return true
}

// refuseLocked tells everybody in the queue that there is no backend. It needs
// mu.
func (m *Manager) refuseLocked(err error) {
	for _, w := range m.waiters {
		w.err = err
		close(w.done)
	}
	m.waiters = nil
}

// assignLocked gives places to those who wait, first come, first served. It
// needs mu.
func (m *Manager) assignLocked() {
	if len(m.waiters) == 0 || len(m.backends) == 0 {
		return
	}
	rules, slots := m.rulesLocked(), m.slotsLocked()
	n := 0
	for ; n < len(m.waiters); n++ {
		i := rules.choose(slots)
		if i < 0 {
			break
		}
		slots[i] = rules.took(slots[i])
		b := m.backends[slots[i].number]
		b.slot = slots[i]
		m.linkLocked(m.waiters[n], b)
	}
	m.waiters = slices.Delete(m.waiters, 0, n)
}

// linkLocked gives a waiter his link. It needs mu.
func (m *Manager) linkLocked(w *waiter, b *backend) {
	l := &Link{b: b, user: w.user, r: w.r, turn: make(chan struct{}, 1), released: make(chan struct{})}
	b.users[w.user] = l
	b.served[w.user] = struct{}{}
	m.users[w.user] = l
	w.link = l
	close(w.done)
}

// slotsLocked are the slots of all backends, in no order. It needs mu.
func (m *Manager) slotsLocked() []slot {
	slots := make([]slot, 0, len(m.backends))
	for _, b := range m.backends {
		slots = append(slots, b.slot)
	}
	return slots
}

// dropLocked takes a user from his backend, and logs him out there if he is
// logged in. It reports whether he still had his place. It needs mu.
func (m *Manager) dropLocked(l *Link) bool {
	if l.gone {
		return false
	}
	l.gone = true
	b := l.b
	delete(b.users, l.user)
	delete(m.users, l.user)
	b.slot = m.rulesLocked().left(b.slot, time.Now())
	if l.in {
		l.in = false
		b.peer.conn.out.control(pbnetwork.Frame{ //nolint:errcheck // gone with the backend
			Type:    pbnetwork.WrapperMessage_TYPE_LOGOUT,
			Message: &pbnetwork.Logout{User: &l.user, LegacyName: &l.legacy},
		})
	}
	m.assignLocked()
	m.wake()
	return true
}

// loseUser takes one user from his backend and tells him why.
func (m *Manager) loseUser(l *Link, reason error) {
	m.mu.Lock()
	had := m.dropLocked(l)
	m.mu.Unlock()
	if had {
		m.wg.Go(func() { l.lost(reason) })
	}
}

// lose takes all users from a backend that takes nobody new any more, and
// tells them why.
func (m *Manager) lose(b *backend, reason error) {
	m.mu.Lock()
	b.slot.closed = true
	links := make([]*Link, 0, len(b.users))
	for _, l := range b.users {
		l.in = false
		links = append(links, l)
	}
	for _, l := range links {
		m.dropLocked(l)
	}
	m.mu.Unlock()
	for _, l := range links {
		m.wg.Go(func() { l.lost(reason) })
	}
}

// linkFor is the link of a user on a backend; nil and known if he had one
// there before, which counts the frame as late.
func (m *Manager) linkFor(b *backend, user string) (l *Link, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l = b.users[user]; l != nil {
		return l, true
	}
	if _, known = b.served[user]; known {
		b.late++
	}
	return nil, known
}

// loggedOut notes a DISCONNECTED.
func (m *Manager) loggedOut(l *Link) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l.in = false
}

// listed keeps a ROOM_LIST for everybody and gives those who are to have it now.
func (m *Manager) listed(b *backend, f pbnetwork.Frame) []*Link {
	m.mu.Lock()
	defer m.mu.Unlock()
	b.rooms = &f
	links := make([]*Link, 0, len(b.users))
	for _, l := range b.users {
		l.listed = true
		links = append(links, l)
	}
	return links
}

// unlisted gives the ROOM_LIST for everybody to a user who has not had it, once.
func (m *Manager) unlisted(b *backend, l *Link) *pbnetwork.Frame {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l.listed {
		return nil
	}
	l.listed = true
	return b.rooms
}
