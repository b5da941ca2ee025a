// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"fmt"
	"sync"
	"time"

	"github.com/mk6i/open-oscar-server/wire"
)

// notices keeps the session from telling the same too often.
type notices struct {
	mu   sync.Mutex
	slow time.Time
}

// When a message that has to wait is worth a word, and how often.
const (
	slowFrom  = 8 * time.Second
	slowEvery = time.Minute
)

// slow tells the user that what he sends has to wait.
func (s *session) slow(to string, delay time.Duration) {
	if delay < slowFrom {
		return
	}
	now := time.Now()
	s.limit.mu.Lock()
	tell := now.Sub(s.limit.slow) >= slowEvery
	if tell {
		s.limit.slow = now
	}
	s.limit.mu.Unlock()
	if tell {
		s.notice(to, fmt.Sprintf("The network lets you send only so many messages in a minute. "+
			"Yours is sent in about %d seconds; nothing is lost.", int(delay.Seconds()+0.5)))
	}
}

// rateChanged: the server has new limits, or drops what the user sends, or
// does so no longer.
func (s *session) rateChanged(l *link, p snac) error {
	c := cursor{b: p.body}
	code := c.u16()
	params := c.rateParams()
	if c.short {
		return errShort
	}
	l.limits.change(time.Now(), code, params)
	switch code {
	case rateLimited:
		s.log.Info("the server says that the user sends too fast", "class", params.ID)
	case rateClear:
		if l.limits.classOf(kind{wire.ICBM, wire.ICBMChannelMsgToHost}) == params.ID {
			s.repeatDropped(l)
		}
	}
	return nil
}

// classOf is the class of a kind of SNAC, 0 where it has none.
func (r *limiter) classOf(k kind) uint16 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of[k]
}
