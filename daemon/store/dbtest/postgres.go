// SPDX-License-Identifier: GPL-2.0-or-later

package dbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	_ "github.com/lib/pq" // the driver "postgres"
)

// PostgreSQL is the server that all tests of this program share. It does not
// wait for the disk.
func PostgreSQL(t testing.TB) *Server {
	t.Helper()
	return share(t, postgres, "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "autovacuum=off")
}

// NewPostgreSQL starts one that is the test's own.
func NewPostgreSQL(t testing.TB, settings ...string) *Server {
	t.Helper()
	return own(t, postgres, settings)
}

func own(t testing.TB, k kind, settings []string) *Server {
	t.Helper()
	s, err := k.new(settings...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Remove(); err != nil {
			t.Error(err)
		}
	})
	return s
}

var postgres = kind{
	user:    "postgres",
	install: func() error { return need("postgresql") },
	prepare: func(h *home, _ []string) error {
		return h.run(pgProgram("initdb"), "-D", filepath.Join(h.dir, "data"), "-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256",
			"--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
	},
	program: func(h *home) (string, []string) {
		return pgProgram("postgres"), []string{"-D", filepath.Join(h.dir, "data"), "-k", h.dir, "-p", fmt.Sprint(h.port),
			"-c", "listen_addresses=127.0.0.1", "-c", "max_connections=60", "-c", "shared_buffers=64MB", "-c", "logging_collector=off"}
	},
	open: func(h *home, database string) (*sql.DB, error) {
		if database == "" {
			database = "postgres"
		}
		return sql.Open("postgres", fmt.Sprintf("host=%s port=%d user=postgres dbname=%s sslmode=disable standard_conforming_strings=on", h.dir, h.port, database))
	},
	first: func(ctx context.Context, admin *sql.DB) error {
		_, err := admin.ExecContext(ctx, "CREATE ROLE "+User+" LOGIN PASSWORD '"+strings.ReplaceAll(Password, "'", "''")+"'")
		return err
	},
	create: "CREATE DATABASE %s OWNER " + User,
	drop:   "DROP DATABASE %s WITH (FORCE)",
	stop:   syscall.SIGINT,  // "fast": it ends the connections
	crash:  syscall.SIGQUIT, // "immediate": it has to recover
	socket: func(h *home) string { return h.dir },
	frames: postgresFrames,
	tls: func(cert, key string) []string {
		return []string{"-c", "ssl=on", "-c", "ssl_cert_file=" + cert, "-c", "ssl_key_file=" + key}
	},
}

// pgProgram is the newest version's that Debian has installed.
func pgProgram(name string) string {
	found, _ := filepath.Glob(filepath.Join(tree, "/usr/lib/postgresql/*/bin", name))
	if len(found) == 0 {
		panic(errors.New("there is no " + name + " in /usr/lib/postgresql"))
	}
	slices.Sort(found)
	return strings.TrimPrefix(found[len(found)-1], tree)
}
