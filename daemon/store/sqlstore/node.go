// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

// node is this main process among those that use the database. Three
// goroutines serve it, so that neither a statement nor an event waits for
// another: keep renews the lease, watch looks at what nodes ask each other for,
// tell calls the events. A fourth listens to the bell, where there is one.
type node struct {
	d *DB
	// process tells this process from an earlier or another one of the name.
	process int64
	// joined: with Join, not by a Claim without it.
	joined bool
	events store.NodeEvents
	lease  lease
	line   *lifeline // keep's

	stop  context.CancelFunc
	group sync.WaitGroup
	news  chan func() // for tell
	hurry chan struct{}
	waked chan struct{}
	ended chan struct{} // closed when the store is

	listening atomic.Bool
	others    atomic.Bool // watch is to look for other nodes
	handover
	bell bell
}

func newNode(d *DB, joined bool, e store.NodeEvents) *node {
	n := &node{d: d, joined: joined, events: e, process: rand.Int64N(1<<62) + 1,
		news: make(chan func()), hurry: make(chan struct{}, 1), waked: make(chan struct{}, 1), ended: make(chan struct{})}
	n.lease.tried = make(chan struct{})
	n.line = &lifeline{n: n}
	return n
}

// machineID is that of the running system; "" where it has none.
func machineID() string {
	b, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// Join implements store.Shared.
func (d *DB) Join(ctx context.Context, e store.NodeEvents) error {
	d.joining.Lock()
	defer d.joining.Unlock()
	if d.node.Load() != nil {
		return errors.New("join: this main process is a node already")
	}
	d.mustJoin.Store(true)
	n := newNode(d, true, e)
	err := n.line.dial(ctx) // before there is a lease that needs it
	if err == nil {
		err = n.enterSoon(ctx)
	}
	if err != nil {
		n.line.hangUp()
		return fmt.Errorf("join as node %s: %w", d.o.Node, err)
	}
	n.begin()
	return nil
}

// theNode is this process's, made by its first Claim where nobody joined: a
// tool's, which looks at no other nodes and hears of nothing.
func (d *DB) theNode(ctx context.Context) (*node, error) {
	if n := d.node.Load(); n != nil {
		return n, nil
	}
	d.joining.Lock()
	defer d.joining.Unlock()
	if n := d.node.Load(); n != nil {
		return n, nil
	}
	if d.mustJoin.Load() {
		return nil, fmt.Errorf("%w: node %s has not joined", store.ErrUnavailable, d.o.Node)
	}
	n := newNode(d, false, store.NodeEvents{})
	if err := n.enter(ctx, false); err != nil {
		return nil, err
	}
	n.begin()
	return n, nil
}

// begin starts what serves the node; Close ends it.
func (n *node) begin() {
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	n.group.Go(func() { n.keep(ctx) })
	n.group.Go(func() { n.tell(ctx) })
	n.group.Go(func() { n.watch(ctx) })
	if n.d.o.Bell != nil {
		n.group.Go(func() { n.listen(ctx) })
	}
	n.ring(everybody)
	n.wake()
	n.d.node.Store(n)
}

// enterSoon waits for a lease that may be about to end.
func (n *node) enterSoon(ctx context.Context) error {
	begin := time.Now()
	tick := time.NewTicker(min(n.d.o.Lease/10, 500*time.Millisecond))
	defer tick.Stop()
	for told := false; ; told = true {
		err := n.enter(ctx, false)
		if err == nil || !errors.Is(err, store.ErrInUse) || n.d.closed.Load() || time.Since(begin) > n.d.o.Lease+2*time.Second {
			return err
		}
		if !told {
			n.d.log.Info("waiting for another node's lease", "node", n.d.o.Node, "why", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// enter gives the node a lease, if it may have one now; again says that it had
// one before. Only one node enters at a time.
func (n *node) enter(ctx context.Context, again bool) error {
	var sent time.Time
	err := n.d.write(ctx, func(t *tx) error {
		if err := t.oneEnters(); err != nil {
			return err
		}
		if n.joined {
			if err := t.mayEnter(n, again); err != nil {
				return err
			}
		}
		if n.joined && !n.lease.isHeld() { // whom an earlier process had, nobody has now
			if err := t.exec("DELETE FROM {spectrum2_owners} WHERE node = ?", n.d.o.Node); err != nil {
				return err
			}
		}
		sent = time.Now()
		key, columns := []string{"node"}, []string{"lease", "machine", "member", "process"}
		return t.exec("INSERT INTO {spectrum2_nodes} (node, lease, machine, member, process) VALUES (?, {now} + ?, ?, ?, ?)"+t.d.lang.Upsert(key, columns),
			n.d.o.Node, n.d.o.Lease.Microseconds(), n.d.o.Machine, n.d.o.Member, n.process)
	})
	if err == nil {
		n.lease.hold(sent, n.due())
	}
	return err
}

// due is how long after a renewal the lease counts as lost; 0 is never: who is
// alone keeps his users while the database is away.
func (n *node) due() time.Duration {
	if n.joined && n.d.o.Member {
		return n.d.o.Lease * 2 / 3
	}
	return 0
}

// oneEnters locks out others that enter, until the transaction ends.
func (t *tx) oneEnters() error {
	if err := t.exec(t.d.upsert("spectrum2_meta", []string{"name"}, []string{"value"}, nil), "nodes", ""); err != nil {
		return err
	}
	var value string
	return t.get("SELECT value FROM {spectrum2_meta} WHERE name = ? FOR UPDATE", []any{"nodes"}, &value)
}

func (t *tx) mayEnter(n *node, again bool) error {
	var machine string
	var process int64
	var live, member bool
	err := t.get("SELECT machine, process, lease > {now} FROM {spectrum2_nodes} WHERE node = ?", []any{n.d.o.Node}, &machine, &process, &live)
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return err
	case live && process != n.process && machine != n.d.o.Machine:
		return fmt.Errorf("%w: another machine is node %s as well; give each machine a database.node of its own", store.ErrInUse, n.d.o.Node)
	case live && process != n.process && again:
		return fmt.Errorf("%w: another process of this machine is node %s as well; give each a database.node of its own", store.ErrInUse, n.d.o.Node)
	}
	var name string
	err = t.get("SELECT node, member FROM {spectrum2_nodes} WHERE node <> ? AND lease > {now} ORDER BY member, node LIMIT 1", []any{n.d.o.Node}, &name, &member)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	case !n.d.o.Member:
		return fmt.Errorf("%w by node %s; database.cluster = 1 on every machine is for several", store.ErrInUse, name)
	case !member:
		return fmt.Errorf("%w by node %s, which is not set up to be one of several: it needs database.cluster = 1 too", store.ErrInUse, name)
	}
	return nil
}

// end gives the lease back, if the server answers soon, so that other nodes
// may take the users at once.
func (n *node) end() {
	close(n.ended)
	n.stop()
	n.group.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := n.leave(ctx); err != nil {
		n.d.log.Debug("lease of this node ends by itself", "node", n.d.o.Node, "err", err)
		return
	}
	n.ring(everybody)
	n.ringNow(ctx)
}

func (n *node) leave(ctx context.Context) error {
	tx, err := n.d.reserve.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing, after Commit
	r, err := tx.ExecContext(ctx, n.d.rewrite("DELETE FROM {spectrum2_nodes} WHERE node = ? AND process = ?"), n.d.o.Node, n.process)
	if err != nil {
		return err
	}
	if left, err := r.RowsAffected(); err != nil || left == 0 {
		return err // another process has the name, and the users
	}
	if _, err := tx.ExecContext(ctx, n.d.rewrite("DELETE FROM {spectrum2_owners} WHERE node = ?"), n.d.o.Node); err != nil {
		return err
	}
	return tx.Commit()
}
