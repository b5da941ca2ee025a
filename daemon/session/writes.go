// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

// Times of the writes behind the session.
const (
	// writeTime bounds one of them: it keeps nobody waiting.
	writeTime = 30 * time.Second
	// While the database is away they are tried again after a delay that
	// doubles from firstWrite to lastWrite.
	firstWrite = time.Second
	lastWrite  = 5 * time.Second
	// flushTime is how long an ending session waits for what is not written
	// yet, flushAway where the database has not taken the last write.
	flushTime = 20 * time.Second
	flushAway = 3 * time.Second
)

// write is one change of what the store has of the user. run must not touch
// what the session's goroutine owns.
type write struct {
	what string
	// key: a later write with the same key takes its place while it waits. ""
	// is unlike every other.
	key string
	run func(ctx context.Context, t store.Token) error
	// done makes the event that tells the session what came of it; nil: it
	// does not want to know.
	done func(error) event

	tried bool
}

// writes goes behind the session: the user's own goroutine never waits for a
// change of the store. One goroutine, while there is something to do, makes
// the changes one by one in their order; while the database is away it keeps
// them, and of each thing only the latest state. What it holds is bounded by
// what it is about: contacts, rooms, and the messages of the queue.
type writes struct {
	// hasty: somebody waits for each answer, so that nothing is tried twice.
	hasty bool
	// news holds a token when there are answers, or nothing is under way any
	// more. It belongs to the session's goroutine, nil until something was
	// added.
	news chan struct{}

	mu      sync.Mutex
	waiting []*write
	byKey   map[string]*write
	answers []event
	running bool
	failing bool
	left    int // were given up
	// ending is closed when the session waits for the rest; background ends
	// when it does not wait any longer.
	ending     chan struct{}
	background context.Context
	giveUp     context.CancelFunc
	wg         sync.WaitGroup
}

// later lets w be done behind the session.
func (s *Session) later(w *write) { s.writes.add(s, w) }

// soon lets w be done beside what is done later: somebody waits for it.
func (s *Session) soon(w *write) { s.wishes.add(s, w) }

// add is for the session's goroutine.
func (q *writes) add(s *Session, w *write) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.news == nil {
		q.news, q.ending, q.byKey = make(chan struct{}, 1), make(chan struct{}), make(map[string]*write)
		q.background, q.giveUp = context.WithCancel(context.Background())
	}
	if old := q.byKey[w.key]; old != nil {
		*old = *w
		return
	}
	q.waiting = append(q.waiting, w)
	if w.key != "" {
		q.byKey[w.key] = w
	}
	if !q.running {
		q.running = true
		q.wg.Go(func() { q.run(s) })
	}
}

// cancel takes back a write that was never tried, and reports whether it could.
func (q *writes) cancel(w *write) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, other := range q.waiting {
		if other == w && !w.tried {
			q.waiting = append(q.waiting[:i:i], q.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// discard takes back everything that is not under way.
func (q *writes) discard() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = nil
	clear(q.byKey)
}

// busy reports whether anything is not done, or not told, yet.
func (q *writes) busy() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running || len(q.answers) > 0
}

// heard returns the answers that the session has not had yet.
func (q *writes) heard() []event {
	q.mu.Lock()
	defer q.mu.Unlock()
	got := q.answers
	q.answers = nil
	return got
}

// next returns the first that waits; nil, and run ends, if there is none.
func (q *writes) next() *write {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 || q.background.Err() != nil {
		q.left, q.waiting, q.running = len(q.waiting), nil, false
		clear(q.byKey)
		q.tellLocked()
		return nil
	}
	w := q.waiting[0]
	q.waiting, w.tried = q.waiting[1:], true
	delete(q.byKey, w.key)
	return w
}

// tellLocked needs the lock.
func (q *writes) tellLocked() {
	select {
	case q.news <- struct{}{}:
	default:
	}
}

// again puts back what has to be tried again, unless there is something newer.
func (q *writes) again(w *write) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.byKey[w.key] != nil {
		return
	}
	q.waiting = append([]*write{w}, q.waiting...)
	if w.key != "" {
		q.byKey[w.key] = w
	}
}

// answer tells the session what came of w.
func (q *writes) answer(w *write, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.done != nil {
		q.answers = append(q.answers, w.done(err))
	}
	if errors.Is(err, store.ErrFenced) {
		q.answers = append(q.answers, strange{err})
	}
	if len(q.answers) > 0 {
		q.tellLocked()
	}
}

func (q *writes) run(s *Session) {
	delay := firstWrite
	for w := q.next(); w != nil; w = q.next() {
		err := q.try(s, w)
		if away(err) && !q.hasty {
			q.again(w)
			q.pause(&delay)
			continue
		}
		delay = firstWrite
		q.answer(w, err)
	}
}

// strange: a write met another owner of the user.
type strange struct{ err error }

func (e strange) apply(_ context.Context, s *Session) { s.fenced(e.err) }

// away reports whether the same write may be good later.
func away(err error) bool {
	return errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

func (q *writes) try(s *Session, w *write) error {
	if !q.hasty {
		defer s.o.Writers.take(q.background)()
	}
	ctx, cancel := context.WithTimeout(q.background, writeTime)
	defer cancel()
	err := w.run(ctx, s.o.Token)
	if errors.Is(err, store.ErrNotFound) {
		err = nil // what is to go has gone already, or the user has
	}
	s.noteStore(w.what, err)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.failing = away(err)
	return err
}

// pause waits before the next try, and not for long where the session ends.
func (q *writes) pause(delay *time.Duration) {
	t := time.NewTimer(*delay/2 + rand.N(*delay/2))
	defer t.Stop()
	*delay = min(2**delay, lastWrite)
	select {
	case <-t.C:
		return
	case <-q.background.Done():
		return
	case <-q.ending:
	}
	*delay = firstWrite
	select {
	case <-t.C:
	case <-q.background.Done():
	case <-time.After(firstWrite):
	}
}

// end waits for what is not done yet, but not for a database that is away, and
// returns how many were given up. It is called once, by the session's goroutine.
func (q *writes) end() int {
	if q.news == nil {
		return 0
	}
	close(q.ending)
	q.mu.Lock()
	limit := flushTime
	if q.failing {
		limit = flushAway
	}
	q.mu.Unlock()
	timer := time.AfterFunc(limit, q.giveUp)
	q.wg.Wait()
	timer.Stop()
	q.giveUp()
	return q.left
}
