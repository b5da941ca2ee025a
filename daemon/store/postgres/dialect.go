// SPDX-License-Identifier: GPL-2.0-or-later

package postgres

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"spectrum.im/spectrum2/daemon/store/sqlstore"
)

func dialect() *sqlstore.Dialect {
	return &sqlstore.Dialect{
		Type: "postgresql", CxxVersion: cxxVersion, Quote: `"`, Fold: true, Numbered: true, Returning: true,
		Now:    "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
		Upsert: upsert,
		PurgeArchive: `DELETE FROM {spectrum2_archive} WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM {spectrum2_archive} WHERE user_id = ? AND room IN (0, 1) AND seq < ? LIMIT ?))`,
		// The first of that name in the search path is the one that is used.
		HasTable:      "SELECT count(*) FROM pg_catalog.pg_class WHERE relname = ? AND relkind IN ('r', 'p', 'v') AND pg_catalog.pg_table_is_visible(oid)",
		Classify:      classify,
		Bookkeeping:   bookkeeping,
		Steps:         migrations,
		Transactional: true,
		Lock:          "SELECT count(pg_advisory_xact_lock(hashtext('spectrum2 ' || ?)))",
		Look:          look,
		ShortPassword: `SELECT count(*) FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  WHERE c.relname = ? AND pg_catalog.pg_table_is_visible(c.oid) AND a.attname = 'password' AND a.atttypmod BETWEEN 0 AND 1026`,
		Widen: "ALTER TABLE {users} ALTER COLUMN password TYPE text",
	}
}

func upsert(keys, columns []string) string {
	if len(columns) == 0 {
		return " ON CONFLICT DO NOTHING"
	}
	var set []string
	for _, c := range columns {
		set = append(set, c+" = EXCLUDED."+c)
	}
	return " ON CONFLICT (" + strings.Join(keys, ", ") + ") DO UPDATE SET " + strings.Join(set, ", ")
}

// look warns where "kept" would not mean "on the disk".
func look(ctx context.Context, e sqlstore.Exec, log *slog.Logger) error {
	var commit, fsync string
	err := e.Get(ctx, "SELECT current_setting('synchronous_commit'), current_setting('fsync')", nil, &commit, &fsync)
	if err == nil && (commit == "off" || fsync == "off") {
		log.Warn("the PostgreSQL server may lose messages that it has confirmed", "synchronous_commit", commit, "fsync", fsync)
	}
	return err
}

// sentences are for codes whose class says too little.
var sentences = map[pqerror.Code]sqlstore.Verdict{
	pqerror.UniqueViolation:           {Class: sqlstore.Duplicate},
	pqerror.TRSerializationFailure:    {Class: sqlstore.Retry, Sentence: "others write the same"},
	pqerror.TRDeadlockDetected:        {Class: sqlstore.Retry, Sentence: "others write the same"},
	pqerror.QueryCanceled:             {Class: sqlstore.Slow, Sentence: "a statement took too long"},
	pqerror.LockNotAvailable:          {Class: sqlstore.Slow, Sentence: "another program has it locked"},
	pqerror.AdminShutdown:             {Class: sqlstore.Lost, Sentence: "the server shuts down"},
	pqerror.CrashShutdown:             {Class: sqlstore.Lost, Sentence: "the server crashed"},
	pqerror.CannotConnectNow:          {Class: sqlstore.Away, Sentence: "the server starts or stops"},
	pqerror.TooManyConnections:        {Class: sqlstore.Away, Sentence: "the server has too many connections"},
	pqerror.DiskFull:                  {Class: sqlstore.Away, Sentence: "the server's disk is full"},
	pqerror.ReadOnlySQLTransaction:    {Class: sqlstore.Away, Sentence: "it is read-only"},
	pqerror.InvalidPassword:           {Class: sqlstore.Away, Sentence: "the server refuses database.user and database.password"},
	pqerror.InsufficientPrivilege:     {Class: sqlstore.Away, Sentence: "database.user has not the rights for it"},
	pqerror.InvalidCatalogName:        {Class: sqlstore.Away, Sentence: "the server has no such database"},
	pqerror.StringDataRightTruncation: {Class: sqlstore.Refused, Sentence: "a text is longer than the column of this existing database"},
	pqerror.NumericValueOutOfRange:    {Class: sqlstore.Refused, Sentence: "a number is larger than its column"},
	pqerror.CharacterNotInRepertoire:  {Class: sqlstore.Refused, Sentence: "a text has a character that the database's encoding has not"},
	pqerror.UntranslatableCharacter:   {Class: sqlstore.Refused, Sentence: "a text has a character that the database's encoding has not"},
	pqerror.InvalidTextRepresentation: {Class: sqlstore.Refused, Sentence: "a value is not one of those that the column knows"},
}

var classes = map[pqerror.Class]sqlstore.Verdict{
	pqerror.ClassConnectionException:               {Class: sqlstore.Lost, Sentence: "the connection ended"},
	pqerror.ClassInvalidAuthorizationSpecification: {Class: sqlstore.Away, Sentence: "the server refuses database.user"},
	pqerror.ClassInsufficientResources:             {Class: sqlstore.Away, Sentence: "the server has not the means for it"},
	pqerror.ClassOperatorIntervention:              {Class: sqlstore.Lost, Sentence: "the server ended the connection"},
	pqerror.ClassSystemError:                       {Class: sqlstore.Away, Sentence: "the server's disk does not read or write it"},
	pqerror.ClassInternalError:                     {Class: sqlstore.Away, Sentence: "it is damaged, or the server is"},
}

func classify(err error) sqlstore.Verdict {
	var e *pq.Error
	if !errors.As(err, &e) {
		if errors.Is(err, pq.ErrSSLNotSupported) {
			return sqlstore.Verdict{Class: sqlstore.Away, Sentence: "the server speaks no TLS"}
		}
		return sqlstore.Verdict{}
	}
	if v, ok := sentences[e.Code]; ok {
		return v
	}
	return classes[e.Code.Class()]
}
