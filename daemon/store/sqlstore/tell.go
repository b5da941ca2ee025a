// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// tell calls the events, one at a time, and sees for itself when the lease is
// lost: whatever hangs elsewhere, the users are logged out in time.
func (n *node) tell(ctx context.Context) {
	timer := time.NewTimer(n.lease.untilDue())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			if cause, lost := n.lease.overdue(n.rest()); lost {
				n.callLost(fmt.Errorf("not renewed for two thirds of its time: %w", orSilence(cause)))
			}
		case event := <-n.news:
			event()
		}
		timer.Reset(n.lease.untilDue())
	}
}

func orSilence(cause error) error {
	if cause == nil {
		return errors.New("the database does not answer")
	}
	return cause
}

// report has tell call an event.
func (n *node) report(ctx context.Context, event func()) {
	select {
	case n.news <- event:
	case <-ctx.Done():
	}
}
