// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"math"
	"slices"

	"spectrum.im/spectrum2/daemon/store"
)

// AddArchived implements store.Store.
func (d *DB) AddArchived(ctx context.Context, token store.Token, userID int64, messages []store.Archived) error {
	insert := d.upsert("spectrum2_archive", []string{"user_id", "room", "uid", "peer"}, []string{"seq", "resource", "stanza"}, nil)
	return d.write(ctx, func(t *tx) error {
		if _, err := t.own(userID, token); err != nil {
			return err
		}
		for i := range messages {
			m := &messages[i]
			if err := t.exec(insert, userID, number(m.Room), m.ID, m.Peer, m.Seq, m.Resource, notNull(m.Stanza)); err != nil {
				return err
			}
		}
		return nil
	})
}

// number is a truth as our tables keep it.
func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// archiveRange is the condition that stands for q, and its arguments. The
// bounds are always there, so that there are few different statements.
func archiveRange(userID int64, q store.ArchiveQuery) (condition string, args []any) {
	condition = "user_id = ? AND room = ? AND seq > ? AND seq < ?"
	before := q.Before
	if before == 0 {
		before = math.MaxInt64
	}
	args = []any{userID, number(q.Room), q.After, before}
	if q.Peer != "" {
		condition += " AND peer = ?"
		args = append(args, q.Peer)
	}
	if q.Resource != "" {
		condition += " AND resource = ?"
		args = append(args, q.Resource)
	}
	return condition, args
}

const archiveColumns = "SELECT seq, room, peer, resource, uid, stanza FROM {spectrum2_archive} WHERE "

// Archived implements store.Store.
func (d *DB) Archived(ctx context.Context, userID int64, q store.ArchiveQuery, newest bool, limit int) ([]store.Archived, error) {
	condition, args := archiveRange(userID, q)
	order := " ORDER BY seq LIMIT ?"
	if newest {
		order = " ORDER BY seq DESC LIMIT ?"
	}
	all, err := d.archived(ctx, archiveColumns+condition+order, append(args, limit))
	if newest {
		slices.Reverse(all)
	}
	return all, err
}

// ArchivedByID implements store.Store.
func (d *DB) ArchivedByID(ctx context.Context, userID int64, q store.ArchiveQuery, ids []string) ([]store.Archived, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	condition, args := archiveRange(userID, q)
	in, args := among(ids, args...)
	return d.archived(ctx, archiveColumns+condition+" AND uid IN "+in+" ORDER BY seq", args)
}

func (d *DB) archived(ctx context.Context, query string, args []any) ([]store.Archived, error) {
	var all []store.Archived
	err := d.each(ctx, query, args, func(scan func(...any) error) error {
		var m store.Archived
		err := scan(&m.Seq, &m.Room, &m.Peer, &m.Resource, &m.ID, &m.Stanza)
		all = append(all, m)
		return err
	})
	return all, err
}

// CountArchived implements store.Store.
func (d *DB) CountArchived(ctx context.Context, userID int64, q store.ArchiveQuery, limit int) (n int, err error) {
	condition, args := archiveRange(userID, q)
	err = d.get(ctx, "SELECT count(*) FROM (SELECT 1 FROM {spectrum2_archive} WHERE "+condition+" LIMIT ?) AS part", append(args, limit), &n)
	return n, err
}

// LastArchived implements store.Store.
func (d *DB) LastArchived(ctx context.Context, userID int64) (seq int64, err error) {
	err = d.get(ctx, `SELECT GREATEST(COALESCE((SELECT MAX(seq) FROM {spectrum2_archive} WHERE user_id = ? AND room = 0), 0),
  COALESCE((SELECT MAX(seq) FROM {spectrum2_archive} WHERE user_id = ? AND room = 1), 0))`, []any{userID, userID}, &seq)
	return seq, err
}

// PurgeArchived implements store.Store.
func (d *DB) PurgeArchived(ctx context.Context, userID int64, before int64, limit int) (int, error) {
	var n int64
	err := d.write(ctx, func(t *tx) (err error) {
		n, err = t.change(d.lang.PurgeArchive, userID, before, limit)
		return err
	})
	if err != nil {
		return 0, err
	}
	return int(n), nil
}

// ArchiveOwners implements store.Store.
func (d *DB) ArchiveOwners(ctx context.Context, after int64, limit int) ([]int64, error) {
	var all []int64
	err := d.each(ctx, "SELECT u.id FROM {users} u WHERE u.id > ? AND EXISTS (SELECT 1 FROM {spectrum2_archive} a WHERE a.user_id = u.id) ORDER BY u.id LIMIT ?",
		[]any{after, limit}, func(scan func(...any) error) error {
			var id int64
			err := scan(&id)
			all = append(all, id)
			return err
		})
	return all, err
}
