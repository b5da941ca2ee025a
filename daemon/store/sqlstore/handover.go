// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"spectrum.im/spectrum2/daemon/store"
)

// handover is what a node knows of users on their way from one to another.
type handover struct {
	mu sync.Mutex
	// told are users of ours whom others want, as Wanted has said.
	told map[string]bool
	// waiting are the requests of this node.
	waiting map[*request]bool
}

// request waits for the answer to one question.
type request struct {
	jid   string
	token int64 // of the owner who was asked
	reply chan error
}

// errAskAgain: he has another owner now.
var errAskAgain = errors.New("another node has him now")

// Request implements store.Shared.
func (d *DB) Request(ctx context.Context, jid string) error {
	n, err := d.theNode(ctx)
	for err == nil {
		var owner string
		var token int64
		if owner, token, err = d.ask(ctx, jid); err != nil || owner == "" {
			break
		}
		n.ring(owner)
		if err = n.await(ctx, &request{jid: jid, token: token, reply: make(chan error, 1)}); !errors.Is(err, errAskAgain) {
			break
		}
		err = nil
	}
	if err != nil {
		return fmt.Errorf("request %s: %w", jid, err)
	}
	return nil
}

// ask writes down that this node wants the user. Without an owner there is
// nobody to ask.
func (d *DB) ask(ctx context.Context, jid string) (owner string, token int64, err error) {
	err = d.write(ctx, func(t *tx) error {
		owner = ""
		err := t.get("SELECT node, token FROM {spectrum2_owners} WHERE jid = ? AND node <> ? FOR UPDATE", []any{jid, d.o.Node}, &owner, &token)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return t.exec("UPDATE {spectrum2_owners} SET wanted = ? WHERE jid = ?", d.o.Node, jid)
	})
	return owner, token, err
}

func (n *node) await(ctx context.Context, r *request) error {
	n.handover.mu.Lock()
	if n.waiting == nil {
		n.waiting = map[*request]bool{}
	}
	n.waiting[r] = true
	n.handover.mu.Unlock()
	n.wake()
	defer func() {
		n.handover.mu.Lock()
		delete(n.waiting, r)
		n.handover.mu.Unlock()
	}()
	select {
	case err := <-r.reply:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-n.ended:
		return fmt.Errorf("%w: it was closed", store.ErrUnavailable)
	}
}

// ownersEach is how many users one statement looks at.
const ownersEach = 50

// owned is a user's row, as who asks for him sees it.
type owned struct {
	node  string
	token int64
	kept  bool
	live  bool
}

// lookAsked answers this node's requests.
func (w *watcher) lookAsked(ctx context.Context) error {
	n := w.n
	n.handover.mu.Lock()
	all := slices.Collect(maps.Keys(n.waiting))
	n.handover.mu.Unlock()
	for some := range slices.Chunk(all, ownersEach) {
		rows, err := w.owners(ctx, some)
		if err != nil {
			return err
		}
		for _, r := range some {
			n.answer(r, rows[r.jid])
		}
	}
	return nil
}

func (w *watcher) owners(ctx context.Context, of []*request) (map[string]owned, error) {
	args := make([]any, ownersEach)
	for i := range args { // always as many, so that it is one statement
		args[i] = of[min(i, len(of)-1)].jid
	}
	rows := map[string]owned{}
	err := w.each(ctx, "SELECT o.jid, o.node, o.token, o.wanted IS NULL, COALESCE(n.lease > {now}, 0 = 1) FROM {spectrum2_owners} o LEFT JOIN {spectrum2_nodes} n ON n.node = o.node "+
		"WHERE o.jid IN ("+list(ownersEach)+")", args, func(scan func(...any) error) error {
		var jid string
		var o owned
		err := scan(&jid, &o.node, &o.token, &o.kept, &o.live)
		rows[jid] = o
		return err
	})
	return rows, err
}

// answer tells who waits, if there is an answer.
func (n *node) answer(r *request, o owned) {
	var err error
	switch {
	case o.node == "" || o.node == n.d.o.Node || !o.live:
	case o.token != r.token:
		err = errAskAgain
	case o.kept:
		err = store.ErrKept
	default:
		return
	}
	select {
	case r.reply <- err:
	default: // it has one
	}
}

// Keep implements store.Shared.
func (d *DB) Keep(ctx context.Context, jid string) error {
	var asker string
	err := d.write(ctx, func(t *tx) error {
		asker = ""
		err := t.get("SELECT wanted FROM {spectrum2_owners} WHERE jid = ? AND node = ? AND wanted IS NOT NULL FOR UPDATE", []any{jid, d.o.Node}, &asker)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return t.exec("UPDATE {spectrum2_owners} SET wanted = NULL WHERE jid = ?", jid)
	})
	if err != nil {
		return fmt.Errorf("keep %s: %w", jid, err)
	}
	d.settled(jid, asker)
	return nil
}

// settled: a user of ours was given back or kept.
func (d *DB) settled(jid, asker string) {
	n := d.node.Load()
	if n == nil {
		return
	}
	n.handover.mu.Lock()
	delete(n.told, jid)
	n.handover.mu.Unlock()
	if asker != "" {
		n.ring(asker)
	}
}

// untold are those of the users that Wanted has to be called for.
func (n *node) untold(jids []string, again bool) (fresh []string) {
	n.handover.mu.Lock()
	defer n.handover.mu.Unlock()
	told := make(map[string]bool, len(jids))
	for _, jid := range jids {
		if told[jid] = true; again || !n.told[jid] {
			fresh = append(fresh, jid)
		}
	}
	n.told = told
	return fresh
}
