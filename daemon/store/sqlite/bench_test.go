// SPDX-License-Identifier: GPL-2.0-or-later

package sqlite_test

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlite"
)

// BenchmarkEnqueue keeps messages durably for many users at a time.
func BenchmarkEnqueue(b *testing.B) {
	s, err := sqlite.Open(b.Context(), sqlite.Options{Path: filepath.Join(b.TempDir(), "database.sql")})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	users := make([]store.User, 64)
	for i := range users {
		users[i].JID = fmt.Sprintf("u%d@example.org", i)
		if err := s.CreateUser(b.Context(), &users[i]); err != nil {
			b.Fatal(err)
		}
	}
	stanza := make([]byte, 300)
	var n atomic.Int64
	b.SetParallelism(64)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			w := &store.Waiting{UserID: users[i%64].ID, Key: fmt.Sprint(i), Stanza: stanza}
			if _, err := s.Enqueue(b.Context(), 0, w, 100000); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
