// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

// LeaseTime is how long a node's users stay its own when it does not renew its
// lease, which it does five times in that time, unless Options say otherwise.
const LeaseTime = 10 * time.Second

// errLapsed: the server has no lease of ours.
var errLapsed = fmt.Errorf("%w: this node's lease has ended", store.ErrUnavailable)

// lease is one row for all users of this node, by the server's clock; here is
// what the process knows of it, by a clock that nobody sets.
type lease struct {
	mu   sync.Mutex
	held bool
	// term counts how often it was got.
	term int
	// due is when it counts as lost, unless it is renewed; zero is never.
	due time.Time
	// from is when it may be got again: until then, users are logged out.
	from  time.Time
	cause error         // of the last renewal that failed
	tried chan struct{} // closed by the next renewal, good or not
}

// hold is for a lease that was asked for at sent.
func (l *lease) hold(sent time.Time, due time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.held {
		l.term++
	}
	l.held, l.cause = true, nil
	l.renewedLocked(sent, due)
}

// renewed reports whether the lease was still held when the answer came.
func (l *lease) renewed(sent time.Time, due time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held {
		l.cause = nil
		l.renewedLocked(sent, due)
	}
	return l.held
}

func (l *lease) renewedLocked(sent time.Time, due time.Duration) {
	l.due = time.Time{}
	if due > 0 {
		l.due = sent.Add(due)
	}
}

// lose reports whether it was held.
func (l *lease) lose(rest time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.held
	if l.held = false; was {
		l.from = time.Now().Add(rest)
	}
	return was
}

// overdue loses the lease if it is due, and says why it was not renewed.
func (l *lease) overdue(rest time.Duration) (cause error, lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.held || l.due.IsZero() || time.Now().Before(l.due) {
		return nil, false
	}
	l.held, l.from = false, time.Now().Add(rest)
	return l.cause, true
}

// current is the term in which users may be claimed.
func (l *lease) current() (term int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.held || !l.due.IsZero() && !time.Now().Before(l.due) {
		return 0, errLapsed
	}
	return l.term, nil
}

func (l *lease) isHeld() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

// untilDue is how long tell may sleep.
func (l *lease) untilDue() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.held || l.due.IsZero() {
		return time.Hour
	}
	return max(time.Until(l.due), 0)
}

// failed keeps the reason, and reports whether it is the first in a row.
func (l *lease) failed(err error) (first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first, l.cause = l.cause == nil, err
	return first
}

func (l *lease) mayRegain() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !time.Now().Before(l.from)
}

// attempted wakes who waits for a renewal.
func (l *lease) attempted() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.tried)
	l.tried = make(chan struct{})
}

func (l *lease) nextTry() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tried
}

// keep renews the lease until the store is closed.
func (n *node) keep(ctx context.Context) {
	defer n.line.hangUp()
	tick := time.NewTicker(n.d.o.Lease / 5)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-n.hurry:
		}
		n.renew(ctx)
		n.lease.attempted()
	}
}

func (n *node) renew(ctx context.Context) {
	if !n.lease.isHeld() {
		n.regain(ctx)
		return
	}
	sent, rows, err := n.line.renew(ctx)
	if err == nil && rows == 1 {
		n.lease.renewed(sent, n.due())
		return
	}
	if err == nil {
		err = n.lapsed(ctx)
	}
	if err != nil && ctx.Err() == nil && n.lease.failed(err) {
		n.d.log.Warn("lease of this node's users was not renewed", "node", n.d.o.Node, "err", err)
	}
}

// lapsed: the server says that the lease has ended. Who is alone, and still
// is, goes on with his users.
func (n *node) lapsed(ctx context.Context) error {
	err := errLapsed
	if n.due() == 0 {
		if err = n.enter(ctx, true); err == nil || !errors.Is(err, store.ErrInUse) {
			return err
		}
	}
	n.lost(ctx, err)
	return nil
}

// rest is how long users are logged out after the lease counts as lost. It is
// the time that is left of the lease then, so that nobody takes them before.
func (n *node) rest() time.Duration { return n.d.o.Lease / 3 }

// lost has the event called.
func (n *node) lost(ctx context.Context, err error) {
	if n.lease.lose(n.rest()) {
		n.lease.failed(err)
		n.report(ctx, func() { n.callLost(err) })
	}
}

func (n *node) callLost(err error) {
	n.d.log.Warn("lease of this node's users is lost", "node", n.d.o.Node, "err", err)
	if n.events.Lost != nil {
		n.events.Lost(err)
	}
}

// regain gets a lease again, when everybody was logged out.
func (n *node) regain(ctx context.Context) {
	if !n.lease.mayRegain() {
		return
	}
	if err := n.enter(ctx, true); err != nil {
		if n.lease.failed(err) && ctx.Err() == nil {
			n.d.log.Warn("this node gets no lease", "node", n.d.o.Node, "err", err)
		}
		return
	}
	n.ring(everybody)
	n.report(ctx, func() {
		n.d.log.Info("this node has a lease again", "node", n.d.o.Node)
		if n.events.Regained != nil {
			n.events.Regained()
		}
	})
}

// refresh waits for a renewal, and says whether there is a lease then.
func (n *node) refresh(ctx context.Context) error {
	tried := n.lease.nextTry()
	select {
	case n.hurry <- struct{}{}:
	default: // it does already
	}
	select {
	case <-tried:
		_, err := n.lease.current()
		return err
	case <-ctx.Done():
		return errLapsed
	}
}
