// SPDX-License-Identifier: GPL-2.0-or-later

package dbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// PgBouncer puts one before a PostgreSQL server for as long as the test lasts,
// in pool_mode session, transaction or statement, and returns its port on
// 127.0.0.1. It lets everybody in as User.
func (s *Server) PgBouncer(t testing.TB, mode string) (port int) {
	t.Helper()
	if err := need("pgbouncer"); err != nil {
		t.Fatal(err)
	}
	h, err := newHome("postgres")
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.startPgBouncer(s, mode)
	t.Cleanup(func() {
		if p != nil {
			err = p.stop(syscall.SIGTERM)
		}
		if err := errors.Join(err, h.remove()); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := sql.Open("postgres", fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=postgres sslmode=disable", h.port, User))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := h.await(p, func(ctx context.Context) error { return pool.PingContext(ctx) }); err != nil {
		t.Fatal(err)
	}
	return h.port
}

func (h *home) startPgBouncer(s *Server, mode string) (*process, error) {
	file := filepath.Join(h.dir, "pgbouncer.ini")
	text := fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%d user=%s password='%s'
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = %s
`, s.Port(), User, strings.ReplaceAll(Password, "'", "''"), h.port, mode)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return nil, err
	}
	return h.start("/usr/sbin/pgbouncer", file)
}
