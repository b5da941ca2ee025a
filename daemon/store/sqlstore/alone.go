// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"math/rand/v2"

	"spectrum.im/spectrum2/daemon/store"
)

// What happens at each login is one statement where it can be: a transaction
// of several is as many round trips, and BEGIN and COMMIT besides. Such a
// statement checks all that the transaction would, and meets no row where
// anything is not as it should be: the transaction then says what.

// alone runs a statement that is a whole write and may be repeated, and returns
// how many rows it met, with the id that the server told.
func (d *DB) alone(ctx context.Context, query string, args ...any) (met, id int64, err error) {
	ctx, cancel := d.limit(ctx)
	defer cancel()
	err = d.repeat(ctx, func() error {
		s, err := d.stmt(ctx, query)
		if err != nil {
			return err
		}
		r, err := s.ExecContext(ctx, args...)
		if err != nil {
			return err
		}
		if met, err = r.RowsAffected(); err == nil && !d.lang.Returning {
			id, err = r.LastInsertId()
		}
		return err
	})
	return met, id, d.explain(ctx, "write", err)
}

// claimAlone takes a user whom nobody has; store.ErrNotFound if it did not.
func (n *node) claimAlone(ctx context.Context, jid string) (token int64, err error) {
	const from = " FROM {spectrum2_nodes} WHERE node = ? AND process = ? AND lease > {now}"
	const insert = "INSERT INTO {spectrum2_owners} (jid, node, token) SELECT ?, node, "
	args := []any{jid, rand.IntN(1024), n.d.o.Node, n.process}
	if n.d.lang.Returning {
		err = n.d.get(ctx, insert+"{now} * 1024 + ?"+from+" ON CONFLICT DO NOTHING RETURNING token", args, &token)
		return token, err
	}
	met, token, err := n.d.alone(ctx, insert+"LAST_INSERT_ID({now} * 1024 + ?)"+from, args...)
	if n.d.verdict(err).Class == Duplicate || err == nil && met == 0 {
		return 0, store.ErrNotFound
	}
	return token, err
}
