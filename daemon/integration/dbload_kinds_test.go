// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/store/mysql"
	"spectrum.im/spectrum2/daemon/store/postgres"
	"spectrum.im/spectrum2/daemon/store/sqlite"
	"spectrum.im/spectrum2/daemon/store/transfer"
)

// dbKind is one kind of database; prepare makes an empty one, with the
// configuration of an instance that uses it.
type dbKind struct {
	name    string
	prepare func(*dbLoad)
}

var dbKinds = []dbKind{
	{"SQLite", (*dbLoad).prepareFile},
	{"PostgreSQL", func(l *dbLoad) {
		l.prepareServer("pqxx", dbtest.NewPostgreSQL(l.b), "VACUUM ANALYZE", func(ctx context.Context, port int, name string) (store.Store, error) {
			return postgres.Open(ctx, postgres.Options{Server: "127.0.0.1", Port: port, User: dbtest.User, Password: config.NewSecret(dbtest.Password), Database: name})
		})
	}},
	{"MariaDB", func(l *dbLoad) {
		l.prepareServer("mysql", dbtest.NewMariaDB(l.b), "ANALYZE TABLE users, buddies, users_settings, buddies_settings", func(ctx context.Context, port int, name string) (store.Store, error) {
			return mysql.Open(ctx, mysql.Options{Server: "127.0.0.1", Port: port, User: dbtest.User, Password: config.NewSecret(dbtest.Password), Database: name})
		})
	}},
}

const dbLoadService = "users_per_backend = 20000\n"

func (l *dbLoad) prepareFile() {
	l.config = configOf(l.dir, l.crowd.server.addr, dbLoadService)
	path := filepath.Join(l.dir, "state", "database.sql")
	l.open = func(ctx context.Context) (store.Store, error) { return sqlite.Open(ctx, sqlite.Options{Path: path}) }
	l.rest = func() {}
}

// prepareServer has a second way to the server, which counts. rest is what a
// server does by itself at some time after it was filled; here it does it before
// anything is measured.
func (l *dbLoad) prepareServer(typ string, s *dbtest.Server, rest string, open func(ctx context.Context, port int, name string) (store.Store, error)) {
	name := s.Database(l.b)
	l.config = serverConfig(l.dir, l.crowd.server.addr, dbLoadService, typ, s.Port(), name)
	l.open = func(ctx context.Context) (store.Store, error) { return open(ctx, s.Port(), name) }
	l.turns = newTurns(l.b, s.Port())
	l.openCounted = func(ctx context.Context) (store.Store, error) { return open(ctx, l.turns.port(), name) }
	l.rest = func() {
		if _, err := s.SQL(l.b, name).ExecContext(l.b.Context(), rest); err != nil {
			l.b.Fatal(err)
		}
	}
}

// serverConfig is an instance's file with a database on a server.
func serverConfig(dir, server, more, typ string, port int, name string) string {
	text, _, _ := strings.Cut(configOf(dir, server, more), "[database]")
	return text + fmt.Sprintf("[database]\ntype = %s\nserver = 127.0.0.1\nport = %d\nuser = %s\npassword = %s\ndatabase = %s\n", typ, port, dbtest.User, dbtest.Password, name)
}

func crowdJID(i int) string { return fmt.Sprintf("bench%d@localhost", i) }

// writeExport writes the file that all databases are filled from.
func writeExport(b *testing.B, path string) {
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	out := bufio.NewWriter(f)
	n, err := transfer.Export(b.Context(), &crowdStore{}, out, transfer.Options{JID: transport, Program: "bench", Passwords: true})
	if err == nil {
		err = out.Flush()
	}
	if err != nil || n.Users != dbUsers || n.Contacts != dbUsers*dbContacts {
		b.Fatalf("made %+v, %v", n, err)
	}
}

// crowdStore is the crowd as a store would have it. What is not written here
// nobody asks for.
type crowdStore struct {
	store.Store
	listed bool
}

func (*crowdStore) Status(context.Context) (store.Status, error) {
	return store.Status{Type: "bench"}, nil
}

func (s *crowdStore) ListUsers(context.Context, string, int) (all []string, _ error) {
	if s.listed {
		return nil, nil
	}
	s.listed = true
	for i := range dbUsers {
		all = append(all, crowdJID(i))
	}
	return all, nil
}

func (*crowdStore) User(_ context.Context, jid string) (*store.User, error) {
	var i int64
	if _, err := fmt.Sscanf(jid, "bench%d@", &i); err != nil {
		return nil, err
	}
	settings := map[string]string{"enable_transport": "1", "send_headlines": "0", "stay_connected": "0"}
	return &store.User{ID: i, JID: jid, Name: fmt.Sprintf("bench%d", i), Password: "secret", Language: "en", Encoding: "utf8", Online: i >= dbCrowd, Settings: settings}, nil
}

func (*crowdStore) Contacts(_ context.Context, user int64) (all []store.Contact, _ error) {
	for i := range dbContacts {
		c := store.Contact{UserID: user, Name: fmt.Sprintf("contact%d", i), Subscription: "both", Nickname: fmt.Sprintf("Contact Number %d", i), Groups: []string{"Friends"}}
		if i%3 == 0 {
			c.Settings = map[string]string{"icon_hash": fmt.Sprintf("%040x", user*1000+int64(i))}
		}
		all = append(all, c)
	}
	return all, nil
}

func (*crowdStore) Waiting(context.Context, int64, int) ([]store.Waiting, error) { return nil, nil }
func (*crowdStore) Rooms(context.Context, int64) ([]store.Room, error)           { return nil, nil }
func (*crowdStore) PersonalItems(context.Context, int64, string, string) ([]store.Item, error) {
	return nil, nil
}
func (*crowdStore) Archived(context.Context, int64, store.ArchiveQuery, bool, int) ([]store.Archived, error) {
	return nil, nil
}
