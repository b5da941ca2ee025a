// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite

import (
	"context"
	"slices"
	"strings"

	"spectrum.im/spectrum2/daemon/store"
)

// archiveTables keep a user's archives. Every page of an archive, whole or of
// one contact, is a range of an index.
var archiveTables = []string{
	`CREATE TABLE {spectrum2_archive} (
  user_id INTEGER NOT NULL REFERENCES {users} (id) ON DELETE CASCADE,
  room INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  peer TEXT NOT NULL,
  resource TEXT NOT NULL,
  uid TEXT NOT NULL,
  stanza BLOB NOT NULL,
  PRIMARY KEY (user_id, room, seq)
)`,
	`CREATE INDEX {spectrum2_archive_peer} ON {spectrum2_archive} (user_id, room, peer, seq)`,
	`CREATE UNIQUE INDEX {spectrum2_archive_uid} ON {spectrum2_archive} (user_id, room, uid, peer)`,
	`CREATE TABLE {spectrum2_personal} (
  user_id INTEGER NOT NULL REFERENCES {users} (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  node TEXT NOT NULL,
  item TEXT NOT NULL,
  position INTEGER NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (user_id, kind, node, item)
)`,
	// For users whom the C++ version removes.
	`CREATE TRIGGER {spectrum2_owner_removed} AFTER DELETE ON {users} BEGIN
  DELETE FROM {spectrum2_archive} WHERE user_id = OLD.id;
  DELETE FROM {spectrum2_personal} WHERE user_id = OLD.id;
END`,
}

func createArchive(t *tx) error {
	for _, s := range archiveTables {
		if err := t.exec(s); err != nil {
			return err
		}
	}
	return nil
}

// AddArchived implements store.Store.
func (d *db) AddArchived(ctx context.Context, _ store.Token, userID int64, messages []store.Archived) error {
	messages = slices.Clone(messages)
	return d.write(ctx, func(t *tx) error {
		if _, err := t.user(userID); err != nil {
			return err
		}
		for i := range messages {
			m := &messages[i]
			err := t.exec(`INSERT INTO {spectrum2_archive} (user_id, room, seq, peer, resource, uid, stanza) VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO NOTHING`,
				userID, m.Room, m.Seq, m.Peer, m.Resource, m.ID, notNull(m.Stanza))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// notNull is b as a value that is empty, not missing.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// archiveRange is the condition that stands for q, and its arguments. The
// bounds are always there, so that there are few different statements.
func archiveRange(userID int64, q store.ArchiveQuery) (condition string, args []any) {
	condition = "user_id = ? AND room = ? AND seq > ? AND seq < ?"
	before := q.Before
	if before == 0 {
		before = 1<<63 - 1
	}
	args = []any{userID, q.Room, q.After, before}
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
func (d *db) Archived(ctx context.Context, userID int64, q store.ArchiveQuery, newest bool, limit int) ([]store.Archived, error) {
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
func (d *db) ArchivedByID(ctx context.Context, userID int64, q store.ArchiveQuery, ids []string) ([]store.Archived, error) {
	condition, args := archiveRange(userID, q)
	return d.archived(ctx, archiveColumns+byID(condition), append(args, jsonList(ids)))
}

// byID is the condition with a list of ids, and the order. The plus keeps
// SQLite from going through all places for the few that it finds by id.
func byID(condition string) string {
	return strings.ReplaceAll(condition, "seq ", "+seq ") + " AND uid IN (SELECT value FROM json_each(?)) ORDER BY +seq"
}

func (d *db) archived(ctx context.Context, query string, args []any) ([]store.Archived, error) {
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
func (d *db) CountArchived(ctx context.Context, userID int64, q store.ArchiveQuery, limit int) (n int, err error) {
	condition, args := archiveRange(userID, q)
	err = d.get(ctx, "SELECT count(*) FROM (SELECT 1 FROM {spectrum2_archive} WHERE "+condition+" LIMIT ?)", append(args, limit), &n)
	return n, err
}

// LastArchived implements store.Store.
func (d *db) LastArchived(ctx context.Context, userID int64) (seq int64, err error) {
	err = d.get(ctx, `SELECT MAX(COALESCE((SELECT MAX(seq) FROM {spectrum2_archive} WHERE user_id = ?1 AND room = 0), 0),
  COALESCE((SELECT MAX(seq) FROM {spectrum2_archive} WHERE user_id = ?1 AND room = 1), 0))`, []any{userID}, &seq)
	return seq, err
}

// PurgeArchived implements store.Store.
func (d *db) PurgeArchived(ctx context.Context, userID int64, before int64, limit int) (int, error) {
	var n int64
	err := d.write(ctx, func(t *tx) (err error) {
		n, err = t.change(`DELETE FROM {spectrum2_archive} WHERE rowid IN
  (SELECT rowid FROM {spectrum2_archive} WHERE user_id = ? AND room IN (0, 1) AND seq < ? LIMIT ?)`, userID, before, limit)
		return err
	})
	if err != nil {
		return 0, err
	}
	return int(n), nil
}

// ArchiveOwners implements store.Store. It steps from user to user through
// the index, however many messages they have.
func (d *db) ArchiveOwners(ctx context.Context, after int64, limit int) ([]int64, error) {
	var all []int64
	err := d.each(ctx, `WITH RECURSIVE owner (id) AS (
  SELECT MIN(user_id) FROM {spectrum2_archive} WHERE user_id > ?
  UNION ALL
  SELECT (SELECT MIN(user_id) FROM {spectrum2_archive} WHERE user_id > owner.id) FROM owner WHERE owner.id IS NOT NULL
) SELECT id FROM owner WHERE id IS NOT NULL LIMIT ?`, []any{after, limit}, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		all = append(all, id)
		return err
	})
	return all, err
}
