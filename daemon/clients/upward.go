// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"context"
	"sync"
	"time"
)

const (
	// upwardLimit bounds what the session has to be told by nobody's
	// connection.
	upwardLimit = 1024
	// upwardTimeout bounds each call of the session that no connection's
	// context bounds.
	upwardTimeout = 10 * time.Second
)

// upward carries what arises in the worker, which must not wait, to the
// session and the transport, which may have to be waited for. Its goroutine
// exists only while something waits.
type upward struct {
	mu      sync.Mutex
	queue   []func(ctx context.Context)
	undone  int // of the queue, and of what the goroutine took from it
	running bool
	workers sync.WaitGroup
}

// later runs f, with a context of its own, after what was put before.
func (u *User) later(what string, f func(ctx context.Context)) {
	w := &u.up
	w.mu.Lock()
	full := w.undone >= upwardLimit
	if !full {
		w.undone++
		w.queue = append(w.queue, f)
		if !w.running {
			w.running = true
			w.workers.Go(u.workUpward)
		}
	}
	w.mu.Unlock()
	if full {
		u.o.Log.Warn("dropped: the session does not keep up", "what", what)
	}
}

func (u *User) workUpward() {
	for {
		queue := u.up.take()
		if queue == nil {
			return
		}
		for _, f := range queue {
			u.carry(f)
			u.up.done()
		}
	}
}

func (u *User) carry(f func(context.Context)) {
	defer u.guard()
	ctx, cancel := context.WithTimeout(context.Background(), upwardTimeout)
	defer cancel()
	f(ctx)
}

func (w *upward) done() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.undone--
}

func (w *upward) take() []func(context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	got := w.queue
	w.queue = nil
	w.running = got != nil
	return got
}
