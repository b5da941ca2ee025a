// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"errors"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

var _ store.Shared = (*DB)(nil)

// Nodes implements store.Shared. It works before Migrate too.
func (d *DB) Nodes(ctx context.Context) ([]store.Node, error) {
	if there, err := d.hasTable(ctx, "spectrum2_nodes"); err != nil || !there {
		return nil, err
	}
	var all []store.Node
	err := d.each(ctx, "SELECT n.node, n.lease - {now}, (SELECT count(*) FROM {spectrum2_owners} o WHERE o.node = n.node) FROM {spectrum2_nodes} n ORDER BY n.node", nil,
		func(scan func(...any) error) error {
			var n store.Node
			var left int64
			err := scan(&n.Name, &left, &n.Users)
			n.Left, n.Self = time.Duration(left)*time.Microsecond, n.Name == d.o.Node
			all = append(all, n)
			return err
		})
	return all, err
}

// Owner implements store.Shared.
func (d *DB) Owner(ctx context.Context, jid string) (node string, err error) {
	err = d.get(ctx, "SELECT o.node FROM {spectrum2_owners} o JOIN {spectrum2_nodes} n ON n.node = o.node AND n.lease > {now} WHERE o.jid = ?", []any{jid}, &node)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return node, err
}

// Orphans implements store.Shared.
func (d *DB) Orphans(ctx context.Context, after string, limit int) ([]string, error) {
	return d.strings(ctx, "SELECT u.jid FROM {users} u LEFT JOIN {spectrum2_owners} o ON o.jid = u.jid LEFT JOIN {spectrum2_nodes} n ON n.node = o.node AND n.lease > {now} "+
		"WHERE (u.online OR o.jid IS NOT NULL) AND n.node IS NULL AND u.jid > ? ORDER BY u.jid LIMIT ?", after, limit)
}
