// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// Session is one user of the transport. Its exported methods are for any
// goroutine; everything below "owned" belongs to Run's.
type Session struct {
	o     Options
	user  string // bare JID
	log   *slog.Logger
	box   *mailbox
	ended chan struct{}

	// What others may look at.
	status   atomic.Pointer[Status]
	step     atomic.Pointer[Step]
	roomList atomic.Pointer[[]RoomInfo]
	// searchForm is nil where there is no directory.
	searchForm atomic.Pointer[pbnetwork.SearchForm]
	activity   atomic.Int64

	// Owned.
	set     Settings // as of the current event
	timers  *timers
	tasks   sync.WaitGroup  // goroutines that post to box
	closing bool            // Stop, Unregister, a failed trial: end without asking
	unheard []event         // came too late to be applied
	late    []*xmpp.Element // came for the next session

	account   account
	clients   clients
	contacts  contacts
	rooms     rooms
	inflight  inflight
	receipts  receiptsWanted
	queue     queue
	requests  requests
	pictures  pictures
	searches  searches
	steps     steps
	commands  commands
	doubts    doubts
	inherited inherited

	// writes go behind the session, wishes are those that somebody waits for.
	writes, wishes writes
}

// startGrace is how long a session waits for its first event.
const startGrace = time.Minute

// New makes the session of o.User; nothing happens before Run.
func New(o Options) *Session {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Caps == nil {
		o.Caps = NewCapsCache()
	}
	s := &Session{
		o: o, user: o.User.JID, log: o.Log,
		box: newMailbox(), ended: make(chan struct{}),
		set: o.Settings(),
	}
	s.account = account{user: o.User, since: time.Now(), legacyName: o.User.Name}
	s.clients = newClients()
	s.contacts = newContacts()
	s.contacts.inherited, s.inherited.fresh = o.Inherited, o.Inherited
	s.rooms = newRooms()
	s.inflight = newInflight()
	s.requests = newRequests()
	s.wishes.hasty = true
	s.publish()
	return s
}

// Run is the session's life. It returns nil when there is nothing to keep up,
// ctx's error when that ended it (the user sees the transport go, as with
// Stop), and an error when a panic did. It is called once.
func (s *Session) Run(ctx context.Context) (err error) {
	inner, cancel := context.WithCancel(ctx)
	s.timers = newTimers()
	defer s.finish(ctx, cancel)
	defer func() {
		if p := recover(); p != nil {
			err = s.crashed(ctx, p)
		}
	}()
	s.begin(inner)
	s.loop(inner)
	if err := ctx.Err(); err != nil {
		s.farewell(ctx)
		return err
	}
	return nil
}

// loop applies events until there is nothing to keep up.
func (s *Session) loop(ctx context.Context) {
	for !s.over() {
		select {
		case <-s.box.wake:
			s.applyAll(ctx, s.box.take())
		case <-s.timers.clock.C:
			s.applyDue(ctx)
		case <-s.writes.news:
			s.applyHeard(ctx, &s.writes)
		case <-s.wishes.news:
			s.applyHeard(ctx, &s.wishes)
		case <-ctx.Done():
			return
		}
	}
}

func (s *Session) applyAll(ctx context.Context, events []event) {
	for i, e := range events {
		s.apply(ctx, e)
		if s.closing {
			s.unheard = append(s.unheard, events[i+1:]...)
			return
		}
	}
}

func (s *Session) applyDue(ctx context.Context) {
	for e := s.timers.due(); e != nil; e = s.timers.due() {
		s.apply(ctx, e)
	}
}

func (s *Session) apply(ctx context.Context, e event) {
	if _, waited := e.(lingered); !waited && s.o.Trial == nil {
		s.arrived()
	}
	s.applyQuietly(ctx, e)
}

// applyHeard applies what came of writes, which is no sign of the user.
func (s *Session) applyHeard(ctx context.Context, q *writes) {
	for _, e := range q.heard() {
		s.applyQuietly(ctx, e)
	}
}

func (s *Session) applyQuietly(ctx context.Context, e event) {
	s.set = s.o.Settings()
	e.apply(ctx, s)
	s.publish()
}

// over reports whether the session can end. Where nothing forces it, it closes
// its mailbox first, and goes on if something came meanwhile.
func (s *Session) over() bool {
	if s.closing {
		return true
	}
	if s.account.wanted || s.account.lingering != nil || s.linked() || s.account.attempt != nil || !s.clients.deserted() {
		return false
	}
	if len(s.inherited.held) > 0 {
		return false
	}
	if s.writes.busy() || s.wishes.busy() {
		return false // who makes the next session reads what this one writes
	}
	return s.box.close(false)
}

// begin is what happens before the first event.
func (s *Session) begin(ctx context.Context) {
	s.loadContacts(ctx)
	s.loadQueue(ctx)
	if s.o.Trial != nil {
		s.account.wanted, s.account.state = true, Connecting
		s.connect(ctx)
		return
	}
	s.account.lingering = s.timers.after(startGrace, lingered{})
}

// finish releases what the session holds, however it ended.
func (s *Session) finish(ctx context.Context, cancel context.CancelFunc) {
	s.saveRest()
	s.box.close(true)
	cancel()
	s.tasks.Wait()
	for _, st := range s.inherited.held {
		s.unheard = append(s.unheard, stanzaCame{st})
	}
	s.dismiss(context.WithoutCancel(ctx), append(s.unheard, s.box.take()...))
	s.dropLink()
	s.timers.clock.Stop()
	s.account.state, s.account.wanted = Offline, false
	s.publish()
	close(s.ended)
}

// dismiss answers for what came too late: links go back, messages too.
func (s *Session) dismiss(ctx context.Context, events []event) {
	ctx, cancel := context.WithTimeout(ctx, farewellTime)
	defer cancel()
	for _, e := range events {
		switch e := e.(type) {
		case acquired:
			if e.link != nil {
				e.link.Release()
			}
		case stanzaCame:
			if s.tooLate(e.st) {
				continue
			}
			if e.st.Name != "presence" {
				s.refuse(ctx, e.st, xmpp.ServiceUnavailable, "Not delivered: the transport has just logged you out")
			}
		}
	}
}

// crashed ends the session after a panic of its own goroutine: others are
// served on, the user sees the transport go.
func (s *Session) crashed(ctx context.Context, p any) error {
	s.log.Error("session panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewellTime)
	defer cancel()
	st := xmpp.NewPresence("unavailable", s.set.Addresses.Transport, s.user)
	s.send(ctx, st.Add(xmpp.NewText(xmpp.NSClient, "status", "Internal error; log in again")))
	for _, m := range s.inflight.byID {
		s.refuse(ctx, m.st, xmpp.InternalServerError, "The message may not have been delivered")
	}
	return fmt.Errorf("session of %s panicked: %v", s.user, p)
}

// task runs f in a goroutine that the session waits for when it ends.
func (s *Session) task(f func()) {
	s.tasks.Go(f)
}

// send hands a stanza to the front and reports whether it left.
func (s *Session) send(ctx context.Context, st *xmpp.Element) bool {
	if st == nil {
		return true
	}
	err := s.o.Front.Send(ctx, st)
	if err != nil {
		s.log.Debug("stanza not sent", "kind", st.Name, "to", st.Get("to"), "err", err)
	}
	return err == nil
}

// kept reports whether the user has a place in the store yet.
func (s *Session) kept() bool { return s.account.user.ID != 0 }

// ownPrefix marks the ids of IQs that sessions send.
const ownPrefix = "s2s-"

// OwnID reports whether an IQ with this id came from a session, so that its
// answer goes to the Stanza of the user it comes from.
func OwnID(id string) bool { return strings.HasPrefix(id, ownPrefix) }

func newOwnID() string { return ownPrefix + xmpp.NewID() }
