// SPDX-License-Identifier: GPL-2.0-or-later

package mysql

import (
	"errors"

	"github.com/go-sql-driver/mysql"

	"spectrum.im/spectrum2/daemon/store/sqlstore"
)

// What several numbers mean.
const (
	full     = "the server's disk is full"
	readOnly = "it is read-only: Spectrum 2 needs the primary server, without read_only"
	rights   = "database.user has not the rights for it: GRANT ALL ON the database TO the user"
	account  = "the account database.user is locked, or its password has expired"
	crowded  = "the server has too many connections (max_connections, max_user_connections)"
	wantsTLS = "the server wants TLS: database.tls = require"
	plugin   = "the account database.user logs in by a plugin that Spectrum 2 or the server has not: ALTER USER … IDENTIFIED … with caching_sha2_password on MySQL, mysql_native_password or ed25519 on MariaDB"
	taken    = "others write the same"
	refused  = "the server refuses database.user and database.password"
	shutDown = "the server shuts down"
	ended    = "the connection ended"
)

// sentences by the server's error numbers, of MySQL and MariaDB.
var sentences = map[uint16]sqlstore.Verdict{
	1020: {Class: sqlstore.Retry, Sentence: taken},
	1021: {Class: sqlstore.Away, Sentence: full},
	1026: {Class: sqlstore.Away, Sentence: "the server's disk does not write"},
	1030: {Class: sqlstore.Away, Sentence: "the server's disk does not read or write it"},
	1034: {Class: sqlstore.Away, Sentence: "it is damaged"},
	1036: {Class: sqlstore.Away, Sentence: readOnly},
	1040: {Class: sqlstore.Crowded, Sentence: crowded},
	1041: {Class: sqlstore.Away, Sentence: "the server is out of memory"},
	1044: {Class: sqlstore.Away, Sentence: "database.user may not use this database, if it is there: GRANT ALL ON the database TO the user"},
	1045: {Class: sqlstore.Away, Sentence: refused},
	1047: {Class: sqlstore.Away, Sentence: "this node of the server's cluster is not ready"},
	1049: {Class: sqlstore.Away, Sentence: "the server has no such database: CREATE DATABASE, or write another name in database.database"},
	1053: {Class: sqlstore.Lost, Sentence: shutDown},
	1062: {Class: sqlstore.Duplicate},
	1079: {Class: sqlstore.Lost, Sentence: shutDown},
	1114: {Class: sqlstore.Away, Sentence: full},
	1129: {Class: sqlstore.Away, Sentence: "the server has blocked this machine after too many errors: FLUSH HOSTS there"},
	1130: {Class: sqlstore.Away, Sentence: "the server lets nobody in from this machine"},
	1142: {Class: sqlstore.Away, Sentence: rights},
	1143: {Class: sqlstore.Away, Sentence: rights},
	1152: {Class: sqlstore.Lost, Sentence: ended},
	1153: {Class: sqlstore.Refused, Sentence: "a text is longer than the server's max_allowed_packet"},
	1159: {Class: sqlstore.Lost, Sentence: ended},
	1161: {Class: sqlstore.Lost, Sentence: ended},
	1203: {Class: sqlstore.Crowded, Sentence: crowded},
	1205: {Class: sqlstore.Slow, Sentence: "another program has it locked"},
	1213: {Class: sqlstore.Retry, Sentence: taken},
	1226: {Class: sqlstore.Crowded, Sentence: crowded},
	1227: {Class: sqlstore.Away, Sentence: rights},
	1251: {Class: sqlstore.Away, Sentence: plugin},
	1264: {Class: sqlstore.Refused, Sentence: "a number is larger than its column"},
	1265: {Class: sqlstore.Refused, Sentence: "a value is not one of those that the column knows"},
	1290: {Class: sqlstore.Away, Sentence: readOnly},
	1317: {Class: sqlstore.Slow, Sentence: "a statement was ended"},
	1366: {Class: sqlstore.Refused, Sentence: "a text has a character that the tables of this existing database have not"},
	1406: {Class: sqlstore.Refused, Sentence: "a text is longer than the column of this existing database"},
	1524: {Class: sqlstore.Away, Sentence: plugin},
	1698: {Class: sqlstore.Away, Sentence: "the server refuses database.user and database.password, or lets only the system's user of that name in"},
	1792: {Class: sqlstore.Away, Sentence: readOnly},
	1820: {Class: sqlstore.Away, Sentence: account},
	1836: {Class: sqlstore.Away, Sentence: readOnly},
	1862: {Class: sqlstore.Away, Sentence: account},
	1927: {Class: sqlstore.Lost, Sentence: "the server ended the connection"},
	1969: {Class: sqlstore.Slow, Sentence: "a statement took too long"},
	3024: {Class: sqlstore.Slow, Sentence: "a statement took too long"},
	3032: {Class: sqlstore.Away, Sentence: "the server is in offline mode"},
	3101: {Class: sqlstore.Retry, Sentence: taken},
	3118: {Class: sqlstore.Away, Sentence: account},
	3159: {Class: sqlstore.Away, Sentence: wantsTLS},
	4031: {Class: sqlstore.Lost, Sentence: ended},
	4151: {Class: sqlstore.Away, Sentence: account},
}

// classifyPlain is for connections without TLS: to an account that wants it,
// the server says no more than to a wrong password.
func classifyPlain(err error) sqlstore.Verdict {
	v := classify(err)
	if v.Sentence == refused {
		v.Sentence += ", or wants TLS, which database.tls = disable forbids"
	}
	return v
}

func classify(err error) sqlstore.Verdict {
	var e *mysql.MySQLError
	switch {
	case errors.As(err, &e):
		return sentences[e.Number]
	case errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, mysql.ErrMalformPkt), errors.Is(err, mysql.ErrPktSync):
		return sqlstore.Verdict{Class: sqlstore.Lost, Sentence: ended}
	case errors.Is(err, mysql.ErrNoTLS):
		return sqlstore.Verdict{Class: sqlstore.Away, Sentence: "the server speaks no TLS"}
	case errors.Is(err, mysql.ErrUnknownPlugin), errors.Is(err, mysql.ErrNativePassword), errors.Is(err, mysql.ErrOldPassword), errors.Is(err, mysql.ErrCleartextPassword):
		return sqlstore.Verdict{Class: sqlstore.Away, Sentence: plugin}
	case errors.Is(err, mysql.ErrOldProtocol):
		return sqlstore.Verdict{Class: sqlstore.Away, Sentence: "the server is too old"}
	case errors.Is(err, mysql.ErrPktTooLarge):
		return sqlstore.Verdict{Class: sqlstore.Refused, Sentence: "a text is longer than the server's max_allowed_packet"}
	}
	return sqlstore.Verdict{}
}
