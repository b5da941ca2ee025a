// SPDX-License-Identifier: GPL-2.0-or-later

package sqltest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

// Users and ContactsEach are the size of the database of Bench.
const (
	Users        = 10000
	ContactsEach = 100
)

// Bench measures a server that waits for its disk, and is full: fill makes the
// users u1@example.org and so on, numbered from 1, with their contacts.
func Bench(b *testing.B, k Kind, fill []string) {
	s := k.New(b)
	name := s.Database(b)
	d, err := k.Open(b.Context(), s, Options{Database: name})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	for _, query := range fill {
		if _, err := s.SQL(b, name).Exec(query); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("start", func(b *testing.B) {
		benchStart(b, func() (store.Store, error) { return k.Open(b.Context(), s, Options{Database: name}) })
	})
	b.Run("login", func(b *testing.B) { benchLogin(b, d) })
	b.Run("1000 logins", func(b *testing.B) { benchLogins(b, d) })
	b.Run("enqueue", func(b *testing.B) { benchEnqueue(b, d) })
}

// benchStart opens the database and lists all its users.
func benchStart(b *testing.B, open func() (store.Store, error)) {
	for b.Loop() {
		d, err := open()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := d.Migrate(b.Context()); err != nil {
			b.Fatal(err)
		}
		if _, err := d.OnlineUsers(b.Context()); err != nil {
			b.Fatal(err)
		}
		n := 0
		for after := ""; ; {
			page, err := d.ListUsers(b.Context(), after, 1000)
			if err != nil {
				b.Fatal(err)
			}
			if n += len(page); len(page) == 0 {
				break
			}
			after = page[len(page)-1]
		}
		if n != Users {
			b.Fatalf("%d users", n)
		}
		_ = d.Close()
	}
}

// login is what a session does with the store when its user comes.
func login(ctx context.Context, d store.Store, n int64) error {
	jid := fmt.Sprintf("u%d@example.org", 1+n%Users)
	if _, err := d.Claim(ctx, jid); err != nil {
		return err
	}
	u, err := d.User(ctx, jid)
	if err != nil {
		return err
	}
	c, err := d.Contacts(ctx, u.ID)
	if err != nil {
		return err
	}
	if len(c) != ContactsEach {
		return fmt.Errorf("%s has %d contacts", jid, len(c))
	}
	if _, err := d.Waiting(ctx, u.ID, 100); err != nil {
		return err
	}
	_, err = d.Rooms(ctx, u.ID)
	return err
}

func benchLogin(b *testing.B, d store.Store) {
	n := int64(0)
	for b.Loop() {
		n++
		if err := login(b.Context(), d, n*7919); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/login")
}

func benchLogins(b *testing.B, d store.Store) {
	var n atomic.Int64
	for b.Loop() {
		begin := time.Now()
		errs := make(chan error, 100)
		for range 100 {
			go func() {
				var err error
				for range 10 {
					if e := login(b.Context(), d, n.Add(1)); e != nil {
						err = e
					}
				}
				errs <- err
			}()
		}
		for range 100 {
			if err := <-errs; err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(time.Since(begin).Seconds(), "s/1000-logins")
	}
}

func benchEnqueue(b *testing.B, d store.Store) {
	stanza := make([]byte, 300)
	var n atomic.Int64
	b.SetParallelism(64)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			w := &store.Waiting{UserID: 1 + i%64, Key: fmt.Sprint(i, time.Now().UnixNano()), Stanza: stanza}
			if _, err := d.Enqueue(b.Context(), 0, w, 100000); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
