// SPDX-License-Identifier: GPL-2.0-or-later

package mysql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/go-sql-driver/mysql"

	"spectrum.im/spectrum2/daemon/store/sqlstore"
)

func dialect() *sqlstore.Dialect {
	return &sqlstore.Dialect{
		Type: "mysql", CxxVersion: cxxVersion, Quote: "`",
		Now:          "CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)",
		Upsert:       upsert,
		PurgeArchive: "DELETE FROM {spectrum2_archive} WHERE user_id = ? AND room IN (0, 1) AND seq < ? LIMIT ?",
		HasTable:     "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?",
		Classify:     classify,
		Bookkeeping:  bookkeeping,
		Steps:        migrations,
		Lock:         "SELECT GET_LOCK(CONCAT('spectrum2 ', MD5(CONCAT(DATABASE(), ' ', ?))), 60)",
		Look:         look,
		ShortPassword: `SELECT count(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?
  AND column_name = 'password' AND character_maximum_length < 1023`,
		Widen: "ALTER TABLE {users} MODIFY password varchar(1023) NOT NULL",
		Narrow: `SELECT count(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?
  AND column_name = 'nickname' AND character_set_name IN ('utf8', 'utf8mb3')`,
	}
}

// upsert without columns changes nothing: INSERT IGNORE would ignore more.
func upsert(keys, columns []string) string {
	if len(columns) == 0 {
		return " ON DUPLICATE KEY UPDATE " + keys[0] + " = " + keys[0]
	}
	var set []string
	for _, c := range columns {
		set = append(set, c+" = VALUES("+c+")")
	}
	return " ON DUPLICATE KEY UPDATE " + strings.Join(set, ", ")
}

// look refuses tables without transactions, and warns where "kept" would not
// mean "on the disk".
func look(ctx context.Context, e sqlstore.Exec, log *slog.Logger) error {
	var n int
	var engine string
	err := e.Get(ctx, `SELECT count(*), COALESCE(MIN(engine), '') FROM information_schema.tables WHERE table_schema = DATABASE() AND engine <> 'InnoDB'
  AND table_name IN (?, ?, ?, ?)`, []any{e.Table("users"), e.Table("buddies"), e.Table("users_settings"), e.Table("buddies_settings")}, &n, &engine)
	if err == nil && n > 0 {
		err = fmt.Errorf("%d of its tables have the engine %s, which keeps no promises: ALTER TABLE … ENGINE=InnoDB for each of %susers, buddies, users_settings and buddies_settings",
			n, engine, e.Table(""))
	}
	if err != nil {
		return err
	}
	var flush int
	err = e.Get(ctx, "SELECT @@innodb_flush_log_at_trx_commit", nil, &flush)
	if err == nil && flush != 1 {
		log.Warn("the MySQL server may lose messages that it has confirmed", "innodb_flush_log_at_trx_commit", flush)
	}
	return err
}

// sentences by the server's error numbers, of MySQL and MariaDB.
var sentences = map[uint16]sqlstore.Verdict{
	1021: {Class: sqlstore.Away, Sentence: "the server's disk is full"},
	1026: {Class: sqlstore.Away, Sentence: "the server's disk does not write"},
	1030: {Class: sqlstore.Away, Sentence: "the server's disk does not read or write it"},
	1034: {Class: sqlstore.Away, Sentence: "it is damaged"},
	1036: {Class: sqlstore.Away, Sentence: "it is read-only"},
	1040: {Class: sqlstore.Away, Sentence: "the server has too many connections"},
	1041: {Class: sqlstore.Away, Sentence: "the server is out of memory"},
	1044: {Class: sqlstore.Away, Sentence: "database.user may not use this database"},
	1045: {Class: sqlstore.Away, Sentence: "the server refuses database.user and database.password"},
	1049: {Class: sqlstore.Away, Sentence: "the server has no such database"},
	1053: {Class: sqlstore.Lost, Sentence: "the server shuts down"},
	1062: {Class: sqlstore.Duplicate},
	1079: {Class: sqlstore.Lost, Sentence: "the server shuts down"},
	1114: {Class: sqlstore.Away, Sentence: "the server's disk is full"},
	1129: {Class: sqlstore.Away, Sentence: "the server has blocked this machine"},
	1130: {Class: sqlstore.Away, Sentence: "the server refuses this machine"},
	1142: {Class: sqlstore.Away, Sentence: "database.user has not the rights for it"},
	1203: {Class: sqlstore.Away, Sentence: "database.user has too many connections"},
	1205: {Class: sqlstore.Slow, Sentence: "another program has it locked"},
	1213: {Class: sqlstore.Retry, Sentence: "others write the same"},
	1020: {Class: sqlstore.Retry, Sentence: "others write the same"},
	1264: {Class: sqlstore.Refused, Sentence: "a number is larger than its column"},
	1265: {Class: sqlstore.Refused, Sentence: "a value is not one of those that the column knows"},
	1290: {Class: sqlstore.Away, Sentence: "it is read-only"},
	1317: {Class: sqlstore.Slow, Sentence: "a statement was ended"},
	1366: {Class: sqlstore.Refused, Sentence: "a text has a character that the tables of this existing database have not"},
	1406: {Class: sqlstore.Refused, Sentence: "a text is longer than the column of this existing database"},
	1792: {Class: sqlstore.Away, Sentence: "it is read-only"},
	1836: {Class: sqlstore.Away, Sentence: "it is read-only"},
	1927: {Class: sqlstore.Lost, Sentence: "the server ended the connection"},
	1969: {Class: sqlstore.Slow, Sentence: "a statement took too long"},
	3024: {Class: sqlstore.Slow, Sentence: "a statement took too long"},
	3159: {Class: sqlstore.Away, Sentence: "the server wants TLS"},
}

func classify(err error) sqlstore.Verdict {
	var e *mysql.MySQLError
	switch {
	case errors.As(err, &e):
		return sentences[e.Number]
	case errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, mysql.ErrMalformPkt), errors.Is(err, mysql.ErrPktSync):
		return sqlstore.Verdict{Class: sqlstore.Lost, Sentence: "the connection ended"}
	case errors.Is(err, mysql.ErrNoTLS):
		return sqlstore.Verdict{Class: sqlstore.Away, Sentence: "the server speaks no TLS"}
	}
	return sqlstore.Verdict{}
}
