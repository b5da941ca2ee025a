// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// LeaseTime is how long a node's users stay its own when it does not renew its
// lease, which it does three times in that time.
const LeaseTime = 15 * time.Second

// lease is one row for all users of this node, by the server's clock.
type lease struct {
	once    sync.Once
	begin   time.Time
	renewed atomic.Int64 // after begin; 0 is never
	cancel  context.CancelFunc
	done    chan struct{}
}

func (l *lease) init() {
	l.begin, l.done = time.Now(), make(chan struct{})
}

// holdLease sees to it that this node has a lease, before its first claim and
// after a time without the server; renewLease keeps it until Close.
func (d *DB) holdLease(ctx context.Context) error {
	l := &d.lease
	if last := l.renewed.Load(); last != 0 && time.Since(l.begin)-time.Duration(last) < d.o.Lease*2/3 {
		return nil
	}
	if err := d.renewLease(ctx); err != nil {
		return err
	}
	l.once.Do(func() {
		keeping, cancel := context.WithCancel(context.Background())
		l.cancel = cancel
		go d.keepLease(keeping)
	})
	return nil
}

func (d *DB) renewLease(ctx context.Context) error {
	at := time.Since(d.lease.begin)
	key := []string{"node"}
	query := "INSERT INTO {spectrum2_nodes} (node, lease) VALUES (?, {now} + ?)" + d.lang.Upsert(key, []string{"lease"})
	err := d.write(ctx, func(t *tx) error { return t.exec(query, d.o.Node, d.o.Lease.Microseconds()) })
	if err == nil {
		d.lease.renewed.Store(int64(max(at, 1)))
	}
	return err
}

func (d *DB) keepLease(ctx context.Context) {
	defer close(d.lease.done)
	tick := time.NewTicker(d.o.Lease / 3)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := d.renewLease(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			d.log.Warn("lease of this node's users was not renewed", "node", d.o.Node, "err", err)
		}
		failed = err != nil
	}
}

// endLease gives this node's users free, if there is a lease and the server
// answers soon.
func (d *DB) endLease() {
	l := &d.lease
	l.once.Do(func() { l.cancel = func() { close(l.done) } }) // it never began
	l.cancel()
	<-l.done
	if l.renewed.Load() == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if _, err := d.pool.ExecContext(ctx, d.rewrite("DELETE FROM {spectrum2_nodes} WHERE node = ?"), d.o.Node); err != nil {
		d.log.Debug("lease of this node ends by itself", "node", d.o.Node, "err", err)
	}
}
