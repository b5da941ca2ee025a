// SPDX-License-Identifier: GPL-2.0-or-later

package session

import "context"

// clientAttached: a client of the user's is bound. Who let it in has checked
// its password, so it may also try again what was refused.
type clientAttached struct{ resource string }

func (e clientAttached) apply(ctx context.Context, s *Session) {
	s.arrived()
	if s.clients.attached == nil {
		s.clients.attached = make(map[string]bool)
	}
	s.clients.attached[e.resource] = true
	s.account.pinned = false
	if !s.account.wanted {
		s.logIn(ctx)
	}
	s.sendStatus(ctx)
}

// clientDetached: it is gone for good.
type clientDetached struct{ resource string }

func (e clientDetached) apply(ctx context.Context, s *Session) {
	delete(s.clients.attached, e.resource)
	s.dropClient(ctx, e.resource)
	s.maybeLeave(ctx)
	s.sendStatus(ctx)
}

// deserted reports whether no client of the user's is there.
func (c *clients) deserted() bool { return len(c.list)+len(c.attached) == 0 }
