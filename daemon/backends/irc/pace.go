// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import "time"

// pacer keeps a connection below what servers kill for: every line costs
// time, and only so much may be spent ahead (RFC 1459 §8.10, with ircu's
// addition for long lines). It is a token bucket whose tokens are durations.
type pacer struct {
	// perLine is what an ordinary line costs; 0: no pacing.
	perLine time.Duration
	// ahead is how much may be spent at once.
	ahead time.Duration
	// busy is until when the server has work from what was sent.
	busy time.Time
}

// pacerBurst is how many ordinary lines go out at once.
const pacerBurst = 5

func newPacer(perLine time.Duration) pacer {
	return pacer{perLine: perLine, ahead: pacerBurst * perLine}
}

// wait is how long the next line must be held back.
func (p *pacer) wait(now time.Time) time.Duration {
	if p.perLine == 0 {
		return 0
	}
	return max(0, p.busy.Add(p.perLine).Sub(now.Add(p.ahead)))
}

// spend books a line of n bytes. light lines (PING, PONG) cost a quarter:
// servers count them, but not as work.
func (p *pacer) spend(now time.Time, n int, light bool) {
	cost := p.perLine + p.perLine*time.Duration(n)/240
	if light {
		cost = p.perLine / 4
	}
	if p.busy.Before(now) {
		p.busy = now
	}
	p.busy = p.busy.Add(cost)
}
