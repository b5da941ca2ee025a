// SPDX-License-Identifier: GPL-2.0-or-later

package postgres

import (
	"context"
	"database/sql"
	"fmt"

	"spectrum.im/spectrum2/daemon/store"
)

// pooled is what is wrong with PgBouncer's pool_mode transaction or statement:
// settings, prepared statements and LISTEN belong to a connection.
const pooled = "the pooler before the server gives each transaction another connection: " +
	"set pool_mode = session there for this database (PgBouncer), or connect to the server itself"

// rounds is how often both connections are asked in turn.
const rounds = 3

// refusePooler finds out whether two connections have servers of their own.
// Where only one connection is to be had, nothing is found out.
func refusePooler(ctx context.Context, c connector, location string) error {
	pool := sql.OpenDB(c)
	defer pool.Close()
	var conns [2]*sql.Conn
	for i := range conns {
		conn, err := pool.Conn(ctx)
		if err != nil {
			return nil //nolint:nilerr // whoever needs a connection will say why there is none
		}
		defer conn.Close()
		conns[i] = conn
	}
	var first [2]int
	for range rounds {
		for i, conn := range conns {
			var pid int
			err := conn.QueryRowContext(ctx, "SELECT pg_catalog.pg_backend_pid()").Scan(&pid)
			if err != nil && classify(err).Sentence != pooled {
				return nil //nolint:nilerr // as above
			}
			if err != nil || first[i] != 0 && pid != first[i] || pid == first[1-i] {
				return fmt.Errorf("use %s: %w: %s", location, store.ErrUnavailable, pooled)
			}
			first[i] = pid
		}
	}
	return nil
}
