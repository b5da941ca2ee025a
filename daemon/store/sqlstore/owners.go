// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

// errRaced: another claim was first; the next look sees whose.
var errRaced = errors.New("claimed at the same moment")

// Claim implements store.Store. What this node owned before, in this process
// or an earlier one, it takes over with a new token; what another node owns,
// only when that one's lease has ended. It waits for the writes of the owner
// that are under way. The error of a user whom another node owns wraps
// store.ErrFenced and says which.
func (d *DB) Claim(ctx context.Context, jid string) (store.Token, error) {
	if err := d.holdLease(ctx); err != nil {
		return 0, err
	}
	var token int64
	err := d.write(ctx, func(t *tx) error {
		var node string
		var old int64
		token = time.Now().UnixNano() // unlike every other, and that is all a token has to be
		err := t.get("SELECT node, token FROM {spectrum2_owners} WHERE jid = ? FOR UPDATE", []any{jid}, &node, &old)
		if errors.Is(err, sql.ErrNoRows) {
			return t.firstClaim(jid, token)
		}
		if err != nil {
			return err
		}
		if err := t.mayTake(jid, node); err != nil {
			return err
		}
		token = max(token, old+1)
		return t.exec("UPDATE {spectrum2_owners} SET node = ?, token = ? WHERE jid = ?", d.o.Node, token, jid)
	})
	if err != nil {
		return 0, fmt.Errorf("claim %s: %w", jid, err)
	}
	return store.Token(token), nil
}

func (t *tx) firstClaim(jid string, token int64) error {
	err := t.exec("INSERT INTO {spectrum2_owners} (jid, node, token) VALUES (?, ?, ?)", jid, t.d.o.Node, token)
	if err != nil && t.d.verdict(err).Class == Duplicate {
		return errRaced
	}
	return err
}

func (t *tx) mayTake(jid, node string) error {
	if node == t.d.o.Node {
		return nil
	}
	var live int
	err := t.get("SELECT count(*) FROM {spectrum2_nodes} WHERE node = ? AND lease > {now}", []any{node}, &live)
	if err == nil && live > 0 {
		return fmt.Errorf("%w: node %s has %s", store.ErrFenced, node, jid)
	}
	return err
}

// Unclaim implements store.Store; a token that is not current changes nothing.
func (d *DB) Unclaim(ctx context.Context, jid string, token store.Token) error {
	return d.write(ctx, func(t *tx) error {
		return t.exec("DELETE FROM {spectrum2_owners} WHERE jid = ? AND token = ?", jid, int64(token))
	})
}
