// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// A version 1 backend confirms no message. Most send the user's own words in a
// room back, as the network does; some do not. So the words wait for their
// echo, and are reflected without one after echoPatience; an echo that comes
// after all is known for echoMemory.
const (
	echoPatience = 3 * time.Second
	echoMemory   = time.Minute
	echoLimit    = 64
)

// unechoed is a message of the user in a room that waits for its echo.
type unechoed struct {
	st    *xmpp.Element
	text  string
	shown bool
}

// awaitEcho waits for the network's own words before the user sees his.
func (s *Session) awaitEcho(ctx context.Context, r *chatRoom, st *xmpp.Element, text string) {
	if len(r.unechoed) >= echoLimit {
		s.giveUpEcho(ctx, r, r.unechoed[0])
		r.unechoed = r.unechoed[1:]
	}
	u := &unechoed{st: st, text: text}
	r.unechoed = append(r.unechoed, u)
	s.timers.after(echoPatience, echoLate{r, u})
}

// giveUpEcho reflects a message whose echo does not come.
func (s *Session) giveUpEcho(ctx context.Context, r *chatRoom, u *unechoed) {
	if !u.shown {
		u.shown = true
		s.reflect(ctx, r, u.st, "")
	}
}

// isEcho takes the network's own words for a message that waits for them.
func (s *Session) isEcho(ctx context.Context, r *chatRoom, m *pbnetwork.ConversationMessage) bool {
	if m.GetNickname() != r.state.Nick || m.GetTimestamp() != "" {
		return false
	}
	for i, u := range r.unechoed {
		if u.text == m.GetMessage() {
			r.unechoed = append(r.unechoed[:i:i], r.unechoed[i+1:]...)
			s.giveUpEcho(ctx, r, u)
			return true
		}
	}
	return false
}

// echoLate ends the patience for an echo.
type echoLate struct {
	r *chatRoom
	u *unechoed
}

func (e echoLate) apply(ctx context.Context, s *Session) {
	for _, u := range e.r.unechoed {
		if u == e.u {
			s.giveUpEcho(ctx, e.r, u)
			s.timers.after(echoMemory, echoForgotten(e))
			return
		}
	}
}

// echoForgotten ends the memory of a message that was reflected without echo.
type echoForgotten echoLate

func (e echoForgotten) apply(context.Context, *Session) {
	for i, u := range e.r.unechoed {
		if u == e.u {
			e.r.unechoed = append(e.r.unechoed[:i:i], e.r.unechoed[i+1:]...)
			return
		}
	}
}
