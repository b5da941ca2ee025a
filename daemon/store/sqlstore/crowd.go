// SPDX-License-Identifier: GPL-2.0-or-later

package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"
)

// crowd makes connections. Where the server gives no further one, the pool
// goes on with those that it has, for a while.
type crowd struct {
	driver.Connector
	d *DB
	// first: what has these connections goes before the pool, which gives one up.
	first bool
}

// crowdTime is how long the pool does not ask for more.
const crowdTime = 30 * time.Second

// Connect implements driver.Connector. The pool counts a connection from
// before it is made.
func (c crowd) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err == nil || c.d.verdict(err).Class != Crowded {
		return conn, err
	}
	have := c.d.pool.Stats().OpenConnections - 1
	if have < 1 {
		return nil, err
	}
	c.d.pool.SetMaxOpenConns(have)
	c.d.wider.Reset(crowdTime)
	c.d.log.Debug("the server gives no further connection", "connections", have)
	if c.first {
		return nil, err // whoever renews a lease tries again
	}
	return nil, driver.ErrBadConn // so that the pool tries again: it waits for one that is in use
}

// newPool has MaxConns connections, unless the server gives fewer.
func (d *DB) newPool(c driver.Connector) *sql.DB {
	pool := sql.OpenDB(crowd{c, d, false})
	full := func() {
		pool.SetMaxOpenConns(MaxConns)
		pool.SetMaxIdleConns(MaxConns)
	}
	full()
	pool.SetConnMaxIdleTime(5 * time.Minute)
	pool.SetConnMaxLifetime(time.Hour)
	d.wider = time.AfterFunc(crowdTime, full)
	return pool
}
