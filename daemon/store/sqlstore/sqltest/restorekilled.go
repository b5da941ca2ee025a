// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
)

// backupEnv names the file that a program which is killed restores.
const backupEnv = "SQLTEST_BACKUP"

// restoreFrom is what is killed, through a cutter's port.
func (k Kind) restoreFrom(ctx context.Context, file, database string, port int) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	d, err := k.Connect(ctx, port, Options{Database: database, Prefix: killedPrefix, Key: config.NewSecret(killedKey), Node: "killed"})
	if err != nil {
		return err
	}
	_, err = d.(store.Restorer).Restore(ctx, f, filepath.Join(os.TempDir(), filepath.Base(file)+".kept"))
	return errors.Join(err, d.Close())
}

func restoreKilled(t *testing.T, k Kind, _ Cxx) {
	killRestore(t, k, 31, func(s *dbtest.Server, file, database string, n int) bool {
		t.Setenv(backupEnv, file)
		return killAt(t, k, s, "restore", database, n, n%2 == 0)
	})
}

func restoreCut(t *testing.T, k Kind, _ Cxx) {
	killRestore(t, k, 7, func(s *dbtest.Server, file, database string, n int) bool {
		c := newCutter(t, s, k, n, (*cutter).stop)
		err := k.restoreFrom(t.Context(), file, database, c.port())
		reached := c.count.Load() > int64(n)
		c.end()
		if err != nil && !reached {
			t.Fatalf("restore ended by itself: %v", err)
		}
		await(t, k, s, database)
		return !reached
	})
}

// killRestore kills at every step-th command until there is none any more.
func killRestore(t *testing.T, k Kind, step int, kill func(s *dbtest.Server, file, database string, n int) (done bool)) {
	s := k.Shared(t)
	o := Options{Database: s.Database(t), Prefix: killedPrefix, Key: config.NewSecret(killedKey)}
	d := k.migrated(t, s, o)
	withEverything(t, d)
	file, after := backupOf(t, d), bytesOf(t, s, o.Database, killedPrefix)
	must(t, d.Close())
	t.Setenv("TMPDIR", t.TempDir())
	for n := 0; ; n += step {
		o.Database = s.Database(t)
		d := k.migrated(t, s, o)
		addUser(t, d, "other@example.org")
		must(t, d.Close())
		before := bytesOf(t, s, o.Database, killedPrefix)
		done := kill(s, file, o.Database, n)
		must(t, os.RemoveAll(filepath.Join(os.TempDir(), filepath.Base(file)+".kept")))
		now := bytesOf(t, s, o.Database, killedPrefix)
		switch {
		case done:
			same(t, "restore that was not killed", after, now)
			if n == 0 {
				t.Error("it was never killed")
			}
			return
		case !slices.Equal(now, before) && !slices.Equal(now, after):
			t.Fatalf("killed at command %d, neither the old nor the new:\n%s", n, difference(before, now))
		}
		must(t, k.restoreFrom(t.Context(), file, o.Database, s.Port()))
		must(t, os.RemoveAll(filepath.Join(os.TempDir(), filepath.Base(file)+".kept")))
		same(t, "restored after one that was killed", after, bytesOf(t, s, o.Database, killedPrefix))
	}
}
