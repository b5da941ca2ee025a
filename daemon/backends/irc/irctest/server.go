// SPDX-License-Identifier: GPL-2.0-or-later

// Package irctest starts real IRC servers on loopback for tests and plays
// their other users. It belongs to tests only and knows nothing of backends.
package irctest

import (
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Options are what a test wants of a server.
type Options struct {
	// TLS opens a second port with a self-signed certificate.
	TLS bool
	// Password is what everybody must send with PASS; "" for none.
	Password string
	// NickLen is the longest nick, 0 for 30.
	NickLen int
	// Accounts are name and password of accounts (ergo only).
	Accounts map[string]string
}

// Server is a running IRC server. It ends with the test.
type Server struct {
	Host          string
	Port, TLSPort int
	// Fingerprint is the SHA-256 of its certificate, in hexadecimal; CertFile
	// the certificate.
	Fingerprint, CertFile string

	t    testing.TB
	argv []string
	dir  string
	cmd  *exec.Cmd
	log  *os.File
}

// Name is what the servers call themselves.
const Name = "irc.test.example"

// Addr is host:port without TLS.
func (s *Server) Addr() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// TLSAddr is host:+port, the notation of service.irc_server for TLS.
func (s *Server) TLSAddr() string { return s.Host + ":+" + strconv.Itoa(s.TLSPort) }

// newServer picks the ports and makes the files that every server needs.
func newServer(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{Host: "127.0.0.1", Port: freePort(t), t: t, dir: t.TempDir()}
	if o.TLS {
		s.TLSPort = freePort(t)
		s.certificate()
	}
	return s
}

// ports are those that were given out; a port is not used twice.
var ports sync.Map

// freePort finds a port below the range from which the kernel takes those of
// outgoing connections: nobody else gets it before the server listens.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 12000 + rand.IntN(20000)
		if _, taken := ports.LoadOrStore(port, true); taken {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("there is no free port")
	return 0
}

// file writes a file of the server's.
func (s *Server) file(name, content string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		s.t.Fatalf("write %s: %v", name, err)
	}
	return path
}

// Start starts the server (again, after Stop) and waits until it listens.
func (s *Server) Start() {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatalf("open the server's log: %v", err)
	}
	s.log = log
	s.cmd = exec.Command(s.argv[0], s.argv[1:]...)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.dir, log, log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start %s: %v", s.argv[0], err)
	}
	s.await()
}

// await returns once the server takes connections.
func (s *Server) await() {
	s.t.Helper()
	for range 400 {
		c, err := net.DialTimeout("tcp", s.Addr(), time.Second)
		if err == nil {
			c.Close()
			return
		}
		<-time.After(25 * time.Millisecond) // nothing tells when a program listens
	}
	s.t.Fatalf("%s does not listen on %s:\n%s", s.argv[0], s.Addr(), s.Log())
}

// Log is what the server has printed.
func (s *Server) Log() string {
	text, _ := os.ReadFile(filepath.Join(s.dir, "server.log"))
	return string(text)
}

// Stop kills the server, as a crash would.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Kill()
	s.cmd.Wait()
	s.log.Close()
	s.cmd = nil
}

// run starts the server and has it end with the test.
func (s *Server) run(argv ...string) *Server {
	s.t.Helper()
	s.argv = argv
	s.t.Cleanup(func() {
		if s.t.Failed() {
			text := s.Log()
			s.t.Logf("the end of the log of %s:\n%s", filepath.Base(argv[0]), text[max(0, len(text)-3000):])
		}
		s.Stop()
	})
	s.Start()
	return s
}

// program finds a program, and installs the Debian package it is in where it
// is missing; a test that cannot have its server fails.
func program(t testing.TB, name, pkg string) string {
	t.Helper()
	if path := find(name); path != "" {
		return path
	}
	cmd := exec.Command("apt-get", "install", "-y", "--no-install-recommends", pkg)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("install %s, which this test needs: %v\n%s", pkg, err, out)
	}
	path := find(name)
	if path == "" {
		t.Fatalf("%s is not in the package %s", name, pkg)
	}
	return path
}

func find(name string) string {
	for dir := range strings.SplitSeq(os.Getenv("PATH")+":/usr/sbin:/sbin", ":") {
		path := filepath.Join(dir, name)
		if st, err := os.Stat(path); err == nil && st.Mode()&0o111 != 0 && !st.IsDir() {
			return path
		}
	}
	return ""
}
