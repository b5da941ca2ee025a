// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"context"
	"sync"
)

// mailboxLimit bounds what waits for the worker of one user.
const mailboxLimit = 1024

// mailbox runs what is posted to it in order and one at a time, in a goroutine
// that exists only while something waits. Nothing that it runs may block.
type mailbox struct {
	mu      sync.Mutex
	queue   []event
	running bool
	// space is closed and replaced when there is room again; nil while nobody
	// waits for it.
	space chan struct{}
	// workers is who waits for the worker's end.
	workers sync.WaitGroup
}

// event is something that happens to the user's clients. apply runs in the
// worker, which owns what it touches.
type event interface{ apply(u *User) }

// tryPut appends e, or returns the channel to wait on when the box is full.
func (u *User) tryPut(e event) (space chan struct{}) {
	m := &u.box
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) >= mailboxLimit {
		if m.space == nil {
			m.space = make(chan struct{})
		}
		return m.space
	}
	m.queue = append(m.queue, e)
	if !m.running {
		m.running = true
		m.workers.Go(u.work)
	}
	return nil
}

// work drains the mailbox and ends.
func (u *User) work() {
	for {
		queue := u.box.take()
		if queue == nil {
			return
		}
		for _, e := range queue {
			u.apply(e)
		}
	}
}

func (u *User) apply(e event) {
	defer u.guard()
	e.apply(u)
}

// take removes everything that waits; nil ends the worker.
func (m *mailbox) take() []event {
	m.mu.Lock()
	defer m.mu.Unlock()
	got := m.queue
	m.queue = nil
	m.running = got != nil
	if m.space != nil {
		close(m.space)
		m.space = nil
	}
	return got
}

// postWithin appends e, waiting for room until ctx ends.
func (u *User) postWithin(ctx context.Context, e event) error {
	for {
		space := u.tryPut(e)
		if space == nil {
			return nil
		}
		select {
		case <-space:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// post appends e. It waits for room only as long as the worker takes, which
// waits for nothing.
func (u *User) post(e event) {
	for space := u.tryPut(e); space != nil; space = u.tryPut(e) {
		<-space
	}
}

// do runs f in the worker and returns when it has run. It must not be called
// by the worker.
func (u *User) do(f func()) {
	c := call{f, make(chan struct{})}
	u.post(c)
	<-c.done
}

type call struct {
	run  func()
	done chan struct{}
}

func (c call) apply(*User) {
	defer close(c.done)
	c.run()
}
