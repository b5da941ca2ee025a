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
	"errors"
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

// MaxConns bounds the connections of one instance; a node has two more, and one
// for the bell.
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
	// Member: it is set up to be one of several.
	Member bool
	// Machine is the id of the machine that it runs on; "" is that of
	// /etc/machine-id.
	Machine string
	// Lease is how long a node that does not renew it owns its users; 0 is
	// LeaseTime. All nodes of a database have the same.
	Lease time.Duration
	// Timeout is how long one operation may take; 0 is the constant. The
	// server gets the same limit for each statement.
	Timeout time.Duration
	// VIP, if there is one, says whether a user is one (database.vip_statement).
	VIP func(jid string) (query string)
	// Bell, if the server has one, makes handing users over quicker.
	Bell Bell
	// Reserve makes the connections of the node, which end where the server is
	// silent for much less than a lease; nil is those of the store.
	Reserve driver.Connector
	Log     *slog.Logger
}

// DB implements store.Store.
type DB struct {
	o        Options
	lang     *Dialect
	replacer *strings.Replacer
	log      *slog.Logger

	pool *sql.DB
	// wider gives the pool all its connections again: see crowd.
	wider *time.Timer
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

	// reserve has connections for the node alone.
	reserve  *sql.DB
	joining  sync.Mutex // while the node is made, with what it asks the server
	mustJoin atomic.Bool
	node     atomic.Pointer[node]
}

// reserved is how many connections a node has beside the others: one renews
// its lease, one looks at what nodes ask each other for. The bell has its own.
const reserved = 2

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
	if o.Machine == "" {
		o.Machine = machineID()
	}
	if len(o.Node) > 255 {
		return nil, fmt.Errorf("name of this node: %d bytes, at most 255", len(o.Node))
	}
	d := &DB{o: o, lang: lang, replacer: lang.names(o.Prefix), log: o.Log, patient: patient}
	d.pool = d.newPool(c)
	if o.Reserve == nil {
		o.Reserve = c
	}
	d.reserve = sql.OpenDB(crowd{o.Reserve, d, true})
	d.reserve.SetMaxOpenConns(reserved)
	d.reserve.SetMaxIdleConns(reserved)
	d.keys.Store(&keys{o.Key, o.OldKey})
	return d, nil
}

// Ping finds out whether the server can be used at all.
func (d *DB) Ping(ctx context.Context) error {
	ctx, cancel := d.limit(ctx)
	defer cancel()
	return d.explain(ctx, "reach", d.pool.PingContext(ctx))
}

// Close ends the lease, so that other nodes may take the users at once, and
// the connections; it waits for what is under way.
func (d *DB) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	d.joining.Lock()
	defer d.joining.Unlock()
	if n := d.node.Load(); n != nil {
		n.end()
	}
	d.wider.Stop()
	if err := errors.Join(d.reserve.Close(), d.pool.Close()); err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}
