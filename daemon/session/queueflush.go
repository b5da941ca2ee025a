// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// loadQueue looks whether something waits from an earlier session.
func (s *Session) loadQueue(ctx context.Context) {
	if !s.kept() {
		return
	}
	rows, err := s.waiting(ctx, s.account.user.ID, 1)
	s.queue.unread = err != nil || len(rows) > 0
}

func (s *Session) waiting(ctx context.Context, id int64, limit int) (rows []store.Waiting, err error) {
	err = s.read(ctx, "waiting messages", func(ctx context.Context) (err error) {
		rows, err = s.o.Store.Waiting(ctx, id, limit)
		return err
	})
	return rows, err
}

// flushQueue delivers what waits, in order, as far as it goes: first what the
// store has, which takes its time, then what is in memory.
func (s *Session) flushQueue(ctx context.Context) {
	q := &s.queue
	for len(q.replies) > 0 && !q.down {
		if !s.send(ctx, q.replies[0]) {
			s.flushLater()
			return
		}
		q.replies = q.replies[1:]
	}
	if !s.reachable() {
		q.asked = time.Time{} // the next time is another time
		return
	}
	if q.unread && s.kept() {
		s.readQueue(ctx)
		if q.older() {
			s.flushLater()
			return
		}
	}
	for len(q.memory) > 0 {
		if !s.sendMessage(ctx, q.memory[0]) {
			s.flushLater()
			return
		}
	}
	if !q.lost.empty() {
		s.notice(ctx, "There was no room to keep all messages while you were away. Some are missing, from: "+q.lost.take())
	}
}

// sendMessage delivers a message from memory, and reports whether it left.
func (s *Session) sendMessage(ctx context.Context, m *message) bool {
	if !s.send(ctx, m.st) {
		return false
	}
	s.queue.take(m)
	m.gone = m.write != nil && !s.writes.cancel(m.write)
	return true
}

// readQueue looks for messages in the store, unless somebody does already.
func (s *Session) readQueue(ctx context.Context) {
	q := &s.queue
	if q.asked.IsZero() {
		q.asked = time.Now()
	}
	if q.reading {
		return
	}
	q.reading = true
	batch := flushBatch
	if q.mixed {
		batch = s.queueLimit() // all, to bring them into order
	}
	id, news := s.account.user.ID, q.news
	s.task(func() {
		rows, err := s.waiting(ctx, id, batch)
		_ = s.box.put(ctx, queueRead{rows, err, batch, news}) // an ended session needs none
	})
}

// queueRead: the store's messages are there, or cannot be read.
type queueRead struct {
	rows  []store.Waiting
	err   error
	limit int
	news  int // as it was before
}

func (e queueRead) apply(ctx context.Context, s *Session) {
	q := &s.queue
	q.reading = false
	if !s.reachable() {
		return
	}
	if e.err != nil {
		s.flushLater()
		return
	}
	more, left := s.sendRows(ctx, e.rows)
	full := len(e.rows) >= e.limit
	if more || !full {
		q.asked = time.Time{}
	}
	switch {
	case !left:
		s.flushLater()
	case full:
		// The rest comes when this part is removed.
		if q.asked.IsZero() {
			q.asked = time.Now()
		}
	default:
		q.unread, q.mixed = q.news != e.news, false
		q.forgetSent(e.rows)
		s.flushQueue(ctx)
	}
}

// forgetSent forgets those that the store has not any more.
func (q *queue) forgetSent(rows []store.Waiting) {
	there := make(map[string]bool, len(rows))
	for _, r := range rows {
		there[r.Key] = true
	}
	maps.DeleteFunc(q.sent, func(key string, removing bool) bool { return !removing && !there[key] })
}

// waitingMessage is one from the store, or from memory.
type waitingMessage struct {
	at  time.Time
	row *store.Waiting
	m   *message
}

// sendRows delivers messages from the store and lets them be removed there. It
// reports whether there were any, and whether all of them left.
func (s *Session) sendRows(ctx context.Context, rows []store.Waiting) (some, all bool) {
	var ids []int64
	var keys []string
	all = true
	for _, w := range s.inOrder(rows) {
		if w.m != nil {
			if all = s.sendMessage(ctx, w.m); !all {
				break
			}
			continue
		}
		removing, sent := s.queue.sent[w.row.Key]
		if removing {
			continue
		}
		if !sent && !s.sendRow(ctx, w.row) {
			all = false
			break
		}
		ids, keys = append(ids, w.row.ID), append(keys, w.row.Key)
	}
	s.removeSent(ids, keys)
	return len(ids) > 0, all
}

// inOrder are the rows, and where they do not stand in the order in which they
// came, all messages that wait in that order.
func (s *Session) inOrder(rows []store.Waiting) []waitingMessage {
	all := make([]waitingMessage, 0, len(rows))
	there := make(map[string]bool, len(rows))
	for i, r := range rows {
		at := r.At
		if st, err := xmpp.Parse(r.Stanza); s.queue.mixed && err == nil {
			at = cameAt(st)
		}
		all, there[r.Key] = append(all, waitingMessage{at: at, row: &rows[i]}), true
	}
	for _, m := range slices.Clone(s.queue.memory) {
		if there[m.key] { // the store has it, and has not said so yet
			s.queue.take(m)
			m.gone = true
		} else if s.queue.mixed {
			all = append(all, waitingMessage{at: cameAt(m.st), m: m})
		}
	}
	if s.queue.mixed {
		slices.SortStableFunc(all, func(a, b waitingMessage) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	}
	return all
}

func (s *Session) sendRow(ctx context.Context, row *store.Waiting) bool {
	st, err := xmpp.Parse(row.Stanza)
	if err != nil {
		s.log.Warn("waiting message unreadable, dropped", "id", row.ID, "err", err)
		return true
	}
	return s.send(ctx, st)
}

// noteSent remembers a delivered message that the store has, so that it goes
// out only once.
func (s *Session) noteSent(key string) {
	if s.queue.sent == nil {
		s.queue.sent = make(map[string]bool)
	}
	s.queue.sent[key] = false
}

// removeSent lets the store forget messages that were delivered.
func (s *Session) removeSent(ids []int64, keys []string) {
	if len(ids) == 0 {
		return
	}
	for _, k := range keys {
		s.noteSent(k)
		s.queue.sent[k] = true
	}
	user := s.account.user.ID
	s.later(&write{
		what: "delivered messages",
		run: func(ctx context.Context, t store.Token) error {
			return s.o.Store.Delivered(ctx, t, user, ids)
		},
		done: func(err error) event { return messagesRemoved{keys, err} },
	})
}

// messagesRemoved: the store has forgotten what was delivered.
type messagesRemoved struct {
	keys []string
	err  error
}

func (e messagesRemoved) apply(ctx context.Context, s *Session) {
	for _, k := range e.keys {
		if e.err == nil {
			delete(s.queue.sent, k)
		} else {
			s.queue.sent[k] = false
		}
	}
	if s.queue.unread {
		s.flushQueue(ctx)
	}
}
