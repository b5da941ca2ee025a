// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite

import (
	"database/sql"
	"fmt"
	"net/url"
	"time"
)

// The busy timeout is for other programs on the same file (a backup, sqlite3,
// the C++ version still running); our own writes take turns before they get
// there. synchronous=FULL makes a commit in WAL mode durable, secure_delete
// overwrites what is deleted.
var (
	readerPragmas = []string{"busy_timeout(5000)", "query_only(1)", "cache_size(-2000)"}
	writerPragmas = []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "secure_delete(1)", "journal_size_limit(67108864)"}
)

// openPool connects when it is used first.
func openPool(path string, pragmas []string, size int) (*sql.DB, error) {
	pool, err := sql.Open("sqlite", dataSource(path, pragmas))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	if path == Memory {
		pool.SetConnMaxLifetime(0) // the database ends with its connection
		pool.SetConnMaxIdleTime(0)
	} else {
		pool.SetConnMaxIdleTime(10 * time.Minute)
	}
	return pool, nil
}

// dataSource is the URI of an absolute path: SQLite reads %-escapes in it.
// The file must exist (mode=rw): who makes it decides its permissions.
func dataSource(path string, pragmas []string) string {
	q := url.Values{"_pragma": pragmas}
	if path == Memory {
		return "file::memory:?" + q.Encode()
	}
	q.Set("mode", "rw")
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}
