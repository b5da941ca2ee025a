// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/store"
)

// benchContacts is how many each user has.
const benchContacts = 100

// list is a database that has made the contacts anew for each user, as one on a
// disk does.
type list struct{ *memory }

func (list) Contacts(_ context.Context, userID int64) ([]store.Contact, error) {
	all := make([]store.Contact, 0, benchContacts)
	for i := range int64(benchContacts) {
		c := store.Contact{
			ID: userID*benchContacts + i, UserID: userID, Name: fmt.Sprintf("contact%d", i), Subscription: "both",
			Nickname: fmt.Sprintf("Contact Number %d", i), Groups: []string{fmt.Sprintf("Group %d", i%5)}, Settings: map[string]string{},
		}
		if i%3 == 0 {
			c.Settings["icon_hash"] = fmt.Sprintf("%040x", userID*1000+i)
		}
		all = append(all, c)
	}
	return all, nil
}

// BenchmarkContacts makes sessions with 100 contacts each: the time and
// allocations of one, and what it holds for as long as it runs.
func BenchmarkContacts(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	set := session.Settings{Addresses: session.Addresses{Transport: transport, Escape: true}}
	caps, net := session.NewCapsCache(), newNetwork()
	var sessions []*session.Session
	before := held()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		u := &store.User{ID: int64(i + 1), JID: fmt.Sprintf("user%d@montague.example", i), Name: "romeo", Password: "secret", Settings: map[string]string{}}
		s := session.New(session.Options{User: u, Store: list{newMemory()}, Front: &front{}, Backends: net, Settings: func() session.Settings { return set }, Caps: caps})
		running.Go(func() { _ = s.Run(ctx) }) // it ends with ctx
		if _, err := s.ContactList(ctx); err != nil {
			b.Fatal(err)
		}
		sessions = append(sessions, s)
	}
	b.StopTimer()
	b.ReportMetric(float64(held()-before)/float64(len(sessions)), "B/user")
	if n := sessions[0].Status().Contacts; n != benchContacts {
		b.Fatalf("%d contacts", n)
	}
}

// held is what is in use after everything else was thrown away.
func held() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
