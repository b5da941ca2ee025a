// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"
)

// watch looks at what nodes ask each other for: when the bell rings, when
// somebody here waits for a user, and now and then.
func (n *node) watch(ctx context.Context) {
	w := &watcher{n: n, stmts: map[string]*sql.Stmt{}}
	failed := false
	for {
		timer := time.NewTimer(n.pause())
		tick := false
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
			tick = true
		case <-n.waked:
			timer.Stop()
		}
		err := w.look(ctx, tick)
		if err != nil && !failed && ctx.Err() == nil {
			n.d.log.Debug("what other nodes ask for is not known", "node", n.d.o.Node, "err", err)
		}
		failed = err != nil
	}
}

// pause is between two looks.
func (n *node) pause() time.Duration {
	if n.listening.Load() {
		return n.d.o.Lease / 5
	}
	return min(n.d.o.Lease/5, time.Second)
}

// watcher is watch's own: its statements, and what it saw last.
type watcher struct {
	n      *node
	stmts  map[string]*sql.Stmt
	others []string
}

// look tries everything, whatever fails.
func (w *watcher) look(ctx context.Context, tick bool) error {
	limit, cancel := w.n.d.limit(ctx)
	defer cancel()
	w.n.ringNow(limit)
	errs := []error{w.lookWanted(ctx, limit, tick), w.lookAsked(limit)}
	if w.n.others.Swap(false) || tick {
		errs = append(errs, w.lookOthers(ctx, limit))
	}
	w.n.ringNow(limit)
	return errors.Join(errs...)
}

// lookWanted tells of users of ours that others want. At each tick it tells of
// all of them again.
func (w *watcher) lookWanted(ctx, limit context.Context, tick bool) error {
	jids, err := w.strings(limit, "SELECT jid FROM {spectrum2_owners} WHERE node = ? AND wanted IS NOT NULL", w.n.d.o.Node)
	if err != nil {
		return err
	}
	if jids = w.n.untold(jids, tick); len(jids) == 0 || w.n.events.Wanted == nil {
		return nil
	}
	w.n.report(ctx, func() {
		if w.n.lease.isHeld() {
			w.n.events.Wanted(jids)
		}
	})
	return nil
}

func (w *watcher) lookOthers(ctx, limit context.Context) error {
	names, err := w.strings(limit, "SELECT node FROM {spectrum2_nodes} WHERE lease > {now} AND node <> ? ORDER BY node", w.n.d.o.Node)
	if err != nil || slices.Equal(names, w.others) {
		return err
	}
	w.others = names
	if w.n.events.Others != nil {
		w.n.report(ctx, func() { w.n.events.Others(slices.Clone(names)) })
	}
	return nil
}

// each is DB.each on the reserved connections.
func (w *watcher) each(ctx context.Context, query string, args []any, f func(scan func(...any) error) error) error {
	s := w.stmts[query]
	if s == nil {
		var err error
		if s, err = w.n.d.reserve.PrepareContext(ctx, w.n.d.rewrite(query)); err != nil {
			return err
		}
		w.stmts[query] = s
	}
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (w *watcher) strings(ctx context.Context, query string, args ...any) (all []string, err error) {
	err = w.each(ctx, query, args, func(scan func(...any) error) error {
		var s string
		err := scan(&s)
		all = append(all, s)
		return err
	})
	return all, err
}
