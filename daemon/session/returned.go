// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/delay"
)

// How long nothing is sent after a message came back, if no presence says
// before that a client is there.
const (
	firstHold = time.Second
	lastHold  = 5 * time.Minute
)

// messageReturned: a message to the user, which no client took.
type messageReturned struct{ st *xmpp.Element }

func (e messageReturned) apply(ctx context.Context, s *Session) {
	st := e.st
	if from, _, _ := strings.Cut(st.Get("from"), "/"); from == s.user {
		return // his own
	}
	if t := st.Get("type"); st.Name != "message" || t == "error" || t == "groupchat" || !worthKeeping(st) {
		return
	}
	st = s.asItCame(st)
	s.holdBack()
	if len(s.queue.memory) > 0 || s.queue.unread {
		s.queue.mixed = true // it may be older than what waits
	}
	// Its first key may be known to the store still.
	s.keep(st, st.Get("id")+"/"+xmpp.NewID())
	slices.SortStableFunc(s.queue.memory, func(a, b *message) int { return cameAt(a.st).Compare(cameAt(b.st)) })
}

// asItCame is a message as it was before somebody tried to deliver it: to all
// clients, and stamped with no later time than when it came.
func (s *Session) asItCame(st *xmpp.Element) *xmpp.Element {
	st = st.Clone().Set("to", s.user)
	at, marked := markOf(st)
	stamp, delayed := delay.Of(st)
	if marked && delayed && stamp.Sub(at) > time.Second {
		st.Nodes = slices.DeleteFunc(st.Nodes, func(n xmpp.Node) bool { return n.Element.Is(delay.NS, "delay") })
	}
	return st
}

// worthKeeping: signs of typing are not.
func worthKeeping(st *xmpp.Element) bool {
	for c := range st.Children() {
		if c.Space != "http://jabber.org/protocol/chatstates" && c.Space != delay.NS {
			return true
		}
	}
	return false
}

// holdBack keeps what comes until a client shows itself, or for a while that
// grows.
func (s *Session) holdBack() {
	if s.queue.hold != nil {
		return
	}
	if time.Since(s.queue.held) > 2*lastHold {
		s.queue.patience = 0 // that was another time
	}
	s.queue.held = time.Now()
	s.queue.patience = min(max(2*s.queue.patience, firstHold), lastHold)
	s.queue.hold = s.timers.after(s.queue.patience, holdDue{})
}

// stopHolding: a client is there.
func (s *Session) stopHolding() {
	s.timers.stop(s.queue.hold)
	s.queue.hold, s.queue.patience = nil, 0
}

// holdDue tries again.
type holdDue struct{}

func (holdDue) apply(ctx context.Context, s *Session) {
	s.queue.hold = nil
	s.flushQueue(ctx)
}

// timeMark separates an id from the time when the message came, in base 36.
// The id carries it, because what comes back, perhaps minutes later, has to go
// to its place in the queue.
const timeMark = ".t"

func markTime(st *xmpp.Element) {
	if id := st.Get("id"); id != "" && !strings.Contains(id, timeMark) {
		st.Set("id", id+timeMark+strconv.FormatInt(time.Now().UnixMilli(), 36))
	}
}

// markOf is the time that st's id carries.
func markOf(st *xmpp.Element) (time.Time, bool) {
	_, mark, ok := strings.Cut(st.Get("id"), timeMark)
	ms, err := strconv.ParseInt(mark, 36, 64)
	return time.UnixMilli(ms), ok && err == nil
}

// cameAt is when a message came; now where nothing says so.
func cameAt(st *xmpp.Element) time.Time {
	if at, ok := markOf(st); ok {
		return at
	}
	if at, ok := delay.Of(st); ok {
		return at
	}
	return time.Now()
}
