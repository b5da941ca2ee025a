// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/chatstate"
)

// chatTime is how long there is talk: longer than what a session gathers before
// it writes.
const chatTime = 2 * time.Second

// TestTalkWritesNothing: contacts who come, go and change their texts, typing,
// and messages to a user who is online leave the database alone, by what the
// database itself says that was written.
func TestTalkWritesNothing(t *testing.T) {
	for name, start := range map[string]func(t *testing.T, server string) (p *process, writes func() []string){
		"sqlite": writesOfFile,
		"postgresql": func(t *testing.T, server string) (*process, func() []string) {
			s := dbtest.NewPostgreSQL(t, "-c", "log_statement=mod")
			return writesOfServer(t, server, "pqxx", s, filepath.Join(s.Dir(), "log"))
		},
		"mariadb": func(t *testing.T, server string) (*process, func() []string) {
			s := dbtest.NewMariaDB(t, "--general-log=1", "--general-log-file=statements")
			return writesOfServer(t, server, "mysql", s, filepath.Join(s.Dir(), "data", "statements"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p, writes := start(t, w.server.addr)
			p.expectLog("ready")
			romeo := w.user("romeo")
			romeo.register("romeo_m", "any")
			romeo.comeOnline()
			romeo.talk() // echo becomes a contact
			if len(writes()) == 0 {
				t.Error("a registration and a new contact were not seen: this test sees nothing")
			}
			romeo.talk()
			if found := writes(); len(found) > 0 {
				t.Errorf("written while there was talk: %s", strings.Join(found, "\n"))
			}
		})
	}
}

// talk has echo change his presence and text, type and write, for a while.
func (u *user) talk() {
	u.t.Helper()
	shows := []string{"away", "dnd", "", "xa"}
	for i, end := 0, time.Now().Add(chatTime); time.Now().Before(end); i++ {
		text := fmt.Sprintf("text %d at %d", i, end.UnixNano())
		mark := u.mark()
		st := xmpp.NewPresence("", "", transport).Add(xmpp.NewText(xmpp.NSClient, "status", text))
		if show := shows[i%len(shows)]; show != "" {
			st.Add(xmpp.NewText(xmpp.NSClient, "show", show))
		}
		u.send(st)
		u.expect(mark, "echo with "+text, func(st *xmpp.Element) bool {
			return st.Name == "presence" && bareOf(st) == "echo@"+transport && st.ChildText(xmpp.NSClient, "status") == text
		})
		mark = u.mark()
		u.send(xmpp.NewMessage("chat", "", "echo@"+transport).Add(chatstate.Element(chatstate.Composing)))
		u.expect(mark, "echo typing", func(st *xmpp.Element) bool {
			return st.Name == "message" && st.Child(chatstate.NS, "composing") != nil
		})
		mark = u.mark()
		u.say("echo@"+transport, "chat", text)
		u.hears(mark, "echo@"+transport, text)
	}
}

// writesOfFile watches the version of the file's content, which changes with
// each transaction of another connection that writes.
func writesOfFile(t *testing.T, server string) (*process, func() []string) {
	p := startInstance(t, server, "")
	p.expectLog("ready")
	pool, err := sql.Open("sqlite", "file:"+filepath.Join(p.dir, "state", "database.sql")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	conn, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	last := -1
	return p, func() (found []string) {
		var now int
		if err := conn.QueryRowContext(t.Context(), "PRAGMA data_version").Scan(&now); err != nil {
			t.Fatal(err)
		}
		if now != last {
			found = append(found, fmt.Sprintf("data_version was %d and is %d", last, now))
		}
		last = now
		return found
	}
}

// written is a statement in a server's log that changes something, ownLease one
// that renews the instance's lease.
var (
	written  = regexp.MustCompile(`(?i)(?:execute|statement|query)[^:\t\n]*[:\t]\s*((?:insert|update|delete|replace|with)\b.*)`)
	ownLease = regexp.MustCompile(`(?i)^(?:insert into|update|delete from)\s+\W*spectrum2_nodes\b`)
)

// writesOfServer reads what the server logs of its statements.
func writesOfServer(t *testing.T, server, typ string, s *dbtest.Server, log string) (*process, func() []string) {
	dir := t.TempDir()
	p := startFile(t, dir, serverConfig(dir, server, "", typ, s.Port(), s.Database(t)))
	seen := 0
	return p, func() (found []string) {
		b, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range written.FindAllStringSubmatch(string(b[seen:]), -1) {
			if !ownLease.MatchString(m[1]) {
				found = append(found, m[1])
			}
		}
		seen = len(b)
		return found
	}
}
