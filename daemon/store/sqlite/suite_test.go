// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite_test

import (
	"path/filepath"
	"sync"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlite"
	"spectrum.im/spectrum2/daemon/store/storetest"
)

// opener keeps a file for each test.
func opener(o sqlite.Options) func(t *testing.T) store.Store {
	var paths sync.Map
	return func(t *testing.T) store.Store {
		t.Helper()
		o := o
		path, there := paths.Load(t)
		if !there {
			path = filepath.Join(t.TempDir(), "data%20base ?#.sql")
			paths.Store(t, path)
		}
		o.Path = path.(string)
		return open(t, o)
	}
}

func open(t *testing.T, o sqlite.Options) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	t.Run("plain", func(t *testing.T) { storetest.Run(t, opener(sqlite.Options{})) })
	t.Run("prefix and key", func(t *testing.T) {
		storetest.Run(t, opener(sqlite.Options{Prefix: "icq_", Key: config.NewSecret("k")}))
	})
}
