// SPDX-License-Identifier: GPL-2.0-or-later

package dbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// User and Password log in at every server, and may do everything with
// the databases of tests.
const (
	User     = "spectrum"
	Password = "Canary 'Password' \\ 0815"
)

// Server is one database server. Its methods belong to one test at a time.
type Server struct {
	*home
	kind kind
	// Settings are arguments of the server's program; a test changes them
	// before Start.
	Settings []string
	proc     *process
	admin    *sql.DB
}

// kind is what PostgreSQL and MariaDB differ in.
type kind struct {
	variant string // of those that run as the same user
	user    string // the system's
	install func() error
	prepare func(h *home, settings []string) error
	program func(*home) (name string, args []string)
	open    func(h *home, database string) (*sql.DB, error)
	first   func(ctx context.Context, admin *sql.DB) error // once, after the first start
	create  string
	drop    string
	stop    syscall.Signal
	crash   syscall.Signal
	socket  func(*home) string
	frames  func(*proxied) error // reads the protocol
	tls     func(cert, key string) []string
	noTLS   []string
}

// New makes a server that is not the others', and starts it.
func (k kind) new(settings ...string) (*Server, error) {
	if err := k.install(); err != nil {
		return nil, err
	}
	h, err := newHome(k.user)
	if err != nil {
		return nil, err
	}
	s := &Server{home: h, kind: k, Settings: k.withTLS(append(slices.Clone(everywhere), settings...))}
	if err = k.prepare(h, s.Settings); err == nil {
		err = s.Start()
	}
	if err == nil {
		err = k.first(context.Background(), s.admin)
	}
	if err != nil {
		return nil, errors.Join(err, s.Remove())
	}
	return s, nil
}

// Start starts the server again, on the same data, socket and port.
func (s *Server) Start() error {
	name, args := s.kind.program(s.home)
	p, err := s.start(name, append(args, s.Settings...)...)
	if err != nil {
		return err
	}
	s.proc = p
	if s.admin, err = s.kind.open(s.home, ""); err != nil {
		return err
	}
	return s.await(p, func(ctx context.Context) error { return s.admin.PingContext(ctx) })
}

// Stop ends the server in order.
func (s *Server) Stop() error { return s.end(s.kind.stop) }

// Crash ends the server without letting it do anything first.
func (s *Server) Crash() error { return s.end(s.kind.crash) }

func (s *Server) end(signal syscall.Signal) error {
	if s.proc == nil {
		return nil
	}
	err := errors.Join(s.admin.Close(), s.proc.stop(signal))
	s.proc = nil
	return err
}

// Freeze stops the server's processes where they are, until release is called:
// it takes connections and answers nothing.
func (s *Server) Freeze() (release func() error, err error) {
	all := append(children(s.proc.cmd.Process.Pid), s.proc.cmd.Process.Pid)
	signal := func(sig syscall.Signal) error {
		var errs []error
		for _, pid := range all {
			if e := syscall.Kill(pid, sig); e != nil && !errors.Is(e, syscall.ESRCH) {
				errs = append(errs, e)
			}
		}
		return errors.Join(errs...)
	}
	return func() error { return signal(syscall.SIGCONT) }, signal(syscall.SIGSTOP)
}

// children reads a process's children from /proc.
func children(pid int) (pids []int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range files {
		b, _ := os.ReadFile(f)
		for _, word := range strings.Fields(string(b)) {
			if child, err := strconv.Atoi(word); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// Remove ends the server, with everything in it.
func (s *Server) Remove() error { return errors.Join(s.Crash(), s.remove()) }

var databases atomic.Int64

// Database makes an empty database that is the test's own.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test%d", databases.Add(1))
	if _, err := s.admin.Exec(fmt.Sprintf(s.kind.create, name)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.proc != nil {
			_, _ = s.admin.Exec(fmt.Sprintf(s.kind.drop, name)) // the server is removed soon
		}
	})
	return name
}

// SQL is a connection of another program to the database.
func (s *Server) SQL(t testing.TB, database string) *sql.DB {
	t.Helper()
	pool, err := s.kind.open(s.home, database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

// Socket is the unix socket as the database's own clients name it.
func (s *Server) Socket() string { return s.kind.socket(s.home) }

// Port is on 127.0.0.1.
func (s *Server) Port() int { return s.home.port }

// Dir is where the server's files are; its user owns it.
func (s *Server) Dir() string { return s.home.dir }

// shared are the servers that all tests of a program use.
var shared struct {
	sync.Mutex
	servers map[string]*Server
}

func share(t testing.TB, k kind, settings ...string) *Server {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if s := shared.servers[k.user]; s != nil {
		return s
	}
	s, err := k.new(settings...)
	if err != nil {
		t.Fatal(err)
	}
	if shared.servers == nil {
		shared.servers = map[string]*Server{}
	}
	shared.servers[k.user] = s
	return s
}

// Main runs the tests and removes the shared servers; TestMain calls it and
// exits with its result.
func Main(m *testing.M) int {
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	for _, s := range shared.servers {
		if err := s.Remove(); err != nil {
			fmt.Fprintln(os.Stderr, "dbtest:", err)
			code = max(code, 1)
		}
	}
	return code
}
