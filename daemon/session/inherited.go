// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// maxHeld bounds the messages of a user that wait for his first login here.
const maxHeld = 64

// inherited is what a session does that another main process's became: the user
// was logged in a moment ago, and need not notice that he is not.
type inherited struct {
	// fresh: the first login is still to come.
	fresh bool
	held  []*xmpp.Element
}

// holds keeps a message to a contact until the first login, and reports whether
// it did.
func (s *Session) holds(st *xmpp.Element) bool {
	h := &s.inherited
	if !h.fresh || s.online() || xmpp.Body(st) == "" || len(h.held) >= maxHeld {
		return false
	}
	if h.held = append(h.held, st); len(h.held) == 1 {
		s.timers.after(heldTime, heldLate{})
	}
	return true
}

// heldTime is how long a message waits for the login, and for the user's
// presence before that.
const heldTime = 20 * time.Second

// heldLate: the login takes too long.
type heldLate struct{}

func (heldLate) apply(ctx context.Context, s *Session) {
	if len(s.inherited.held) > 0 {
		s.releaseHeld(ctx)
	}
}

// releaseHeld sends what was held, or sends it back where nobody is logged in.
func (s *Session) releaseHeld(ctx context.Context) {
	held := s.inherited.held
	s.inherited = inherited{}
	for _, st := range held {
		stanzaCame{st}.apply(ctx, s)
	}
}
