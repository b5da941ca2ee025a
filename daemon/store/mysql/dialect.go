// SPDX-License-Identifier: GPL-2.0-or-later

package mysql

import (
	"strings"

	"spectrum.im/spectrum2/daemon/store/sqlstore"
)

func dialect() *sqlstore.Dialect {
	return &sqlstore.Dialect{
		Type: "mysql", CxxVersion: cxxVersion, Quote: "`",
		Now:    "CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)",
		Upsert: upsert,
		// o.token is set, to what it is, so that its row is locked.
		SetOnline: `UPDATE {users} u JOIN {spectrum2_owners} o ON o.jid = u.jid
  SET u.online = ?, u.last_login = ?, o.token = o.token WHERE u.id = ? AND o.token = ?`,
		PurgeArchive: "DELETE FROM {spectrum2_archive} WHERE user_id = ? AND room IN (0, 1) AND seq < ? LIMIT ?",
		HasTable:     "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?",
		Classify:     classify,
		Bookkeeping:  bookkeeping,
		Steps:        migrations,
		// A lock's name has 64 characters; MySQL 9 has no MD5 any more.
		Lock: "SELECT GET_LOCK(CONCAT('spectrum2 ', LEFT(SHA2(CONCAT(DATABASE(), ' ', ?), 256), 50)), 60)",
		Look: look,
		ShortPassword: `SELECT count(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?
  AND column_name = 'password' AND character_maximum_length < 1023`,
		Widen:   "ALTER TABLE {users} MODIFY password varchar(1023) NOT NULL",
		Rewrite: "ALTER TABLE %s FORCE",
		Share:   " LOCK IN SHARE MODE",
		AsText:  asText, Bytes: func(string) bool { return true }, LastID: lastID, SetLastID: setLastID,
		// What a column takes is compared afterwards; an existing one may hold
		// what none would take now.
		Exactly: []string{"SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'"},
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
