// SPDX-License-Identifier: GPL-2.0-or-later

package personal_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/personal"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/sqlite"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/mam"
)

// onDisk is a database in a file.
func onDisk(b *testing.B) store.Store {
	db, err := sqlite.Open(b.Context(), sqlite.Options{Path: filepath.Join(b.TempDir(), "database.sql")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	if _, err := db.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	return db
}

func openFor(b *testing.B, db store.Store, name string, send func(context.Context, *xmpp.Element) error) *personal.Services {
	u := &store.User{JID: name}
	if err := db.CreateUser(b.Context(), u); err != nil {
		b.Fatal(err)
	}
	s, err := personal.Open(b.Context(), personal.Options{
		User: jid.MustParse(name), UserID: u.ID, Token: func() store.Token { return 1 }, Store: db, Days: 7, Rooms: true, Send: send,
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkRecord archives the messages of 64 users, durably: the time ends
// when all of them are on the disk.
func BenchmarkRecord(b *testing.B) {
	db := onDisk(b)
	users := make([]*personal.Services, 64)
	for i := range users {
		users[i] = openFor(b, db, fmt.Sprintf("u%d@irc.example.org", i), nil)
	}
	st := parse(b, "<message from='"+ann+"/bot' to='"+me+"' type='chat' id='abcdef'><body>"+strings.Repeat("Hello, world. ", 10)+"</body></message>")
	b.ResetTimer()
	var group sync.WaitGroup
	for i, s := range users {
		group.Go(func() {
			for n := i; n < b.N; n += len(users) {
				if mam.IDBy(s.Record(st, false), fmt.Sprintf("u%d@irc.example.org", i)) == "" {
					b.Error("not archived")
					return
				}
				if n/len(users)%2000 == 1999 { // fewer than may wait
					s.IQ(b.Context(), xmpp.NewIQ("get", fmt.Sprintf("u%d@irc.example.org/x", i), "", "").Add(xmpp.New(mam.NS, "metadata")))
				}
			}
			if err := s.Close(b.Context()); err != nil {
				b.Error(err)
			}
		})
	}
	group.Wait()
	b.StopTimer()
	kept := 0
	for id := range int64(len(users)) {
		n, err := db.CountArchived(b.Context(), id+1, store.ArchiveQuery{}, b.N)
		if err != nil {
			b.Fatal(err)
		}
		kept += n
	}
	if kept != b.N {
		b.Fatalf("%d of %d messages were kept", kept, b.N)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkPage asks for 50 messages out of 100,000.
func BenchmarkPage(b *testing.B) {
	db := onDisk(b)
	results := 0
	s := openFor(b, db, me, func(context.Context, *xmpp.Element) error { results++; return nil })
	defer s.Close(b.Context())
	const body = "<message xmlns='jabber:client' from='ann@irc.example.org/bot' to='me@irc.example.org' type='chat'><body>Hello, world. Hello, world.</body></message>"
	for at := range 100 {
		var batch []store.Archived
		for i := range 1000 {
			n := at*1000 + i
			batch = append(batch, store.Archived{Seq: int64(n + 1), Peer: fmt.Sprintf("c%d@irc.example.org", n%100), ID: fmt.Sprintf("%016x", n+1), Stanza: []byte(body)})
		}
		if err := db.AddArchived(b.Context(), 1, 1, batch); err != nil {
			b.Fatal(err)
		}
	}
	for name, payload := range map[string]string{
		"newest":  queryOf("<max>50</max><before/>"),
		"middle":  queryOf("<max>50</max><after>" + fmt.Sprintf("%016x", 50000) + "</after>"),
		"contact": queryOf("<max>50</max><before/>", "with", "c42@irc.example.org"),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				results = 0
				reply, _ := s.IQ(b.Context(), xmpp.NewIQ("set", laptop, "", "").Add(parse(b, payload)))
				if results != 50 || reply.Get("type") != "result" {
					b.Fatalf("%d results, %s", results, reply)
				}
			}
		})
	}
}
