// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/delay"
)

// queue holds the messages for a user who cannot be reached. They go into the
// store, and are in memory until that has them.
type queue struct {
	down bool // there is no link with the XMPP server
	// unread: the store may hold some that were not delivered. They are older
	// than those in memory.
	unread bool
	memory []*message
	bytes  int // of memory
	// reading: somebody looks into the store; asked is when the first look
	// began since it last answered. news counts what it was given.
	reading bool
	asked   time.Time
	news    int
	// sent are the keys of messages that were delivered and are in the store
	// still; true: they are about to be removed.
	sent map[string]bool
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
	// memoryQueue bounds queue.memory for a user who has no place in the store,
	// memoryBytes for everybody; maxReplies bounds queue.replies: as many as
	// there can be in flight.
	memoryQueue = 100
	memoryBytes = 1 << 20
	maxReplies  = maxInflight
	flushBatch  = 50
	queueAgain  = 5 * time.Second
	// orderPatience is how long new messages wait behind those of a store that
	// does not answer.
	orderPatience = 10 * time.Second
)

// message is one that is not in the store yet, or not for certain.
type message struct {
	st   *xmpp.Element
	key  string
	size int
	// write is on its way to the store; nil: it stays in memory.
	write *write
	// gone: it was delivered meanwhile.
	gone bool
}

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
	if s.reachable() && !s.queue.older() && len(s.queue.memory) == 0 && s.send(ctx, st) {
		return
	}
	s.keep(st, key)
	s.flushLater()
}

// older reports whether a new message has to wait for those in the store. A
// store that is away keeps what it has, and nobody from talking.
func (q *queue) older() bool {
	return q.unread && (q.asked.IsZero() || time.Since(q.asked) < orderPatience)
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
	if s.catchUpRooms(ctx); s.queue.unread || len(s.queue.memory) > 0 || s.rooms.behind() {
		s.flushLater()
	}
}

// keep puts a message into the queue, with the time when it came.
func (s *Session) keep(st *xmpp.Element, key string) {
	if _, delayed := delay.Of(st); !delayed {
		// st may have been handed to the front already.
		st = st.Clone().Add(delay.Element(s.set.Addresses.Transport, cameAt(st), "The recipient was away"))
	}
	if key == "" {
		key = st.Get("id")
	}
	m := &message{st: st, key: key, size: len(st.String())}
	if q := &s.queue; len(q.memory) >= s.memoryLimit() || q.bytes+m.size > memoryBytes {
		q.lost.add(s.describe(st.Get("from")))
		return
	}
	s.queue.memory = append(s.queue.memory, m)
	s.queue.bytes += m.size
	s.saveMessage(m)
}

func (s *Session) memoryLimit() int {
	if s.kept() {
		return s.queueLimit()
	}
	return memoryQueue
}

func (s *Session) queueLimit() int {
	if s.set.Queue > 0 {
		return s.set.Queue
	}
	return DefaultQueue
}

// saveMessage brings a message from memory into the store.
func (s *Session) saveMessage(m *message) {
	if !s.kept() || m.write != nil {
		return
	}
	limit := s.queueLimit()
	w := &store.Waiting{UserID: s.account.user.ID, Key: m.key, Stanza: []byte(m.st.String()), At: time.Now()}
	m.write = &write{
		what: "waiting message",
		run: func(ctx context.Context, t store.Token) error {
			_, err := s.o.Store.Enqueue(ctx, t, w, limit)
			return err
		},
		done: func(err error) event { return messageKept{m, w.ID, err} },
	}
	s.later(m.write)
}

// messageKept: the store has a message, or will not have it.
type messageKept struct {
	message *message
	id      int64 // 0: it was there before
	err     error
}

func (e messageKept) apply(ctx context.Context, s *Session) {
	m := e.message
	switch {
	case e.err != nil && !errors.Is(e.err, store.ErrFull):
		return // it stays in memory
	case m.gone && e.err == nil && e.id != 0:
		s.removeSent([]int64{e.id}, []string{m.key})
	case m.gone && e.err == nil:
		s.noteSent(m.key)
		s.queue.unread = true
		s.queue.news++
	case m.gone:
	case e.err == nil:
		s.queue.take(m)
		s.queue.unread = true
		s.queue.news++
	default:
		s.queue.take(m)
		s.queue.lost.add(s.describe(m.st.Get("from")))
	}
	s.flushQueue(ctx)
}

// take takes a message out of memory.
func (q *queue) take(m *message) {
	if i := slices.Index(q.memory, m); i >= 0 {
		q.memory = slices.Delete(q.memory, i, i+1)
		q.bytes -= m.size
	}
}
