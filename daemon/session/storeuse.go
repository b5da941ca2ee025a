// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"time"
)

// storeTimeout bounds each look into the store.
const storeTimeout = 15 * time.Second

// read looks into the store; what it finds the session is told as an event. It
// is for a goroutine that nobody waits for, or a session that has not begun.
func (s *Session) read(ctx context.Context, what string, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	err := f(ctx)
	if ctx.Err() != context.Canceled {
		s.noteStore(what, err)
	}
	return err
}

// saveRest waits for what is not written yet, so that it is there for whoever
// comes next.
func (s *Session) saveRest() {
	left := s.writes.end() + s.wishes.end()
	for _, q := range []*writes{&s.writes, &s.wishes} {
		for _, e := range q.heard() {
			if k, ok := e.(messageKept); ok && k.err == nil {
				s.queue.take(k.message)
			}
		}
	}
	if lost := len(s.queue.memory); left > 0 || lost > 0 && s.kept() {
		s.log.Error("session ended before the database took everything", "changes", left, "messages", lost)
	}
}

// noteStore says what came of a use of the store. That the database is away is
// the instance's to say, once for all users.
func (s *Session) noteStore(what string, err error) {
	if s.o.Stored != nil {
		s.o.Stored(err)
	}
	switch {
	case err == nil:
	case away(err) && s.o.Stored != nil:
		s.log.Debug("store not used", "what", what, "err", err)
	default:
		s.log.Warn("store not used", "what", what, "err", err)
	}
}

// Writers bounds how many writes of all sessions are under way behind their
// users, so that connections are left for those who wait for an answer. nil
// does not bound them.
type Writers struct{ slots chan struct{} }

// NewWriters lets n be under way at a time.
func NewWriters(n int) *Writers { return &Writers{make(chan struct{}, n)} }

// take waits for a turn, which release gives back.
func (w *Writers) take(ctx context.Context) (release func()) {
	if w == nil {
		return func() {}
	}
	select {
	case w.slots <- struct{}{}:
		return func() { <-w.slots }
	case <-ctx.Done():
		return func() {}
	}
}
