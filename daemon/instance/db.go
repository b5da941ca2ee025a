// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
)

// DB is `spectrum2 db VERB`: work on an instance's database, done as the
// service's user.
type DB struct {
	File string
	Args []string
	JSON bool
	// Output is the path to write to, "-" is Stdout; "" is one beside the
	// database.
	Output string
	// Passwords: readable ones go into an export.
	Passwords bool
	// Merge: an import may find users in the database.
	Merge   bool
	Version string
	// Stdin is what restore and import read.
	Stdin  io.Reader
	Stdout io.Writer
	Log    *slog.Logger
}

// task is one verb under way.
type task struct {
	DB
	cfg *config.Config
}

// verbs are what DB can do.
var verbs = map[string]func(task, context.Context) error{
	"status":  task.status,
	"migrate": task.migrate,
	"backup":  task.backup,
	"restore": task.restore,
	"export":  task.export,
	"import":  task.load,
	"seal":    task.seal,
	"unseal":  task.unseal,
	"rekey":   task.rekey,
}

// Verbs are the names of all.
func Verbs() []string { return slices.Sorted(maps.Keys(verbs)) }

// Run does what verb says.
func (d DB) Run(ctx context.Context, verb string) error {
	run := verbs[verb]
	if run == nil {
		return fmt.Errorf("unknown command db %s", verb)
	}
	cfg, _, err := config.Load(d.File, d.Args)
	if err != nil {
		return err
	}
	if cfg.Database.Type == "none" {
		return fmt.Errorf("instance %s keeps no database (database.type = none)", cfg.Instance)
	}
	err = run(task{d, cfg}, ctx)
	if errors.Is(err, store.ErrInUse) {
		return fmt.Errorf("%w: stop the instance first (spectrumctl stop %s)", err, cfg.Instance)
	}
	return err
}

// with opens the database as it is found, and closes it after f.
func (t task) with(ctx context.Context, exclusive bool, f func(store.Store) error) error {
	s, err := openDatabase(ctx, t.cfg, exclusive, t.Log)
	if err != nil {
		return err
	}
	return errors.Join(f(s), s.Close())
}

// beside is a path beside the database for a file that is made now. What holds
// the database of a server is in the instance's working directory.
func (t task) beside(what string) string {
	base := t.cfg.Database.Database
	if t.cfg.Database.Type != "sqlite3" {
		base = filepath.Join(t.cfg.Service.WorkingDir, "database")
	}
	first := base + "." + what + "." + time.Now().UTC().Format("20060102T150405")
	path := first
	for n := 2; exists(path); n++ { // another of this second
		path = fmt.Sprintf("%s.%d", first, n)
	}
	return path
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// say answers with sentences for people, or with JSON.
func (t task) say(answer map[string]any, sentences ...string) error {
	if t.JSON {
		return json.NewEncoder(t.Stdout).Encode(answer)
	}
	for _, s := range sentences {
		if _, err := fmt.Fprintln(t.Stdout, s); err != nil {
			return err
		}
	}
	return nil
}
