// SPDX-License-Identifier: GPL-2.0-or-later

// Package sqlstore is what the stores on a database server have in common: a
// pool with limits, deadlines, transactions that are tried again, ownership
// with leases, and the statements, written once. It knows no server: postgres
// and mysql bring their Dialect and connections.
package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/seal"
)

// Timeout is how long one operation may take, waiting for a connection
// included, unless Options say otherwise.
const Timeout = 10 * time.Second

// MaxConns bounds the connections of one instance.
const MaxConns = 10

// Options are those of every server.
type Options struct {
	// Location says to people which database it is; it has no secret in it.
	Location string
	// Prefix stands before the name of every table.
	Prefix string
	// Key encrypts passwords; OldKey is the one before it was changed.
	Key, OldKey config.Secret
	// Node is this main process among several on one database; "" is the
	// machine's name. A process takes over what its node owned before.
	Node string
	// Lease is how long a node that does not renew it owns its users; 0 is
	// LeaseTime. All nodes of a database have the same.
	Lease time.Duration
	// Timeout is how long one operation may take; 0 is the constant. The
	// server gets the same limit for each statement.
	Timeout time.Duration
	// VIP, if there is one, says whether a user is one (database.vip_statement).
	VIP func(jid string) (query string)
	Log *slog.Logger
}

// DB implements store.Store.
type DB struct {
	o        Options
	lang     *Dialect
	replacer *strings.Replacer
	log      *slog.Logger

	pool *sql.DB
	// patient makes connections without a limit of time, to migrate and copy.
	patient driver.Connector
	stmts   sync.Map // statement of ours → *sql.Stmt
	wanted  sync.Map // statements of ours that a transaction asked for
	closed  atomic.Bool

	keys atomic.Pointer[keys]
	// sealer is nil while passwords are not sealed; Migrate sets it.
	sealer atomic.Pointer[seal.Sealer]
	// narrow is Dialect.Narrow's answer.
	narrow atomic.Bool
	lease  lease
}

var _ store.Store = (*DB)(nil)

var prefixes = regexp.MustCompile(`^[A-Za-z0-9_]{0,40}$`)

// New makes a store of connections, patient ones being without a limit of time.
// It connects when it is used first.
func New(c, patient driver.Connector, lang *Dialect, o Options) (*DB, error) {
	if !prefixes.MatchString(o.Prefix) {
		return nil, fmt.Errorf("prefix %q of the tables: letters, digits and underscores only", o.Prefix)
	}
	if lang.Fold {
		o.Prefix = strings.ToLower(o.Prefix)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Node == "" {
		name, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("find the machine's name: %w", err)
		}
		o.Node = name
	}
	o.Lease, o.Timeout = cmp.Or(o.Lease, LeaseTime), cmp.Or(o.Timeout, Timeout)
	d := &DB{o: o, lang: lang, replacer: lang.names(o.Prefix), log: o.Log, pool: sql.OpenDB(c), patient: patient}
	d.pool.SetMaxOpenConns(MaxConns)
	d.pool.SetMaxIdleConns(MaxConns)
	d.pool.SetConnMaxIdleTime(5 * time.Minute)
	d.pool.SetConnMaxLifetime(time.Hour)
	d.lease.init()
	d.keys.Store(&keys{o.Key, o.OldKey})
	return d, nil
}

// Ping finds out whether the server can be used at all.
func (d *DB) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	return d.explain(ctx, "reach", d.pool.PingContext(ctx))
}

// Close ends the lease, so that other nodes may take the users at once, and
// the connections; it waits for what is under way.
func (d *DB) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	d.endLease()
	if err := d.pool.Close(); err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}
