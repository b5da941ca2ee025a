// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlite"
)

// openDatabase opens the configured database as it is found.
func openDatabase(ctx context.Context, cfg *config.Config, log *slog.Logger) (store.Store, error) {
	o := sqlite.Options{Path: cfg.Database.Database, Prefix: cfg.Database.Prefix, Key: cfg.Database.EncryptionKey, Log: log}
	switch cfg.Database.Type {
	case "none":
		o.Path = sqlite.Memory
	case "sqlite3":
		if err := os.MkdirAll(filepath.Dir(o.Path), 0o750); err != nil {
			return nil, fmt.Errorf("make directory of the database: %w", err)
		}
	default:
		return nil, fmt.Errorf("database.type %s is not in this version", cfg.Database.Type)
	}
	s, err := sqlite.Open(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", o.Path, err)
	}
	return s, nil
}

// openStore opens the database and brings it to this version's schema.
func openStore(ctx context.Context, cfg *config.Config, log *slog.Logger) (store.Store, error) {
	s, err := openDatabase(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	if _, err := s.Migrate(ctx); err != nil {
		_ = s.Close() // the error that matters is the migration's
		return nil, fmt.Errorf("migrate database: %w", err)
	}
	return s, nil
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

// DB is `spectrum2 db status|migrate|backup`: work on an instance's database,
// done as the service's user.
type DB struct {
	File string
	Args []string
	JSON bool
	// Output is the backup's path; "" makes one beside the database.
	Output string
	Stdout io.Writer
	Log    *slog.Logger
}

// Run does what verb says.
func (d DB) Run(ctx context.Context, verb string) error {
	cfg, _, err := config.Load(d.File, d.Args)
	if err != nil {
		return err
	}
	if cfg.Database.Type == "none" {
		return fmt.Errorf("instance %s keeps no database (database.type = none)", cfg.Instance)
	}
	s, err := openDatabase(ctx, cfg, d.Log)
	if err != nil {
		return err
	}
	defer s.Close()
	switch verb {
	case "status":
		return d.status(ctx, s)
	case "migrate":
		return d.migrate(ctx, s)
	case "backup":
		return d.backup(ctx, s, cfg)
	}
	return fmt.Errorf("unknown command db %s", verb)
}

func (d DB) status(ctx context.Context, s store.Store) error {
	st, err := s.Status(ctx)
	if err != nil {
		return err
	}
	if d.JSON {
		return json.NewEncoder(d.Stdout).Encode(st)
	}
	w := tabwriter.NewWriter(d.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "Type:\t%s\nLocation:\t%s\nSchema:\t%d of %d\nUsers:\t%d\n", st.Type, st.Location, st.Version, st.Latest, st.Users)
	for _, m := range st.Pending {
		fmt.Fprintf(w, "Pending:\t%d %s\n", m.Number, m.Name)
	}
	return w.Flush()
}

func (d DB) migrate(ctx context.Context, s store.Store) error {
	before, err := s.Status(ctx)
	if err != nil {
		return err
	}
	backup, err := s.Migrate(ctx)
	if err != nil {
		return err
	}
	if d.JSON {
		return json.NewEncoder(d.Stdout).Encode(map[string]any{"applied": len(before.Pending), "backup": backup})
	}
	if len(before.Pending) == 0 {
		_, err = fmt.Fprintln(d.Stdout, "The database is up to date.")
		return err
	}
	fmt.Fprintf(d.Stdout, "Migrated to schema %d.\n", before.Latest)
	if backup != "" {
		_, err = fmt.Fprintf(d.Stdout, "The database as it was is in %s.\n", backup)
	}
	return err
}

func (d DB) backup(ctx context.Context, s store.Store, cfg *config.Config) error {
	path := d.Output
	if path == "" {
		path = cfg.Database.Database + "." + time.Now().UTC().Format("20060102T150405") + ".backup"
	}
	if err := s.Backup(ctx, path); err != nil {
		return fmt.Errorf("back up to %s: %w", path, err)
	}
	if d.JSON {
		return json.NewEncoder(d.Stdout).Encode(map[string]string{"backup": path})
	}
	_, err := fmt.Fprintf(d.Stdout, "The backup is in %s.\n", path)
	return err
}
