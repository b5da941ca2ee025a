// SPDX-License-Identifier: GPL-2.0-or-later

package postgres

import (
	"strings"

	"spectrum.im/spectrum2/daemon/store/sqlstore"
)

func dialect() *sqlstore.Dialect {
	return &sqlstore.Dialect{
		Type: "postgresql", CxxVersion: cxxVersion, Quote: `"`, Fold: true, Numbered: true, Returning: true,
		Now:    "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
		Upsert: upsert,
		SetOnline: `UPDATE {users} SET online = ?, last_login = ? WHERE id = (
  SELECT u.id FROM {users} u JOIN {spectrum2_owners} o ON o.jid = u.jid WHERE u.id = ? AND o.token = ? FOR UPDATE)`,
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
		Widen:   "ALTER TABLE {users} ALTER COLUMN password TYPE text",
		Rewrite: "VACUUM (FULL) %s",
		Share:   " FOR SHARE",
		AsText:  asText, Bytes: isBytes, LastID: lastID, SetLastID: setLastID,
		// The driver makes NULL of no bytes where the server writes them another
		// way.
		Exactly:   []string{"SET bytea_output = 'hex'"},
		LockTable: "LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE",
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
