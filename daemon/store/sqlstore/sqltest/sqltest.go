// SPDX-License-Identifier: GPL-2.0-or-later

// Package sqltest is the suite that every store on a database server passes
// besides storetest: owners of users among several main processes, and a
// server that goes away.
package sqltest

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/store/dbtest"
)

// Options are what a test wants of a store.
type Options struct {
	Database       string
	Prefix         string
	Key, OldKey    config.Secret
	Node           string
	Lease, Timeout time.Duration
	Member         bool
	Machine        string
	// Port is of this machine, in front of the server; 0 is its unix socket.
	Port int
	// Password is another than the server's, if it is set.
	Password config.Secret
}

// Kind is one kind of server.
type Kind struct {
	Shared func(testing.TB) *dbtest.Server
	New    func(t testing.TB, settings ...string) *dbtest.Server
	Open   func(ctx context.Context, s *dbtest.Server, o Options) (store.Store, error)
	// ReadOnly makes a database read-only, or read and write again; an error
	// then has ReadOnlyWord.
	ReadOnly     func(t *testing.T, s *dbtest.Server, database string, on bool)
	ReadOnlyWord string
	// Cut ends every connection of dbtest.User.
	Cut func(t *testing.T, s *dbtest.Server)
	// FewConnections and ManyConnections are a server's settings.
	FewConnections, ManyConnections string
	// Connect opens over TCP, without TLS, on a port of this machine.
	Connect func(ctx context.Context, port int, o Options) (store.Store, error)
	// Command reads a message of the server's clients.
	Command func(io.Reader) (message []byte, command bool, err error)
	// Transactional: what a killed migration did is undone.
	Transactional bool
	// Sessions counts a database's connections of dbtest.User.
	Sessions string
}

// Run tests a kind.
func Run(t *testing.T, k Kind) {
	for name, test := range map[string]func(*testing.T, Kind){
		"user belongs to one node at a time":               oneNode,
		"lease that is not renewed ends":                   leaseEnds,
		"lease is renewed":                                 leaseRenewed,
		"closing gives users free":                         closingFrees,
		"nothing is written with a token that is not good": fenced,
		"claims at the same moment":                        claimsRace,
		"users claimed while writing":                      fencedUnderLoad,
		"programs migrate at the same time":                migrateTogether,
		"new database with a key holds no password":        sealed,
		"export of it is imported again":                   moved,
		"server that refuses":                              refused,
		"read-only database":                               readOnly,
		"lock of another program":                          locked,
		"connections that were cut":                        cut,
		"restarts under load":                              restarts,
		"server that does not answer":                      frozen,
		"server with too many connections":                 tooMany,
	} {
		t.Run(name, func(t *testing.T) { test(t, k) })
	}
}

// open opens a store and closes it with the test.
func (k Kind) open(t *testing.T, s *dbtest.Server, o Options) store.Store {
	t.Helper()
	d, err := k.Open(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() }) // some tests close before
	return d
}

// migrated is a store that is ready.
func (k Kind) migrated(t *testing.T, s *dbtest.Server, o Options) store.Store {
	t.Helper()
	d := k.open(t, s, o)
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func addUser(t *testing.T, d store.Store, jid string) *store.User {
	t.Helper()
	u := &store.User{JID: jid, Password: "p"}
	if err := d.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	return u
}

func claim(t *testing.T, d store.Store, jid string) store.Token {
	t.Helper()
	token, err := d.Claim(t.Context(), jid)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// unavailable wants an error that says so with the words, and no password.
func unavailable(t *testing.T, err error, words ...string) {
	t.Helper()
	if !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "Canary") || strings.Contains(err.Error(), "0815") {
		t.Errorf("the password is in %q", err)
	}
}
