// SPDX-License-Identifier: GPL-2.0-or-later

package personal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

// Bounds of what waits for the database, and of one write.
const (
	maxPending      = 4096
	maxPendingBytes = 4 << 20
	maxBatch        = 64
	writeTime       = 30 * time.Second
)

var (
	errClosed = errors.New("the archive was closed")
	errAway   = errors.New("the archive cannot be written now")
)

// recorder writes the archive behind those who record: one goroutine while
// there is something to write. While the database is away it tries again, and
// what does not fit meanwhile is lost, with a line in the log.
type recorder struct {
	id    int64
	store Store
	token func() store.Token
	log   *slog.Logger
	// background ends the tries after Close.
	background context.Context

	mu      sync.Mutex
	days    int
	rooms   bool
	last    int64 // the highest place that was given
	pending []store.Archived
	bytes   int
	// recorded counts what was taken, settled what of it was written or lost.
	recorded, settled uint64
	// progress is closed at the next change; nil while nobody waits for it.
	progress chan struct{}
	failing  error
	dropped  int
	running  bool
	closed   bool
	purged   time.Time
	wg       sync.WaitGroup
}

func (r *recorder) init(s *Services) {
	r.id, r.store, r.token, r.log, r.background = s.id, s.store, s.opts.Token, s.log, s.background
	r.days, r.rooms = s.opts.Days, s.opts.Rooms
}

func (r *recorder) load(ctx context.Context) (err error) {
	r.last, err = r.store.LastArchived(ctx, r.id)
	return err
}

func (r *recorder) set(days int, rooms bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.days, r.rooms = days, rooms
}

// keeps reports whether there is an archive, and one of rooms.
func (r *recorder) keeps() (messages, rooms bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.days > 0, r.days > 0 && r.rooms
}

// add gives m its place, and its ID where it has none, and takes it. It never
// waits; false, and a line in the log, if m is lost.
func (r *recorder) add(m *store.Archived) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		r.log.Warn("message not archived: the user's session has ended")
		return false
	}
	if len(r.pending) >= maxPending || r.bytes+len(m.Stanza) > maxPendingBytes {
		if r.dropped++; r.dropped == 1 {
			r.log.Error("message not archived: too many wait for the database", "waiting", len(r.pending), "err", r.failing)
		}
		return false
	}
	r.last = max(r.last+1, time.Now().UnixMicro())
	m.Seq = r.last
	if m.ID == "" {
		m.ID = placeID(m.Seq)
	}
	r.pending = append(r.pending, *m)
	r.bytes += len(m.Stanza)
	r.recorded++
	r.start()
	return true
}

// placeID is the name of the message at a place; names sort as places do.
func placeID(seq int64) string { return fmt.Sprintf("%016x", uint64(seq)) }

// placeTime is when the message at a place was archived.
func placeTime(seq int64) time.Time { return time.UnixMicro(seq).UTC() }

// start needs the lock.
func (r *recorder) start() {
	if !r.running {
		r.running = true
		r.wg.Go(r.run)
	}
}

func (r *recorder) run() {
	for {
		batch := r.take()
		if batch == nil {
			return
		}
		r.write(batch)
		r.settle(len(batch))
		r.purgeDue()
	}
}

// take returns what to write next; nil, and run ends, if there is nothing.
func (r *recorder) take() []store.Archived {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(len(r.pending), maxBatch)
	if n == 0 {
		if r.dropped > 0 {
			r.log.Error("messages were not archived", "lost", r.dropped)
		}
		r.pending, r.bytes, r.dropped, r.running = nil, 0, 0, false
		return nil
	}
	batch := r.pending[:n:n]
	r.pending = r.pending[n:]
	for i := range batch {
		r.bytes -= len(batch[i].Stanza)
	}
	return batch
}

// write returns when the messages are in the database, or lost.
func (r *recorder) write(batch []store.Archived) {
	for wait := time.Second; ; wait = min(2*wait, writeTime) {
		err := r.try(batch)
		if err == nil {
			return
		}
		if !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
			r.log.Error("messages were not archived", "lost", len(batch), "err", err)
			return
		}
		if wait == time.Second {
			r.log.Warn("archive not written; trying again", "messages", len(batch), "err", err)
		}
		r.fail(err)
		select {
		case <-time.After(wait):
		case <-r.background.Done():
			r.log.Error("messages were not archived", "lost", len(batch), "err", err)
			return
		}
	}
}

func (r *recorder) try(batch []store.Archived) error {
	ctx, cancel := context.WithTimeout(r.background, writeTime)
	defer cancel()
	return r.store.AddArchived(ctx, r.token(), r.id, batch)
}

func (r *recorder) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failing = err
	r.wake()
}

func (r *recorder) settle(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settled += uint64(n)
	r.failing = nil
	r.wake()
}

// wake needs the lock.
func (r *recorder) wake() {
	if r.progress != nil {
		close(r.progress)
		r.progress = nil
	}
}

// flush waits until what was recorded before is in the database. While that
// is away it answers errAway.
func (r *recorder) flush(ctx context.Context) error {
	r.mu.Lock()
	upTo := r.recorded
	r.mu.Unlock()
	for {
		wait, err := r.until(upTo)
		if wait == nil {
			return err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// until returns what to wait on before so many are settled; nil if they are,
// or will not be soon.
func (r *recorder) until(upTo uint64) (chan struct{}, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.settled >= upTo:
		return nil, nil
	case r.failing != nil:
		return nil, fmt.Errorf("%w: %w", errAway, r.failing)
	case r.progress == nil:
		r.progress = make(chan struct{})
	}
	return r.progress, nil
}

// close takes nothing more and waits for what was taken, or for ctx.
func (r *recorder) close(ctx context.Context, end func()) error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	written := make(chan struct{})
	go func() {
		defer close(written)
		r.wg.Wait()
	}()
	select {
	case <-written:
		return nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	left := r.recorded - r.settled
	r.mu.Unlock()
	end()
	<-written
	return fmt.Errorf("%w with %d messages not written: %w", errClosed, left, ctx.Err())
}
