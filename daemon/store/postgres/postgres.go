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
	"sync"
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
	// Node is this main process, Member whether it is one of several, Machine
	// where it runs: see sqlstore.Options.
	Node    string
	Member  bool
	Machine string
	// Lease and Timeout are 10 s if they are 0: see sqlstore.Options.
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
	limit, lease := cmp.Or(o.Timeout, sqlstore.Timeout), cmp.Or(o.Lease, sqlstore.LeaseTime)
	quick := connector{cfg, limit, limit + 2*time.Second}
	d, err := sqlstore.New(quick, connector{cfg, 0, 0}, dialect(), sqlstore.Options{
		Bell: newBell(o, cfg), Reserve: connector{cfg, limit, sqlstore.Patience(lease)},
		Location: location, Prefix: o.Prefix, Key: o.Key, OldKey: o.OldKey, Node: o.Node, Member: o.Member, Machine: o.Machine, Lease: o.Lease, Timeout: o.Timeout, Log: o.Log,
	})
	if err != nil {
		return nil, err
	}
	err = d.Ping(ctx)
	if err == nil {
		err = refusePooler(ctx, quick, location)
	}
	if err != nil {
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

// connector makes connections that end statements after limit, and themselves
// when the server is silent for silence; 0 is no limit but for connecting.
type connector struct {
	cfg            pq.Config
	limit, silence time.Duration
}

func (c connector) Driver() driver.Driver { return &pq.Driver{} }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, sqlstore.Timeout)
	defer cancel()
	inner, err := pq.NewConnectorConfig(c.cfg.Clone())
	if err != nil {
		return nil, err
	}
	d := &dialer{silence: c.silence, connecting: true}
	inner.Dialer(d)
	conn, err := inner.Connect(ctx)
	d.connected()
	if err != nil {
		return nil, err
	}
	// Bytes go to a database of any encoding as they are: so the C++ version did.
	const setup = "SET TimeZone = 'UTC'; SET default_transaction_isolation = 'read committed'; SET standard_conforming_strings = on; " +
		"SELECT set_config('client_encoding', current_setting('server_encoding'), false); "
	ms := c.limit.Milliseconds()
	limits := fmt.Sprintf("SET statement_timeout = %d; SET lock_timeout = %d; SET idle_in_transaction_session_timeout = %d", ms, ms, 3*ms)
	if _, err := conn.(driver.ExecerContext).ExecContext(ctx, setup+limits, nil); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// dialer makes connections that end where the server is silent: pq itself
// waits for ever. While it connects it has one connection at a time: pq leaves
// the one open on which a server said that it has no TLS, and a server that shuts
// down would wait for it. Later dials are pq's to cancel a statement.
type dialer struct {
	silence time.Duration

	mu         sync.Mutex
	connecting bool
	last       net.Conn
}

func (d *dialer) connected() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.connecting, d.last = false, nil
}

// instead notes the connection that is made now, and returns the one before.
func (d *dialer) instead(c net.Conn) (earlier net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.connecting {
		earlier, d.last = d.last, c
	}
	return earlier
}

func (d *dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

func (d *dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if earlier := d.instead(nil); earlier != nil {
		_ = earlier.Close()
	}
	c, err := (&net.Dialer{Timeout: sqlstore.Timeout, KeepAlive: 30 * time.Second}).DialContext(ctx, network, address)
	d.instead(c)
	if err != nil || d.silence == 0 {
		return c, err
	}
	return &impatient{c, d.silence}, nil
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
