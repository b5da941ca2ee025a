// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// flood sends for phaseTime as fast as messages arrive, with at most window
// under way, and waits for the last. It returns how many it sent.
func (c *crowd) flood(ctx context.Context, window int, send func(due time.Time)) (sent int) {
	for end := time.Now().Add(phaseTime); time.Now().Before(end); sent++ {
		c.awaitOpen(ctx, window-1)
		send(time.Now())
	}
	c.awaitOpen(ctx, 0)
	return sent
}

// paced sends rate messages a second for phaseTime, whether those before
// arrived or not, and waits for the last. Each message's delay counts from the
// moment when it was due.
func (c *crowd) paced(ctx context.Context, rate int, send func(due time.Time)) (sent int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	begin, total := time.Now(), int(phaseTime.Seconds())*rate
	for sent < total {
		due := begin.Add(time.Duration(sent) * time.Second / time.Duration(rate))
		for time.Now().Before(due) {
			<-tick.C
		}
		send(due)
		sent++
	}
	c.awaitOpen(ctx, 0)
	return sent
}

// awaitOpen waits until at most n messages are under way.
func (c *crowd) awaitOpen(ctx context.Context, n int) {
	c.await(ctx, func() bool { return c.box.under() <= n }, func() string {
		return fmt.Sprintf("%d messages did not arrive everywhere", c.box.under())
	})
}

// joined writes stanzas to the component as servers do under load: what
// waits goes out in one write.
type joined struct {
	write func([]byte)
	wake  chan struct{}
	done  chan struct{}

	mu      sync.Mutex
	waiting []byte
}

func newJoined(write func([]byte)) *joined {
	j := &joined{write: write, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go j.run()
	return j
}

func (j *joined) run() {
	defer close(j.done)
	for range j.wake {
		j.mu.Lock()
		out := j.waiting
		j.waiting = nil
		j.mu.Unlock()
		j.write(out)
	}
}

func (j *joined) add(st *xmpp.Element) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.waiting = xmpp.Append(j.waiting, st, xmpp.NSComponent)
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// close is called when nobody sends any more.
func (j *joined) close() {
	close(j.wake)
	<-j.done
}
