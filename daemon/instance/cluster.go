// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp/component"
)

// cluster is what an instance does beside other main processes on the same
// database, each of which owns its users alone (store.Shared). Stanzas of users
// whom another one owns are handed on to it; see relay.go and handover.go. nil is an instance
// on a database of its own.
type cluster struct {
	*Instance
	store store.Shared
	// member: there may be others (database.cluster).
	member bool
	name   string
	lease  time.Duration
	// comp is nil in server mode, and before there is one.
	comp atomic.Pointer[component.Component]
	// lost: the lease has ended, nobody may be logged in here. It changes under
	// mu, with losses, which counts how often that came about.
	lost   atomic.Bool
	losses int
	// relays: the XMPP server delivers this node's alias.
	relays atomic.Bool
	// work is done in order, by one goroutine.
	work chan func(context.Context)
	// out is what goes to other nodes: the link's reader must not wait for room
	// on the link, which may be full because the server waits for the reader.
	out chan func(context.Context)

	mu     sync.Mutex
	others []string
	// away are users whom others own, by bare JID.
	away map[string]away
	// indirect are, for users of ours, the resources that come by way of
	// another node, and its name.
	indirect map[string]map[string]string
	// asking: these users were offered and are being requested.
	asking map[string]bool
	// offered are users whom another node may have.
	offered map[string]offer
	// leaving are users who are being handed over.
	leaving map[string]bool
	// moves are the times of hand-overs that nobody offered.
	moves map[string][]time.Time
	// complained is when the log said last that users move to and fro.
	complained time.Time
	orphans    map[string]*orphan
	// relayed are on their way to other nodes, by the request's id.
	relayed map[string]relayed
	// blamed is when the log was last told that a node does not take stanzas.
	blamed map[string]time.Time
	// deaf are nodes to which the XMPP server delivers nothing, until then:
	// they have ended, or their alias is missing in its configuration.
	deaf map[string]time.Time
}

// away is where a user is, as far as known, and until when that holds.
type away struct {
	node  string
	until time.Time
	// given: this node handed him over; he may not be claimed back meanwhile.
	given bool
}

// offer is to whom a user was offered, and when.
type offer struct {
	node string
	at   time.Time
}

const (
	awayTime    = time.Minute
	givenTime   = 10 * time.Second
	requestTime = 10 * time.Second
	offerEvery  = 5 * time.Second
	// maxMoves is how often a user may be handed over within moveTime where
	// stanzas cannot be handed on.
	maxMoves = 3
	moveTime = time.Minute
	// maxOut bounds what waits to be sent to other nodes.
	maxOut = 4096
)

// asking is what becomes of a user whom another node owns: he is requested, or
// only if nothing can be handed on to that node, or never.
type asking int

const (
	ifNeeded asking = iota
	always
	never
)

// join makes the instance a node of its database, where that can be shared.
func (i *Instance) join(ctx context.Context, cfg *config.Config) error {
	shared, ok := i.store.(store.Shared)
	if !ok {
		return nil
	}
	c := &cluster{
		Instance: i, store: shared, member: cfg.Database.Cluster, name: cfg.NodeName(), lease: cfg.Database.Lease,
		work: make(chan func(context.Context), 16), out: make(chan func(context.Context), maxOut), away: map[string]away{}, indirect: map[string]map[string]string{},
		asking: map[string]bool{}, offered: map[string]offer{}, moves: map[string][]time.Time{}, orphans: map[string]*orphan{}, relayed: map[string]relayed{},
		leaving: map[string]bool{}, blamed: map[string]time.Time{}, deaf: map[string]time.Time{},
	}
	i.cluster = c
	err := shared.Join(ctx, store.NodeEvents{Wanted: c.wanted, Lost: c.leaseLost, Regained: c.leaseBack, Others: c.othersAre})
	if err != nil {
		return fmt.Errorf("join the database's other main processes: %w", err)
	}
	i.spawn(c.worker)
	if c.member {
		i.spawn(c.sweepOrphans)
		i.spawn(c.watchRelayed)
		i.spawn(c.sendOut)
	}
	return nil
}

// alias is the address of a node's component alone.
func (c *cluster) alias(node string) string { return node + "." + c.jid }

// post hands f to the worker; it never blocks for long, and f is lost only with
// the instance.
func (c *cluster) post(f func(context.Context)) {
	select {
	case c.work <- f:
	case <-c.ctx.Done():
	}
}

func (c *cluster) worker(ctx context.Context) {
	for {
		select {
		case f := <-c.work:
			f(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// othersAre implements NodeEvents.Others.
func (c *cluster) othersAre(names []string) {
	c.mu.Lock()
	gone := slices.DeleteFunc(slices.Clone(c.others), func(n string) bool { return slices.Contains(names, n) })
	for _, n := range names {
		if !slices.Contains(c.others, n) {
			delete(c.deaf, n)
		}
	}
	c.others = slices.Clone(names)
	for user, a := range c.away {
		if slices.Contains(gone, a.node) {
			delete(c.away, user)
		}
	}
	c.mu.Unlock()
	c.log.Info("machines on this database", "others", strings.Join(names, " "), "gone", strings.Join(gone, " "))
	c.poke()
}

// sentence is what systemctl status shows of the cluster.
func (c *cluster) sentence() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.lost.Load():
		return "machine " + c.name + " may have no users before the database is back"
	case len(c.others) == 0:
		return "machine " + c.name + " alone"
	}
	return "machine " + c.name + " with " + strings.Join(c.others, ", ")
}

// another is the name of another node that is there, "" without one.
func (c *cluster) another() string {
	if c == nil {
		return ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.others) == 0 {
		return ""
	}
	return c.others[0]
}

// leaseLost implements NodeEvents.Lost. Not one of several, this node was away
// for so long that another has begun: it ends, and cannot start beside that.
func (c *cluster) leaseLost(err error) {
	c.mu.Lock()
	c.losses++
	c.lost.Store(true)
	c.mu.Unlock()
	c.log.Error("this machine may not keep its users any longer", "node", c.name, "err", err)
	if !c.member {
		c.fail(fmt.Errorf("the database is another main process's now: %w", err))
	}
	c.poke()
	c.post(c.fence)
}

const fenceReason = "The transport lost its database. You will be logged in again by another machine, or as soon as it is back."

// fence logs everybody out, in the time that is left of the lease, and leaves
// the XMPP server to the other components of the domain.
func (c *cluster) fence(ctx context.Context) {
	// One who waits for room on the link is woken by its end.
	limited, cancel := context.WithTimeout(ctx, c.lease/3)
	defer cancel()
	var wg sync.WaitGroup
	for _, s := range c.sessions.all() {
		wg.Go(func() {
			if err := s.Fence(limited, fenceReason, c.lease/4); err != nil && ctx.Err() == nil {
				c.log.Warn("session did not stop in time", "user", s.Status().User, "err", err)
			}
		})
	}
	wg.Wait()
	c.forgetAll()
	c.stayAway()
}

// stayAway leaves the XMPP server while the lease is lost.
func (c *cluster) stayAway() {
	if comp := c.comp.Load(); comp != nil && c.member && c.lost.Load() {
		comp.Pause("the database does not answer")
	}
}

// check logs a user out again whose session was made while the lease was lost.
func (c *cluster) check(s *session.Session) {
	if c == nil || !c.lost.Load() {
		return
	}
	c.spawn(func(ctx context.Context) {
		if err := s.Fence(ctx, fenceReason, c.lease/4); err != nil && ctx.Err() == nil {
			c.log.Warn("session did not stop in time", "user", s.Status().User, "err", err)
		}
	})
}

// leaseBack implements NodeEvents.Regained.
func (c *cluster) leaseBack() {
	c.mu.Lock()
	loss := c.losses
	c.mu.Unlock()
	c.post(func(context.Context) {
		c.mu.Lock()
		again := c.losses != loss
		if !again {
			c.lost.Store(false)
		}
		c.mu.Unlock()
		if again {
			return
		}
		c.log.Info("this machine may have users again", "node", c.name)
		if comp := c.comp.Load(); comp != nil {
			comp.Resume()
		}
		c.poke()
	})
}

// forgetAll forgets what was known of users.
func (c *cluster) forgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.away)
	clear(c.indirect)
	clear(c.offered)
	clear(c.orphans)
}
