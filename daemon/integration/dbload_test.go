// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

// Sizes of the database's load.
const (
	dbUsers    = 10000
	dbContacts = 100 // of each user
	dbStarts   = 3
	dbSingles  = 200  // logins one after another
	dbCrowd    = 1000 // logins at once
	dbWriters  = 64   // who keep messages at the same time
	dbQueue    = 3 * time.Second
)

// BenchmarkDatabase measures each database with 10,000 users of 100 contacts
// each, on servers that wait for the disk. It runs once, whatever b.N is, prints a
// table next to the goals, and fails where one is missed.
//
//	go test ./daemon/integration -run '^$' -bench BenchmarkDatabase -benchtime 1x -timeout 20m
func BenchmarkDatabase(b *testing.B) {
	export := filepath.Join(b.TempDir(), "export.jsonl")
	writeExport(b, export)
	var all []*dbFigures
	for _, k := range dbKinds {
		l := &dbLoad{b: b, kind: k, dir: b.TempDir(), crowd: newCrowd(b, dbUsers), figures: &dbFigures{name: k.name}}
		l.run(export)
		all = append(all, l.figures)
	}
	missed := printFigures(os.Stdout, all)
	if len(missed) > 0 {
		b.Errorf("missed: %s", strings.Join(missed, "; "))
	}
}

// dbLoad is the run of one database.
type dbLoad struct {
	b      *testing.B
	kind   dbKind
	dir    string
	crowd  *crowd
	config string
	open   func(ctx context.Context) (store.Store, error)
	rest   func()
	// turns counts what goes through openCounted; both are nil without a
	// server.
	turns       *turns
	openCounted func(ctx context.Context) (store.Store, error)
	figures     *dbFigures
}

func (l *dbLoad) run(export string) {
	l.kind.prepare(l)
	l.importAll(export)
	l.rest()
	l.starts()
	l.atStore()
	l.logins()
}

// say prints what was found as soon as it was.
func (l *dbLoad) say(format string, args ...any) {
	fmt.Fprintf(os.Stdout, "  %-12s%s\n", l.kind.name, fmt.Sprintf(format, args...))
}

// importAll fills the database with the tool that an administrator has for it.
func (l *dbLoad) importAll(export string) {
	bin, err := programs()
	if err != nil {
		l.b.Fatal(err)
	}
	file := filepath.Join(l.dir, "irc.cfg")
	if err := os.WriteFile(file, []byte(l.config), 0o600); err != nil {
		l.b.Fatal(err)
	}
	in, err := os.Open(export)
	if err != nil {
		l.b.Fatal(err)
	}
	defer in.Close()
	cmd := exec.Command(filepath.Join(bin, "spectrum2"), "db", "import", file)
	cmd.Stdin = in
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		l.b.Fatalf("import: %v\n%s", err, out)
	}
	l.figures.imported, l.figures.importCPU = time.Since(began), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
	l.say("import of %d contacts: %.1f s", dbUsers*dbContacts, l.figures.imported.Seconds())
}

// starts measures the program from its start until systemd would be told that
// it is ready. All but the crowd were online before, as after a crash.
func (l *dbLoad) starts() {
	var all []time.Duration
	for range dbStarts {
		began := time.Now()
		p := startFile(l.b, l.dir, l.config)
		p.expectLog("ready")
		all = append(all, time.Since(began))
		p.stop()
	}
	slices.Sort(all)
	l.figures.ready = all[len(all)/2]
	l.say("start until READY: %.2f s", l.figures.ready.Seconds())
}

// atStore measures what needs no instance.
func (l *dbLoad) atStore() {
	began := time.Now()
	s := l.opened(l.open)
	listAll(l.b, s)
	l.figures.listed = time.Since(began)
	l.singles(s) // it warms the caches up
	l.figures.login = l.singles(s)
	l.figures.queued = keepMessages(l.b, s)
	if err := s.Close(); err != nil {
		l.b.Fatal(err)
	}
	l.countTurns()
	l.say("login: %.2f ms of database time; %.0f waiting messages a second", milli(l.figures.login), l.figures.queued)
}

// countTurns has a store log the same users in once more, after a first time
// in which it prepares its statements.
func (l *dbLoad) countTurns() {
	if l.turns == nil {
		return
	}
	s := l.opened(l.openCounted)
	defer s.Close()
	l.singles(s)
	l.singles(s)
}

func (l *dbLoad) opened(open func(context.Context) (store.Store, error)) store.Store {
	s, err := open(l.b.Context())
	if err == nil {
		_, err = s.Migrate(l.b.Context())
	}
	if err != nil {
		l.b.Fatal(err)
	}
	return s
}

// listAll reads the names of all users.
func listAll(b *testing.B, s store.Store) {
	if _, err := s.OnlineUsers(b.Context()); err != nil {
		b.Fatal(err)
	}
	n, after := 0, ""
	for {
		page, err := s.ListUsers(b.Context(), after, 500)
		if err != nil {
			b.Fatal(err)
		}
		if n += len(page); len(page) == 0 {
			break
		}
		after = page[len(page)-1]
	}
	if n != dbUsers {
		b.Fatalf("there are %d users", n)
	}
}

// singles are logins one after another, of users from all over the table. It
// returns how long the one in the middle took.
func (l *dbLoad) singles(s store.Store) time.Duration {
	ctx := l.b.Context()
	var took []time.Duration
	turns := 0
	for n := range dbSingles {
		user := crowdJID(n * 7919 % dbUsers)
		before, began := l.turns.count(), time.Now()
		u, token, err := storeLogin(ctx, s, user)
		took = append(took, time.Since(began))
		turns += l.turns.count() - before
		if err == nil {
			err = s.SetOnline(ctx, token, u.ID, false)
		}
		if err == nil {
			err = s.Unclaim(ctx, user, token)
		}
		if err != nil {
			l.b.Fatal(err)
		}
	}
	l.figures.turns = float64(turns) / dbSingles
	slices.Sort(took)
	return took[dbSingles/2]
}

// storeLogin is what an instance does with the store when a user logs in.
func storeLogin(ctx context.Context, s store.Store, user string) (*store.User, store.Token, error) {
	u, err := s.User(ctx, user)
	if err != nil {
		return nil, 0, err
	}
	token, err := s.Claim(ctx, user)
	if err != nil {
		return nil, 0, err
	}
	contacts, err := s.Contacts(ctx, u.ID)
	if err == nil && len(contacts) < dbContacts {
		err = fmt.Errorf("%s has %d contacts", user, len(contacts))
	}
	if err == nil {
		_, err = s.Waiting(ctx, u.ID, 1)
	}
	if err == nil {
		err = s.SetOnline(ctx, token, u.ID, true)
	}
	if err == nil {
		_, err = s.Rooms(ctx, u.ID)
	}
	return u, token, err
}

// keepMessages is how many messages a second are kept durably for users who
// are away.
func keepMessages(b *testing.B, s store.Store) float64 {
	stanza := make([]byte, 300)
	var kept atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for n := range dbWriters {
		u, err := s.User(b.Context(), crowdJID(dbUsers-1-n))
		if err != nil {
			b.Fatal(err)
		}
		all.Go(func() {
			for i := 0; time.Since(began) < dbQueue; i++ {
				w := &store.Waiting{UserID: u.ID, Key: fmt.Sprint(i), Stanza: stanza}
				if _, err := s.Enqueue(b.Context(), 0, w, 100000); err != nil {
					b.Error(err)
					return
				}
				kept.Add(1)
			}
		})
	}
	all.Wait()
	return float64(kept.Load()) / time.Since(began).Seconds()
}

// logins brings the crowd online at once, while the instance, which has just
// started, asks for the others' presence.
func (l *dbLoad) logins() {
	c := l.crowd
	p := startFile(l.b, l.dir, l.config)
	p.expectLog("ready")
	c.log = p.log
	pid := p.cmd.Process.Pid
	before := memoryOf(l.b, pid)
	c.members = c.members[:dbCrowd]
	ctx, cancel := context.WithTimeout(l.b.Context(), loadTime)
	defer cancel()
	began, cpu := time.Now(), cpuOf(l.b, pid)
	c.each(ctx, "online", dbCrowd, (*member).comeOnline)
	l.figures.crowd, l.figures.cpu = time.Since(began), cpuOf(l.b, pid)-cpu
	time.Sleep(idleTime) // a measurement of idleness, not a wait for anything
	l.figures.perUser = float64(memoryOf(l.b, pid)-before) / dbCrowd
	c.verdict()
	p.stop()
	l.say("%d logins at once: %.2f s, %.2f s of processor time; %.1f KiB for each user", dbCrowd, l.figures.crowd.Seconds(), l.figures.cpu.Seconds(), l.figures.perUser)
}
