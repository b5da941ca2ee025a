// SPDX-License-Identifier: GPL-2.0-or-later

// Package postgres keeps an instance's users in a PostgreSQL database, in the
// tables of the C++ Spectrum 2, which it takes over in place, and in tables of
// our own beside them. What it has in common with other servers is sqlstore.
package postgres

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/lib/pq"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlstore"
)

// Options say which database it is.
type Options struct {
	// Server is a host, or the directory of a unix socket; "" is Debian's,
	// where it is there. With a ConnectionString it, Port, User, Password, Database and the TLS fields
	// have no effect.
	Server string
	// Port is 5432 if it is 0.
	Port     int
	User     string
	Password config.Secret
	Database string
	// ConnectionString is libpq's: key=value pairs or a postgresql:// URL.
	ConnectionString config.Secret
	// TLS is libpq's sslmode: disable, allow, prefer (the default), require,
	// verify-ca or verify-full. RootCert is a file of certificates to verify
	// with, or "system".
	TLS      string
	RootCert string
	// Prefix stands before the name of every table.
	Prefix string
	// Key encrypts passwords; OldKey is the one before it was changed.
	Key, OldKey config.Secret
	// Node is this main process among several: see sqlstore.Options.
	Node string
	// Lease and Timeout are 15 and 10 s if they are 0: see sqlstore.Options.
	Lease, Timeout time.Duration
	Log            *slog.Logger
}

// Open connects to the database and changes nothing: Migrate has to come
// before anything else but Status and Backup. Errors wrap store.ErrUnavailable
// where the server cannot be used.
func Open(ctx context.Context, o Options) (store.Store, error) {
	cfg, err := o.config()
	if err != nil {
		return nil, err
	}
	location := fmt.Sprintf("PostgreSQL database %s at %s", cfg.Database, cfg.Host)
	d, err := sqlstore.New(connector{cfg, cmp.Or(o.Timeout, sqlstore.Timeout)}, connector{cfg, 0}, dialect(),
		sqlstore.Options{Location: location, Prefix: o.Prefix, Key: o.Key, OldKey: o.OldKey, Node: o.Node, Lease: o.Lease, Timeout: o.Timeout, Log: o.Log})
	if err != nil {
		return nil, err
	}
	if err := d.Ping(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (o Options) config() (pq.Config, error) {
	dsn, what := o.dsn(), "the configuration of the database"
	if o.ConnectionString.IsSet() {
		dsn, what = o.ConnectionString.Reveal(), "database.connectionstring"
	}
	cfg, err := pq.NewConfig(dsn)
	if err != nil { // its text may have the password in it
		return cfg, fmt.Errorf("%s is not what PostgreSQL understands", what)
	}
	if cfg.SSLMode == "" { // pq would insist on TLS
		cfg.SSLMode = pq.SSLModePrefer
	}
	if _, err := os.Stat(socketDir); err == nil && namesNoHost(dsn) {
		cfg.Host = socketDir // libpq's default; pq's is localhost
	}
	if cfg.ApplicationName == "" {
		cfg.ApplicationName = "spectrum2"
	}
	return cfg, nil
}

// socketDir is where Debian's server has its unix socket.
var socketDir = "/run/postgresql"

func namesNoHost(dsn string) bool {
	if os.Getenv("PGHOST") != "" {
		return false
	}
	if u, err := url.Parse(dsn); err == nil && u.Scheme != "" {
		return u.Host == "" && !u.Query().Has("host") && !u.Query().Has("hostaddr")
	}
	return !strings.Contains(dsn, "host") && !strings.Contains(dsn, "service")
}

func (o Options) dsn() string {
	var b strings.Builder
	set := func(key, value string) {
		if value != "" {
			b.WriteString(key + "='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "' ")
		}
	}
	set("host", o.Server)
	if o.Port != 0 {
		set("port", fmt.Sprint(o.Port))
	}
	set("user", o.User)
	set("password", o.Password.Reveal())
	set("dbname", o.Database)
	set("sslmode", o.TLS)
	set("sslrootcert", o.RootCert)
	return b.String()
}

// connector makes connections with limits; limit 0 is none but for connecting.
type connector struct {
	cfg   pq.Config
	limit time.Duration
}

func (c connector) Driver() driver.Driver { return &pq.Driver{} }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, sqlstore.Timeout)
	defer cancel()
	inner, err := pq.NewConnectorConfig(c.cfg.Clone())
	if err != nil {
		return nil, err
	}
	inner.Dialer(dialer{c.limit})
	conn, err := inner.Connect(ctx)
	if err != nil {
		return nil, err
	}
	const setup = "SET TimeZone = 'UTC'; SET default_transaction_isolation = 'read committed'; SET standard_conforming_strings = on; "
	ms := c.limit.Milliseconds()
	limits := fmt.Sprintf("SET statement_timeout = %d; SET lock_timeout = %d; SET idle_in_transaction_session_timeout = %d", ms, ms, 3*ms)
	if _, err := conn.(driver.ExecerContext).ExecContext(ctx, setup+limits, nil); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// dialer makes connections that end where the server is silent for longer
// than its limit for a statement: pq itself waits for ever.
type dialer struct{ limit time.Duration }

func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

func (d dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{Timeout: sqlstore.Timeout, KeepAlive: 30 * time.Second}).DialContext(ctx, network, address)
	if err != nil || d.limit == 0 {
		return c, err
	}
	return &impatient{c, d.limit + 2*time.Second}, nil
}

// impatient ends a read or write that takes longer than limit.
type impatient struct {
	net.Conn
	limit time.Duration
}

func (c *impatient) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.limit)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c *impatient) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.limit)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}
