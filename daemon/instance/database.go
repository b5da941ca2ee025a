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

// openServer opens a database on a server. Its users are owned one by one, so
// that several main processes may use it.
func openServer(ctx context.Context, cfg *config.Config, log *slog.Logger) (s store.Store, err error) {
	d := cfg.Database
	switch d.Type {
	case "pqxx":
		s, err = postgres.Open(ctx, postgres.Options{
			Server: d.Server, Port: d.Port, User: d.User, Password: d.Password, Database: d.Database, ConnectionString: d.ConnectionString,
			TLS: d.TLS, RootCert: d.TLSCA, Prefix: d.Prefix, Key: d.EncryptionKey, OldKey: d.EncryptionKeyOld, Log: log,
		})
	case "mysql":
		s, err = mysql.Open(ctx, mysql.Options{
			Server: d.Server, Port: d.Port, User: d.User, Password: d.Password, Database: d.Database,
			TLS: d.TLS, RootCert: d.TLSCA, Prefix: d.Prefix, Key: d.EncryptionKey, OldKey: d.EncryptionKeyOld, VIPStatement: d.VIPStatement, Log: log,
		})
	default:
		return nil, fmt.Errorf("database.type %s is not known", d.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("open database %s on %s: %w", d.Database, d.Server, err)
	}
	return s, nil
}

// openStore opens the database for an instance and brings it to this version's
// schema.
func openStore(ctx context.Context, cfg *config.Config, log *slog.Logger) (store.Store, error) {
	s, err := openDatabase(ctx, cfg, true, log)
	if err != nil {
		return nil, err
	}
	if _, err := s.Migrate(ctx); err != nil {
		_ = s.Close() // the error that matters is the migration's
		return nil, fmt.Errorf("migrate database: %w", err)
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

// watchStore looks at the database every 15 s, so that STATUS= says when it is
// away even if nobody needs it just then.
func (i *Instance) watchStore(ctx context.Context) {
	tick := time.NewTicker(15 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		i.checkStore(ctx)
	}
}

func (i *Instance) checkStore(ctx context.Context) {
	short, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := i.store.Status(short)
	problem := ""
	if err != nil && ctx.Err() == nil {
		problem = "the database is not available"
	}
	if old := i.storeErr.Swap(&problem); old == nil || *old == problem {
		return
	}
	if problem != "" {
		i.log.Error("database is away", "err", err)
	} else {
		i.log.Info("database is back")
	}
	i.poke()
}

// storeProblem is one sentence while the database is away.
func (i *Instance) storeProblem() string {
	if p := i.storeErr.Load(); p != nil {
		return *p
	}
	return ""
}
