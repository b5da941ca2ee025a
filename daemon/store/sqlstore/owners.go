// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"

	"spectrum.im/spectrum2/daemon/store"
)

// errRaced: another claim was first; the next look sees whose.
var errRaced = errors.New("claimed at the same moment")

// A token is unlike every other of the user's, and larger than those before, by
// the server's clock: microseconds, and ten bits that two claims in one
// microsecond differ in. It fits into 63 bits until 2255.

// Claim implements store.Store. What this node owned before, in this process
// or an earlier one, it takes over with a new token; what another node owns,
// only when that one's lease has ended. It waits for the writes of the owner
// that are under way. The error of a user whom another node owns wraps
// store.ErrFenced and says which.
func (d *DB) Claim(ctx context.Context, jid string) (store.Token, error) {
	n, err := d.theNode(ctx)
	var token store.Token
	if err == nil {
		token, err = n.claim(ctx, jid)
	}
	if errors.Is(err, errLapsed) && n.refresh(ctx) == nil {
		token, err = n.claim(ctx, jid)
	}
	if err != nil {
		return 0, fmt.Errorf("claim %s: %w", jid, err)
	}
	return token, nil
}

func (n *node) claim(ctx context.Context, jid string) (store.Token, error) {
	term, err := n.lease.current()
	if err != nil {
		return 0, err
	}
	token, err := n.claimAlone(ctx, jid)
	if errors.Is(err, store.ErrNotFound) {
		token, err = n.claimFrom(ctx, jid)
	}
	if err != nil {
		return 0, err
	}
	if now, err := n.lease.current(); err != nil || now != term { // it was lost meanwhile
		return 0, errLapsed
	}
	return store.Token(token), nil
}

// claimFrom looks who has the user.
func (n *node) claimFrom(ctx context.Context, jid string) (token int64, err error) {
	err = n.d.write(ctx, func(t *tx) error {
		var node string
		var old int64
		err := t.get("SELECT node, token FROM {spectrum2_owners} WHERE jid = ? FOR UPDATE", []any{jid}, &node, &old)
		if errors.Is(err, sql.ErrNoRows) {
			token, err = t.firstClaim(n, jid)
			return err
		}
		if err == nil {
			token, err = t.nextClaim(n, jid, node, old)
		}
		return err
	})
	return token, err
}

// firstClaim takes a user whom nobody has. The statement makes the token, so
// that it is larger than those before.
func (t *tx) firstClaim(n *node, jid string) (token int64, err error) {
	const insert = "INSERT INTO {spectrum2_owners} (jid, node, token) SELECT ?, node, {now} * 1024 + ? FROM {spectrum2_nodes} WHERE node = ? AND process = ? AND lease > {now}"
	args := []any{jid, rand.IntN(1024), n.d.o.Node, n.process}
	if t.d.lang.Returning {
		err = t.get(insert+" RETURNING token", args, &token)
	} else if err = t.exec(insert, args...); err == nil {
		err = t.get("SELECT token FROM {spectrum2_owners} WHERE jid = ?", args[:1], &token)
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, errLapsed
	case err != nil && t.d.verdict(err).Class == Duplicate:
		return 0, errRaced
	}
	return token, err
}

// nextClaim takes a user from this node's earlier session or process, or from
// a node whose lease has ended. It locks no node: a lease is renewed meanwhile.
func (t *tx) nextClaim(n *node, jid, owner string, old int64) (token int64, err error) {
	const live = "(SELECT count(*) FROM {spectrum2_nodes} WHERE node = ? AND lease > {now}"
	var his, ours int
	err = t.get("SELECT {now} * 1024 + ?, "+live+"), "+live+" AND process = ?)", []any{rand.IntN(1024), owner, n.d.o.Node, n.process}, &token, &his, &ours)
	switch {
	case err != nil:
		return 0, err
	case owner != n.d.o.Node && his > 0:
		return 0, &store.OwnedError{JID: jid, Node: owner}
	case ours == 0:
		return 0, errLapsed
	}
	token = max(token, old+1)
	return token, t.exec("UPDATE {spectrum2_owners} SET node = ?, token = ?, wanted = NULL WHERE jid = ?", n.d.o.Node, token, jid)
}

// Unclaim implements store.Store; a token that is not current changes nothing.
// The zero token is any of this node's.
func (d *DB) Unclaim(ctx context.Context, jid string, token store.Token) error {
	which, args := " FROM {spectrum2_owners} WHERE jid = ? AND node = ?", []any{jid, d.o.Node}
	if token != 0 {
		which, args = which+" AND token = ?", append(args, int64(token))
	}
	var asker sql.NullString
	var err error
	if d.lang.Returning {
		err = d.get(ctx, "DELETE"+which+" RETURNING wanted", args, &asker)
	} else {
		err = d.write(ctx, func(t *tx) error {
			err := t.get("SELECT wanted"+which+" FOR UPDATE", args, &asker)
			if err == nil {
				err = t.exec("DELETE"+which, args...)
			}
			if errors.Is(err, sql.ErrNoRows) {
				return store.ErrNotFound
			}
			return err
		})
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	d.settled(jid, asker.String)
	return nil
}
