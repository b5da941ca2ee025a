// SPDX-License-Identifier: GPL-2.0-or-later

package postgres

import (
	"errors"
	"strings"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"spectrum.im/spectrum2/daemon/store/sqlstore"
)

// quote is a name in a statement that an administrator can copy.
func quote(name string) string { return pq.QuoteIdentifier(name) }

const taken = "others write the same"

// sentences are for codes whose class says too little.
var sentences = map[pqerror.Code]sqlstore.Verdict{
	pqerror.UniqueViolation:                   {Class: sqlstore.Duplicate},
	pqerror.TRSerializationFailure:            {Class: sqlstore.Retry, Sentence: taken},
	pqerror.TRDeadlockDetected:                {Class: sqlstore.Retry, Sentence: taken},
	pqerror.QueryCanceled:                     {Class: sqlstore.Slow, Sentence: "a statement took too long"},
	pqerror.LockNotAvailable:                  {Class: sqlstore.Slow, Sentence: "another program has it locked"},
	pqerror.AdminShutdown:                     {Class: sqlstore.Lost, Sentence: "the server shuts down"},
	pqerror.CrashShutdown:                     {Class: sqlstore.Lost, Sentence: "the server crashed"},
	pqerror.CannotConnectNow:                  {Class: sqlstore.Away, Sentence: "the server starts or stops"},
	pqerror.TooManyConnections:                {Class: sqlstore.Crowded, Sentence: "the server has too many connections (max_connections, or the limit of database.user or the database)"},
	pqerror.DiskFull:                          {Class: sqlstore.Away, Sentence: "the server's disk is full"},
	pqerror.ReadOnlySQLTransaction:            {Class: sqlstore.Away, Sentence: "it is read-only: Spectrum 2 needs the primary server"},
	pqerror.InvalidPassword:                   {Class: sqlstore.Away, Sentence: "the server refuses database.user and database.password"},
	pqerror.InvalidAuthorizationSpecification: {Class: sqlstore.Away, Sentence: "the server does not let database.user in from here (pg_hba.conf there; with its method peer only the system's user of that name)"},
	pqerror.InsufficientPrivilege:             {Class: sqlstore.Away, Sentence: "database.user has not the rights for it: make it the owner of the database and of the tables in it"},
	pqerror.InvalidCatalogName:                {Class: sqlstore.Away, Sentence: "the server has no such database: CREATE DATABASE, or write another name in database.database"},
	pqerror.StringDataRightTruncation:         {Class: sqlstore.Refused, Sentence: "a text is longer than the column of this existing database"},
	pqerror.NumericValueOutOfRange:            {Class: sqlstore.Refused, Sentence: "a number is larger than its column"},
	pqerror.CharacterNotInRepertoire:          {Class: sqlstore.Refused, Sentence: "a text has a character that the database's encoding has not"},
	pqerror.UntranslatableCharacter:           {Class: sqlstore.Refused, Sentence: "a text has a character that the database's encoding has not"},
	pqerror.InvalidTextRepresentation:         {Class: sqlstore.Refused, Sentence: "a value is not one of those that the column knows"},
	// Statements that were prepared on another connection than the one that is
	// asked to run them.
	pqerror.InvalidSQLStatementName: {Class: sqlstore.Away, Sentence: pooled},
	pqerror.DuplicatePstatement:     {Class: sqlstore.Away, Sentence: pooled},
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
		if err != nil && strings.HasPrefix(err.Error(), "pq: unknown response for startup") {
			return sqlstore.Verdict{Class: sqlstore.Away, Sentence: "what answers at this database.server and database.port is no PostgreSQL server"}
		}
		return sqlstore.Verdict{}
	}
	if e.Code == pqerror.FeatureNotSupported && e.Routine == "call_bool_check_hook" { // a standby refuses READ WRITE; the text may be in any language
		return sentences[pqerror.ReadOnlySQLTransaction]
	}
	if e.Code == pqerror.ProtocolViolation && strings.Contains(e.Message, "startup parameter") {
		return sqlstore.Verdict{Class: sqlstore.Away, Sentence: "the pooler before the server does not take what every connection begins with: its ignore_startup_parameters has to name it"}
	}
	if v, ok := sentences[e.Code]; ok {
		return v
	}
	return classes[e.Code.Class()]
}
