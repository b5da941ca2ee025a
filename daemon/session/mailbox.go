// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"sync"
)

// event is something that happens to the user. apply runs in the session's
// goroutine, which owns everything it touches.
type event interface {
	apply(ctx context.Context, s *Session)
}

// mailboxLimit bounds the events that wait for one user.
const mailboxLimit = 256

// mailbox is a bounded queue with one property that a channel has not: close
// succeeds only while it is empty, so no event that was taken is ever lost to
// a session that ends.
type mailbox struct {
	mu     sync.Mutex
	queue  []event
	closed bool
	// space is closed and replaced when there is room again; nil while nobody
	// waits for it.
	space chan struct{}
	// wake holds a token while the queue is not empty.
	wake chan struct{}
	done chan struct{}
}

func newMailbox() *mailbox {
	return &mailbox{wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// put appends e, waiting for space.
func (m *mailbox) put(ctx context.Context, e event) error {
	for {
		space, err := m.tryPut(e)
		if space == nil {
			return err
		}
		select {
		case <-space:
		case <-m.done:
			return ErrEnded
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tryPut appends e, or returns the channel to wait on when the box is full.
func (m *mailbox) tryPut(e event) (space chan struct{}, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrEnded
	}
	if len(m.queue) >= mailboxLimit {
		if m.space == nil {
			m.space = make(chan struct{})
		}
		return m.space, nil
	}
	m.queue = append(m.queue, e)
	select {
	case m.wake <- struct{}{}:
	default:
	}
	return nil, nil
}

// take removes and returns everything that waits.
func (m *mailbox) take() []event {
	m.mu.Lock()
	defer m.mu.Unlock()
	got := m.queue
	m.queue = nil
	if m.space != nil {
		close(m.space)
		m.space = nil
	}
	return got
}

// close ends the mailbox if nothing waits in it, or in any case with force;
// what waits can still be taken then. It reports whether the mailbox is closed.
func (m *mailbox) close(force bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return true
	}
	if len(m.queue) > 0 && !force {
		return false
	}
	m.closed = true
	close(m.done)
	return true
}
