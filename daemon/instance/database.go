// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/mysql"
	"spectrum.im/spectrum2/daemon/store/postgres"
	"spectrum.im/spectrum2/daemon/store/sqlite"
)

// sqliteOptions are those of a file of the configured kind.
func sqliteOptions(cfg *config.Config, log *slog.Logger) sqlite.Options {
	d := cfg.Database
	return sqlite.Options{Path: d.Database, Prefix: d.Prefix, Key: d.EncryptionKey, OldKey: d.EncryptionKeyOld, Log: log}
}

// openDatabase opens the configured database as it is found. An exclusive one
// is nobody else's until it is closed, as far as its type can have that:
// errors wrap store.ErrInUse.
func openDatabase(ctx context.Context, cfg *config.Config, exclusive bool, log *slog.Logger) (store.Store, error) {
	o := sqliteOptions(cfg, log)
	o.Exclusive = exclusive
	switch cfg.Database.Type {
	case "none":
		o.Path = sqlite.Memory
	case "sqlite3":
		if err := os.MkdirAll(filepath.Dir(o.Path), 0o750); err != nil {
			return nil, fmt.Errorf("make directory of the database: %w", err)
		}
	default:
		return openServer(ctx, cfg, log)
	}
	s, err := sqlite.Open(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", o.Path, err)
	}
	return s, nil
}

// serverTime is how long one operation on a database server may take: with 2 s
// for each query the longest ones take 10 s, and who waits for one gives up
// after half a minute.
const serverTime = 15 * time.Second

// openServer opens a database on a server. Its users are owned one by one, so
// that several main processes may use it.
func openServer(ctx context.Context, cfg *config.Config, log *slog.Logger) (s store.Store, err error) {
	d := cfg.Database
	switch d.Type {
	case "pqxx":
		s, err = postgres.Open(ctx, postgres.Options{
			Server: d.Server, Port: d.Port, User: d.User, Password: d.Password, Database: d.Database, ConnectionString: d.ConnectionString,
			TLS: d.TLS, RootCert: d.TLSCA, Prefix: d.Prefix, Key: d.EncryptionKey, OldKey: d.EncryptionKeyOld, Log: log,
			Member: d.Cluster, Node: cfg.NodeName(), Lease: d.Lease, Timeout: serverTime,
		})
	case "mysql":
		s, err = mysql.Open(ctx, mysql.Options{
			Server: d.Server, Port: d.Port, User: d.User, Password: d.Password, Database: d.Database,
			TLS: d.TLS, RootCert: d.TLSCA, Prefix: d.Prefix, Key: d.EncryptionKey, OldKey: d.EncryptionKeyOld, VIPStatement: d.VIPStatement, Log: log,
			Member: d.Cluster, Node: cfg.NodeName(), Lease: d.Lease, Timeout: serverTime,
		})
	default:
		return nil, fmt.Errorf("database.type %s is not known", d.Type)
	}
	return s, err // which names the database
}

// openStore opens the database for an instance and brings it to this version's
// schema.
func openStore(ctx context.Context, cfg *config.Config, log *slog.Logger) (store.Store, error) {
	s, err := openDatabase(ctx, cfg, true, log)
	if err != nil {
		return nil, err
	}
	if _, err := s.Migrate(ctx); err != nil { // which names the database
		_ = s.Close() // the error that matters is the migration's
		return nil, err
	}
	return s, nil
}

// takeKeys gives the store the keys of a configuration that is being loaded,
// so that a key can be changed while the instance runs.
func (i *Instance) takeKeys(ctx context.Context, old, next *config.Config) error {
	s, ok := i.store.(store.Sealing)
	was, is := old.Database, next.Database
	if !ok || was.EncryptionKey.Equal(is.EncryptionKey) && was.EncryptionKeyOld.Equal(is.EncryptionKeyOld) {
		return nil
	}
	if err := s.SetKeys(ctx, is.EncryptionKey, is.EncryptionKeyOld); err != nil {
		return fmt.Errorf("use database.encryption_key: %w", err)
	}
	return nil
}
