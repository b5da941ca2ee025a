// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"spectrum.im/spectrum2/daemon/register"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/store"
)

// elsewhere is the error of a user whom another node owns.
type elsewhere struct{ node string }

func (e *elsewhere) Error() string { return "node " + e.node + " has the user" }

// Unwrap is what the user reads where his stanza cannot be handed on.
func (e *elsewhere) Unwrap() error {
	return register.Refused("service-unavailable", "Another machine of this transport (%s) serves you at the moment. Please try again.", e.node)
}

// elsewhere is the node to hand a stanza on to whose user could not be served
// here for that reason, "" without one.
func (c *cluster) elsewhere(err error) string {
	var other *elsewhere
	switch {
	case c == nil || !c.relays.Load():
	case errors.As(err, &other):
		if c.hears(other.node) {
			return other.node
		}
	case errors.Is(err, errStopping):
		return c.another()
	}
	return ""
}

var errFenced = register.Refused("service-unavailable", "The transport has lost its database. Please try again in a moment.")

// claim takes ownership of a user. One whom another node owns, and who is not to
// be requested or whom the owner keeps, is an *elsewhere. The caller has the
// user's seat: a claim takes the user from a session of this node too.
func (i *Instance) claim(ctx context.Context, user string, ask asking) (store.Token, error) {
	token, _, err := i.claimFrom(ctx, user, ask)
	return token, err
}

// claimFrom is claim; it reports whether another node had the user.
func (i *Instance) claimFrom(ctx context.Context, user string, ask asking) (token store.Token, had bool, err error) {
	c := i.cluster
	if c != nil && c.lost.Load() {
		return 0, false, errFenced
	}
	token, err = i.store.Claim(ctx, user)
	var owned *store.OwnedError
	if c == nil || !errors.As(err, &owned) {
		return token, false, err
	}
	if ask == never || ask == ifNeeded && c.relays.Load() && c.hears(owned.Node) && !c.asked(user) {
		return 0, true, &elsewhere{owned.Node}
	}
	limited, cancel := context.WithTimeout(ctx, max(requestTime, c.lease+requestTime/2)) // a dead owner's lease ends within
	defer cancel()
	if err = c.store.Request(limited, user); err == nil {
		token, err = i.store.Claim(ctx, user)
	}
	if errors.Is(err, store.ErrKept) || errors.As(err, &owned) || err != nil && limited.Err() != nil && ctx.Err() == nil {
		return 0, true, &elsewhere{owned.Node}
	}
	return token, true, err
}

// took notes that this node owns the user now.
func (c *cluster) took(user string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.away, user)
	delete(c.asking, user)
}

// isMember reports whether users come from other machines and go to them.
func (c *cluster) isMember() bool { return c != nil && c.member }

// left forgets the ways of a user whose session has ended.
func (c *cluster) left(user string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.indirect, user)
}

// hears reports whether stanzas get to a node, as far as known.
func (c *cluster) hears(node string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hearsLocked(node)
}

func (c *cluster) hearsLocked(node string) bool { return time.Now().After(c.deaf[node]) }

func (c *cluster) asked(user string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asking[user]
}

// wanted implements NodeEvents.Wanted.
func (c *cluster) wanted(jids []string) {
	for _, user := range jids {
		c.spawn(func(ctx context.Context) { c.answer(ctx, user) })
	}
}

// answer hands a user over, or keeps him: one who has a client that comes here,
// and in server mode everybody, since that client's connection is ours.
func (c *cluster) answer(ctx context.Context, user string) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	s := c.sessions.get(user)
	var err error
	switch {
	case s == nil:
		err = c.release(ctx, user)
	case c.leaves(user): // the end of his session is the answer
	case c.keeps(user, s):
		err = c.store.Keep(ctx, user)
	default:
		c.handOver(ctx, user, s, c.offeredTo(user))
	}
	if err != nil {
		c.log.Warn("request for a user not answered", "user", user, "err", err)
	}
}

// release gives up a user who has no session here.
func (c *cluster) release(ctx context.Context, user string) error {
	_, err := c.sessions.vacantly(ctx, user, func() error {
		token, err := c.store.Claim(ctx, user)
		if err != nil {
			return err
		}
		return c.store.Unclaim(ctx, user, token)
	})
	return err
}

// keeps reports whether a user stays here although another node wants him.
func (c *cluster) keeps(user string, s *session.Session) bool {
	if c.side != nil {
		return true
	}
	if c.relays.Load() {
		return c.direct(user, s)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	recent := slices.DeleteFunc(c.moves[user], func(t time.Time) bool { return time.Since(t) > moveTime })
	if len(recent) >= maxMoves {
		c.moves[user] = recent
		if time.Since(c.complained) < moveTime {
			return true
		}
		c.complained = time.Now()
		c.log.Error("stanzas of one user come to several machines, which the XMPP server has to prevent or to deliver: each machine's component needs its alias in the listener's hosts (spectrum2-cluster(7))",
			"user", user, "alias", c.alias(c.name))
		return true
	}
	c.moves[user] = append(recent, time.Now())
	return false
}

// handOver ends the user's session for another node, to which his stanzas go
// from now on if it is known.
func (c *cluster) handOver(ctx context.Context, user string, s *session.Session, to string) {
	c.mu.Lock()
	c.leaving[user] = true
	if to != "" {
		c.away[user] = away{node: to, until: time.Now().Add(givenTime), given: true}
	}
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.leaving, user)
		c.mu.Unlock()
	}()
	if err := s.HandOver(ctx); err != nil && ctx.Err() == nil {
		c.log.Warn("user was not handed over", "user", user, "err", err)
	}
}

// leaves reports whether a user is being handed over, as everybody is by a node
// that ends. Nothing keeps him here any more.
func (c *cluster) leaves(user string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leaving[user] || c.stopping.Load()
}

// handOverAll hands all users over before this node ends.
func (c *cluster) handOverAll(ctx context.Context) {
	to := ""
	if c.relays.Load() {
		to = c.another()
	}
	var wg sync.WaitGroup
	for _, s := range c.sessions.all() {
		wg.Go(func() { c.handOver(ctx, s.Status().User, s, to) })
	}
	wg.Wait()
}
