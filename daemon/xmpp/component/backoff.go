// SPDX-License-Identifier: GPL-2.0-or-later

package component

import (
	"errors"
	"math/rand/v2"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
)

const (
	maxDelay = 30 * time.Second
	// proven is how long a link has to last to count as a good one: a server
	// that accepts and hangs up is not asked again at once.
	proven = 10 * time.Second
)

// backoff spaces the tries: at once after a good link broke, then one second,
// doubled up to maxDelay, each between half and the whole of it.
type backoff struct{ failures int }

// next is the delay after a try that ended with err and was up for lasted.
func (b *backoff) next(err error, lasted time.Duration) time.Duration {
	if lasted >= proven {
		b.failures = 0
		return 0
	}
	b.failures++
	delay := maxDelay
	if !refused(err) && b.failures <= 5 {
		delay = time.Second << (b.failures - 1)
	}
	return delay/2 + rand.N(delay/2)
}

// refused reports whether err will be the same until somebody changes a
// configuration.
func refused(err error) bool {
	var e *peerError
	if !errors.As(err, &e) {
		return false
	}
	return e.Condition == xmpp.NotAuthorizedEnd || e.Condition == xmpp.HostUnknown
}
