// SPDX-License-Identifier: GPL-2.0-or-later

// Package mysql keeps an instance's users in a MySQL or MariaDB database, in
// the tables of the C++ Spectrum 2, which it takes over in place, and in tables
// of our own beside them. What it has in common with other servers is sqlstore.
package mysql

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlstore"
)

// debianSocket is where MySQL's own clients go for "localhost".
const debianSocket = "/run/mysqld/mysqld.sock"

// Options say which database it is.
type Options struct {
	// Server is a host, or the path of a unix socket. "localhost" without a
	// port is the machine's own socket, where there is one.
	Server string
	// Port is 3306 if it is 0.
	Port     int
	User     string
	Password config.Secret
	Database string
	// TLS is disable, prefer (the default; over TCP only), require (any
	// certificate) or verify-full. RootCert is a file of certificates to
	// verify with; "" is the system's.
	TLS      string
	RootCert string
	// Prefix stands before the name of every table.
	Prefix string
	// Key encrypts passwords; OldKey is the one before it was changed.
	Key, OldKey config.Secret
	// VIPStatement is a statement with $barejid in quotes: a row means VIP.
	VIPStatement string
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
	quick, err := connector(cfg.Clone(), cmp.Or(o.Timeout, sqlstore.Timeout))
	if err != nil {
		return nil, err
	}
	patient, err := connector(cfg, 0)
	if err != nil {
		return nil, err
	}
	location := fmt.Sprintf("MySQL database %s at %s", cfg.DBName, cfg.Addr)
	lang := dialect()
	if cfg.Net == "tcp" && cfg.TLS == nil {
		lang.Classify = classifyPlain
	}
	d, err := sqlstore.New(quick, patient, lang,
		sqlstore.Options{Location: location, Prefix: o.Prefix, Key: o.Key, OldKey: o.OldKey, Node: o.Node, Member: o.Member, Machine: o.Machine, Lease: o.Lease, Timeout: o.Timeout, VIP: vip(o.VIPStatement), Log: o.Log})
	if err != nil {
		return nil, err
	}
	if err := d.Ping(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (o Options) config() (*mysql.Config, error) {
	c := mysql.NewConfig()
	c.User, c.Passwd, c.DBName = o.User, o.Password.Reveal(), o.Database
	c.ParseTime, c.ClientFoundRows, c.RejectReadOnly = true, true, false
	c.Logger = &mysql.NopLogger{} // its lines say nothing that the errors do not
	c.Timeout = sqlstore.Timeout
	c.Net, c.Addr = o.address()
	if c.Net == "unix" {
		return c, nil
	}
	var err error
	c.TLS, c.AllowFallbackToPlaintext, err = o.tls()
	return c, err
}

func (o Options) address() (network, address string) {
	if strings.HasPrefix(o.Server, "/") {
		return "unix", o.Server
	}
	if o.Port == 0 && (o.Server == "" || o.Server == "localhost") {
		if _, err := os.Stat(debianSocket); err == nil {
			return "unix", debianSocket
		}
	}
	host, port := o.Server, o.Port
	if host == "" {
		host = "localhost"
	}
	if port == 0 {
		port = 3306
	}
	return "tcp", net.JoinHostPort(host, strconv.Itoa(port))
}

// committed is the isolation, which writes little; but a server that logs
// statements refuses every change with it.
// Later versions of MySQL will not know binlog_format, and may not be asked for
// it by name.
const (
	committed        = "IF(@@global.log_bin AND @@global.binlog_format = 'STATEMENT', 'REPEATABLE-READ', 'READ-COMMITTED')"
	committedOnMySQL = "IF((SELECT count(*) FROM performance_schema.global_variables WHERE variable_name = 'binlog_format' AND variable_value = 'STATEMENT') > 0, 'REPEATABLE-READ', 'READ-COMMITTED')"
)

// connector makes connections with limits; limit 0 is none but for connecting.
// The comments are for one kind of server each: both call the same things by
// different names.
func connector(c *mysql.Config, limit time.Duration) (driver.Connector, error) {
	seconds := max(1, int(limit.Seconds()))
	c.Params = map[string]string{
		"time_zone": "'+00:00'",
		"sql_mode":  "'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'",
		// A server may be told to leave aside what a client wants at first.
		"character_set_client": "utf8mb4", "character_set_results": "utf8mb4", "collation_connection": "utf8mb4_general_ci",
	}
	isolation := "/*M!100101 , tx_isolation = " + committed + " */ /*!50720 , transaction_isolation = " + committedOnMySQL + " */"
	if limit == 0 {
		c.Params["autocommit"] = "1 " + isolation
	} else {
		c.ReadTimeout, c.WriteTimeout = limit+2*time.Second, limit+2*time.Second
		c.Params["autocommit"] = fmt.Sprintf("1 %s, lock_wait_timeout = %d, innodb_lock_wait_timeout = %d /*M!100101 , max_statement_time = %g */ /*!50708 , max_execution_time = %d */",
			isolation, seconds, seconds, limit.Seconds(), limit.Milliseconds())
	}
	made, err := mysql.NewConnector(c)
	if err != nil { // its text may have the password in it
		return nil, errors.New("the configuration of the database is not what MySQL understands")
	}
	return made, nil
}

// vip makes the administrator's statement for one user. Its $barejid stands in
// quotes, as the C++ version wanted it.
func vip(statement string) func(jid string) string {
	if statement == "" {
		return nil
	}
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`, `"`, `\"`)
	return func(jid string) string { return strings.ReplaceAll(statement, "$barejid", quote.Replace(jid)) }
}
