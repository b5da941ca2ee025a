// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"errors"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

// orphan is a user marked online whom no node has: his machine died, or he did
// not come back after a stop.
type orphan struct {
	tries int
	next  time.Time
}

const (
	orphanPage  = 500
	orphanFirst = 2 * time.Second // doubles with each try
	// orphanTries is after how many probes without an answer a user counts as
	// offline.
	orphanTries = 6
)

// sweepOrphans brings users back whom no node has any more, as long as the
// XMPP link stands. All nodes do it: who has the user's client beside it gets
// him.
func (c *cluster) sweepOrphans(ctx context.Context) {
	select {
	case <-c.linked:
	case <-ctx.Done():
		return
	}
	tick := time.NewTicker(c.lease / 5)
	defer tick.Stop()
	for {
		if c.linkUp.Load() && !c.lost.Load() && !c.stopping.Load() {
			if err := c.sweep(ctx); err != nil && ctx.Err() == nil {
				c.log.Debug("users of dead machines not looked for", "err", err)
			}
			c.offerAll()
		}
		c.tidy()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (c *cluster) sweep(ctx context.Context) error {
	found := map[string]bool{}
	for after := ""; ; {
		users, err := c.store.Orphans(ctx, after, orphanPage)
		if err != nil {
			return err
		}
		for _, u := range users {
			found[u] = true
			err := c.fetch(ctx, u)
			if ctx.Err() != nil || errors.Is(err, store.ErrUnavailable) {
				return err
			}
			if err != nil {
				c.log.Debug("user of a dead machine not looked for", "user", u, "err", err)
			}
		}
		if len(users) < orphanPage {
			break
		}
		after = users[len(users)-1]
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for u := range c.orphans {
		if !found[u] {
			delete(c.orphans, u)
		}
	}
	return nil
}

// fetch asks for an orphan's presence, if it is time for that, or logs him in
// who stays connected without it.
func (c *cluster) fetch(ctx context.Context, user string) error {
	c.mu.Lock()
	o := c.orphans[user]
	if o == nil {
		o = &orphan{}
		c.orphans[user] = o
	}
	due := !time.Now().Before(o.next)
	if due {
		o.next = time.Now().Add(orphanFirst << min(o.tries, orphanTries))
		o.tries++
	}
	tries := o.tries
	c.mu.Unlock()
	if !due {
		return nil
	}
	if tries > orphanTries {
		return c.giveUp(ctx, user)
	}
	if err := c.probes.Wait(ctx); err != nil {
		return err
	}
	c.probe(ctx, user)
	c.resume(ctx, user)
	return nil
}

// giveUp marks a user offline who does not answer.
func (c *cluster) giveUp(ctx context.Context, user string) error {
	_, err := c.sessions.vacantly(ctx, user, func() error { return c.markOffline(ctx, user) })
	return err
}

func (c *cluster) markOffline(ctx context.Context, user string) error {
	token, err := c.store.Claim(ctx, user)
	if errors.Is(err, store.ErrFenced) {
		return nil // he came back
	}
	if err != nil {
		return err
	}
	defer c.unclaim(user, token)
	u, err := c.store.User(ctx, user)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = c.store.SetOnline(ctx, token, u.ID, false)
	}
	if errors.Is(err, store.ErrFenced) {
		return nil
	}
	return err
}
