// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

// restarts ends the server several times, once in order, while many write.
// Who is told that it is unavailable tries again, as an instance does.
func restarts(t *testing.T, k Kind) {
	s := k.New(t)
	d := k.migrated(t, s, Options{Database: s.Database(t)})
	u := addUser(t, d, "a@example.org")
	token := claim(t, d, u.JID)
	const writers = 16
	stop := make(chan struct{})
	var kept sync.Map
	var away, longest atomic.Int64
	wrote := make(chan struct{}, 1)
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				begin := time.Now()
				key := fmt.Sprintf("%d-%d", i, n)
				_, err := d.Enqueue(t.Context(), token, &store.Waiting{UserID: u.ID, Key: key, Stanza: []byte("x")}, 0)
				longest.Store(max(longest.Load(), int64(time.Since(begin))))
				switch {
				case err == nil:
					kept.Store(key, true)
					select {
					case wrote <- struct{}{}:
					default:
					}
				case errors.Is(err, store.ErrUnavailable):
					away.Add(1)
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	for _, end := range []func() error{s.Crash, s.Stop, s.Crash} {
		<-wrote
		<-wrote
		must(t, end())
		if _, err := d.User(t.Context(), u.JID); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("while it is away: %v", err)
		}
		must(t, s.Start())
		soon(t, func() bool { _, err := d.User(t.Context(), u.JID); return err == nil })
		select { // what was there from before
		case <-wrote:
		default:
		}
	}
	<-wrote
	close(stop)
	group.Wait()
	if away.Load() == 0 {
		t.Error("nobody was told that it is away")
	}
	if d := time.Duration(longest.Load()); d > 12*time.Second {
		t.Errorf("somebody waited %v", d)
	}
	expectKept(t, d, u.ID, &kept)
}

func expectKept(t *testing.T, d store.Store, id int64, kept *sync.Map) {
	t.Helper()
	w, err := d.Waiting(t.Context(), id, 1<<30)
	must(t, err)
	there := map[string]bool{}
	for _, m := range w {
		if there[m.Key] {
			t.Errorf("%s is there twice", m.Key)
		}
		there[m.Key] = true
	}
	n := 0
	kept.Range(func(key, _ any) bool {
		if n++; !there[key.(string)] {
			t.Errorf("%v was answered as kept and is lost", key)
		}
		return true
	})
	if n < 10 {
		t.Errorf("only %d were kept", n)
	}
}
