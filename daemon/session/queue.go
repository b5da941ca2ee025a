// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"errors"
	"time"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/delay"
)

// queue holds the messages for a user who cannot be reached. They are in the
// store; memory takes the few that come while the store is away.
type queue struct {
	down   bool // there is no link with the XMPP server
	stored bool // the store may hold some
	memory []*xmpp.Element
	// sent were delivered but could not be removed from the store yet.
	sent map[int64]bool
	// lost are the senders of what the queue had no room for.
	lost senders
	// replies are what became of the user's own messages while there was no
	// link to tell him.
	replies []*xmpp.Element
	// hold waits after a message came back that no client took, at held;
	// patience is how long. mixed: some came back behind newer ones.
	hold     *timer
	held     time.Time
	patience time.Duration
	mixed    bool
	// again tries after a stanza did not leave although there was a link.
	again *timer
}

const (
	// memoryQueue bounds queue.memory, maxReplies queue.replies: as many as
	// there can be in flight.
	memoryQueue = 100
	maxReplies  = maxInflight
	flushBatch  = 50
	queueAgain  = 5 * time.Second
)

// reachable reports whether a message to the user's bare JID reaches a client
// of his.
func (s *Session) reachable() bool {
	if s.queue.down || s.queue.hold != nil {
		return false
	}
	if s.o.Trial != nil && !s.account.tried && !s.set.ServerMode {
		return true // who registers is there, although he has not said so yet
	}
	for _, x := range s.clients.list {
		if x.priority >= 0 {
			return true
		}
	}
	return false
}

// deliver sends a message to the user, or keeps it until it can be sent. Order
// is kept: while older ones wait, a new one waits behind them. key names it
// for the store; "" stands for the stanza's own id.
func (s *Session) deliver(ctx context.Context, st *xmpp.Element, key string) {
	if s.set.ServerMode {
		markTime(st)
	}
	if s.reachable() && !s.queue.stored && len(s.queue.memory) == 0 && s.send(ctx, st) {
		return
	}
	s.keep(ctx, st, key)
	s.flushLater()
}

// reply sends a client what became of a message of its own, or keeps that until
// it can.
func (s *Session) reply(ctx context.Context, st *xmpp.Element) {
	if st == nil || len(s.queue.replies) == 0 && s.send(ctx, st) || st.Name != "message" {
		return
	}
	if len(s.queue.replies) >= maxReplies {
		s.log.Warn("answer to a message dropped: too many wait for the link")
		return
	}
	s.queue.replies = append(s.queue.replies, st)
	s.flushLater()
}

// flushLater tries again by itself where nothing else would.
func (s *Session) flushLater() {
	if s.queue.again == nil && s.reachable() {
		s.queue.again = s.timers.after(queueAgain, queueDue{})
	}
}

// queueDue tries to empty the queue once more.
type queueDue struct{}

func (queueDue) apply(ctx context.Context, s *Session) {
	s.queue.again = nil
	s.flushQueue(ctx)
	if s.catchUpRooms(ctx); s.queue.stored || len(s.queue.memory) > 0 || s.rooms.behind() {
		s.flushLater()
	}
}

// keep puts a message into the queue, with the time when it came.
func (s *Session) keep(ctx context.Context, st *xmpp.Element, key string) {
	if _, delayed := delay.Of(st); !delayed {
		// st may have been handed to the front already.
		st = st.Clone().Add(delay.Element(s.set.Addresses.Transport, cameAt(st), "The recipient was away"))
	}
	if key == "" {
		key = st.Get("id")
	}
	err := errNotKept
	if s.kept() && len(s.queue.memory) == 0 {
		w := &store.Waiting{UserID: s.account.user.ID, Key: key, Stanza: []byte(st.String()), At: time.Now()}
		err = s.stored(ctx, "waiting message", func(ctx context.Context, t store.Token) error {
			_, err := s.o.Store.Enqueue(ctx, t, w, s.queueLimit())
			return err
		})
	}
	switch {
	case err == nil:
		s.queue.stored = true
	case errors.Is(err, store.ErrFull) || len(s.queue.memory) >= memoryQueue:
		s.queue.lost.add(s.describe(st.Get("from")))
	default:
		s.queue.memory = append(s.queue.memory, st)
	}
}

var errNotKept = errors.New("user is not in the store")

func (s *Session) queueLimit() int {
	if s.set.Queue > 0 {
		return s.set.Queue
	}
	return DefaultQueue
}

// loadQueue looks whether something waits from an earlier session.
func (s *Session) loadQueue(ctx context.Context) {
	if !s.kept() {
		return
	}
	rows, err := s.waiting(ctx, 1)
	s.queue.stored = err != nil || len(rows) > 0
}

func (s *Session) waiting(ctx context.Context, limit int) ([]store.Waiting, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	rows, err := s.o.Store.Waiting(ctx, s.account.user.ID, limit)
	if err != nil {
		s.log.Warn("waiting messages not read", "err", err)
	}
	return rows, err
}

// flushQueue delivers what waits, in order, as far as it goes.
func (s *Session) flushQueue(ctx context.Context) {
	for len(s.queue.replies) > 0 && !s.queue.down {
		if !s.send(ctx, s.queue.replies[0]) {
			s.flushLater()
			return
		}
		s.queue.replies = s.queue.replies[1:]
	}
	batch := flushBatch
	if s.queue.mixed {
		batch = s.queueLimit() // all, to bring them into order
	}
	for s.queue.stored && s.reachable() && s.kept() {
		rows, err := s.waiting(ctx, batch)
		if s.queue.mixed {
			inOrder(rows)
		}
		if err == nil && len(rows) == 0 {
			s.queue.stored, s.queue.mixed = false, false
			break
		}
		if err != nil || !s.flush(ctx, rows) {
			s.flushLater()
			return
		}
	}
	for len(s.queue.memory) > 0 && !s.queue.stored && s.reachable() && s.send(ctx, s.queue.memory[0]) {
		s.queue.memory = s.queue.memory[1:]
	}
	if !s.queue.lost.empty() && s.reachable() {
		s.notice(ctx, "There was no room to keep all messages while you were away. Some are missing, from: "+s.queue.lost.take())
	}
}

// flush delivers rows and removes them from the store. It reports whether to go
// on.
func (s *Session) flush(ctx context.Context, rows []store.Waiting) bool {
	var ids []int64
	all := true
	for _, row := range rows {
		if !s.queue.sent[row.ID] {
			st, err := xmpp.Parse(row.Stanza)
			if err != nil {
				s.log.Warn("waiting message unreadable, dropped", "id", row.ID, "err", err)
			} else if !s.send(ctx, st) {
				all = false
				break
			}
		}
		ids = append(ids, row.ID)
	}
	if len(ids) == 0 {
		return false
	}
	err := s.stored(ctx, "delivered messages", func(ctx context.Context, t store.Token) error {
		return s.o.Store.Delivered(ctx, t, s.account.user.ID, ids)
	})
	if err == nil {
		s.queue.sent = nil
		return all
	}
	// They are still there: remember them, so that they go out only once.
	if s.queue.sent == nil {
		s.queue.sent = make(map[int64]bool)
	}
	for _, id := range ids {
		s.queue.sent[id] = true
	}
	return false
}
