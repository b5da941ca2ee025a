// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite

import (
	"context"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/store"
)

// Exec runs a statement on the store's own writing connection.
func Exec(ctx context.Context, s store.Store, query string, args ...any) error {
	return s.(*db).write(ctx, func(t *tx) error { return t.exec(query, args...) })
}

// AddMigration adds a further step, for as long as the test runs (or the
// process, with a nil t).
func AddMigration(t *testing.T, run func(exec func(string) error) error) {
	old := migrations
	step := func(t *tx) error { return run(func(q string) error { return t.exec(q) }) }
	migrations = append(old[:len(old):len(old)], migration{store.Migration{Number: latest() + 1, Name: "of the test"}, step})
	if t != nil {
		t.Cleanup(func() { migrations = old })
	}
}

// Pragma reads a setting of the writing connection.
func Pragma(ctx context.Context, s store.Store, name string) (value string, err error) {
	err = s.(*db).write(ctx, func(t *tx) error { return t.get("PRAGMA "+name, nil, &value) })
	return value, err
}

// ArchivePlan is how the part of an archive is found, or messages by id.
func ArchivePlan(ctx context.Context, s store.Store, q store.ArchiveQuery, tail string, ids bool) (string, error) {
	condition, args := archiveRange(1, q)
	if ids {
		condition, args = byID(condition), append(args, "[1, 2]")
	}
	var plan strings.Builder
	err := s.(*db).each(ctx, "EXPLAIN QUERY PLAN "+archiveColumns+condition+tail, args, func(scan func(...any) error) error {
		var id, parent, unused int
		var detail string
		err := scan(&id, &parent, &unused, &detail)
		plan.WriteString(detail + "; ")
		return err
	})
	return plan.String(), err
}
