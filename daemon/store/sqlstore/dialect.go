// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"log/slog"
	"strings"

	"spectrum.im/spectrum2/daemon/store"
)

// Dialect is where two database servers differ.
type Dialect struct {
	// Type names it for people.
	Type string
	// CxxVersion is db_version of the C++ version whose tables these are.
	CxxVersion int
	// Quote stands on both sides of a name.
	Quote string
	// Fold: names without quotes are lower case; the C++ version quoted none.
	Fold bool
	// Numbered parameters are $1, $2; others are ?.
	Numbered bool
	// Returning: an INSERT tells the new row's id by RETURNING.
	Returning bool
	// Now is the server's clock in microseconds since 1970.
	Now string
	// Upsert is what stands behind an INSERT that changes the columns of a row
	// of the same keys instead; without columns it leaves the row alone.
	Upsert func(keys, columns []string) string
	// SetOnline marks a user: parameters are online, last_login, his id and his
	// owner's token, without which it meets no row. It locks both rows.
	SetOnline string
	// PurgeArchive deletes some messages: parameters are user, seq, limit.
	PurgeArchive string
	// HasTable counts tables of a name that are in use.
	HasTable string
	// Classify says what an error of the driver or the server means.
	Classify func(error) Verdict

	// Bookkeeping makes the tables of Migrate itself, if they are not there.
	Bookkeeping []string
	// Steps are our migrations. Each only adds.
	Steps []Step
	// Transactional: tables are made in a transaction. Otherwise each
	// statement of a step does nothing if it was done before.
	Transactional bool
	// Lock keeps other programs from migrating the tables of a prefix, its
	// parameter, at the same time, until the transaction or the connection
	// ends. It returns 1.
	Lock string
	// Look refuses a database that cannot be used, or that is not safe enough
	// with a warning. It runs before the first step, and at each start.
	Look func(ctx context.Context, exec Exec, log *slog.Logger) error
	// ShortPassword counts tables of a name whose column password has no room
	// for a sealed one; Widen gives it the room.
	ShortPassword, Widen string
	// Rewrite is a format: it writes a table anew, and leaves nothing of the
	// rows that it had before.
	Rewrite string
	// AsText is a column, whose name is quoted, as the bytes of a backup.
	AsText func(column, databaseType string) string
	// Bytes reports whether a column is no text to the driver.
	Bytes func(databaseType string) bool
	// LastID is the last id that a table gave a row, SetLastID makes it a
	// higher one.
	LastID    func(ctx context.Context, exec Exec, table string) (int64, error)
	SetLastID func(ctx context.Context, exec Exec, table string, last int64) error
	// Exactly are statements for a connection that reads or writes the rows of a
	// backup.
	Exactly []string
	// LockTable, if there is one, is a format: it keeps other programs from
	// writing to a table until the end of the transaction.
	LockTable string
	// Share stands behind a SELECT whose rows must not change until the end of
	// the transaction.
	Share string
	// Narrow, if there is one, asks whether the tables that are there take
	// only characters of the first plane of Unicode.
	Narrow string
}

// Step is one migration. Names in its statements are as in DB.
type Step struct {
	store.Migration
	Statements []string
	// Also runs after the statements, with the same promise.
	Also func(ctx context.Context, exec Exec) error
}

// Exec is what a step works with.
type Exec interface {
	Exec(ctx context.Context, query string, args ...any) error
	Get(ctx context.Context, query string, args []any, dest ...any) error
	HasTable(ctx context.Context, table string) (bool, error)
	// Table is the table's name with its prefix, as the server's own tables
	// have it.
	Table(table string) string
}

// What an error means.
const (
	Other     = iota // a mistake of ours
	Away             // the server cannot be used
	Lost             // the connection ended, perhaps only this one
	Retry            // the transaction was undone and may be tried again
	Duplicate        // a unique key is there already
	Refused          // the tables do not take the value
	Slow             // the server ended a statement that took too long
	Crowded          // the server gives no further connection
)

// Verdict is what an error means, with a sentence for an operator.
type Verdict struct {
	Class    int
	Sentence string
}

// tables are those that names in statements stand for, in braces.
var tables = []string{
	"users", "buddies", "users_settings", "buddies_settings", "db_version",
	"spectrum2_migrations", "spectrum2_meta", "spectrum2_waiting", "spectrum2_rooms", "spectrum2_archive", "spectrum2_personal",
	"spectrum2_owners", "spectrum2_nodes",
}

// names puts {users} and the others in quotes and prefix, the column {groups},
// which is a word of SQL, in quotes, {prefix} as it is for names of indexes,
// and {now}.
func (l *Dialect) names(prefix string) *strings.Replacer {
	pairs := []string{"{groups}", l.Quote + "groups" + l.Quote, "{now}", l.Now, "{prefix}", prefix}
	for _, t := range tables {
		pairs = append(pairs, "{"+t+"}", l.Quote+prefix+t+l.Quote)
	}
	return strings.NewReplacer(pairs...)
}

// rewrite makes a statement of ours one of the server's. No text in our
// statements has a question mark.
func (d *DB) rewrite(query string) string {
	query = d.replacer.Replace(query)
	if !d.lang.Numbered {
		return query
	}
	var b strings.Builder
	n := 0
	for _, r := range query {
		if r == '?' {
			n++
			b.WriteByte('$')
			b.WriteString(itoa(n))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// upsert is an INSERT of one row that changes the columns of one that is there.
func (d *DB) upsert(table string, keys, columns []string, change []string) string {
	all := append(append([]string(nil), keys...), columns...)
	return "INSERT INTO {" + table + "} (" + strings.Join(all, ", ") + ") VALUES (" + list(len(all)) + ")" + d.lang.Upsert(keys, change)
}

// list is n parameters.
func list(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }
