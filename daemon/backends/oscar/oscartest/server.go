// SPDX-License-Identifier: GPL-2.0-or-later

// Package oscartest starts a real ICQ and AIM server, open-oscar-server, on
// loopback for tests. It belongs to tests only and knows nothing of backends.
package oscartest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Host is where the server listens. It takes about ten logins from one address
// and then one a minute: many users need addresses of their own (127.0.0.x).
const Host = "127.0.0.1"

// Options are what a test wants of the server.
type Options struct {
	// Accounts are names and passwords; a name of digits is an ICQ number, with
	// a password of at most eight characters.
	Accounts map[string]string
}

// Server is a running server with a database of its own. It ends with the test.
type Server struct {
	// Port is that of OSCAR: login and all services.
	Port int

	t   testing.TB
	dir string
	api int
	toc int
	cmd *exec.Cmd
	log *os.File
}

// Start builds the server where that has not been done, runs it, and makes the
// accounts.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{t: t, dir: t.TempDir(), Port: freePort(t), api: freePort(t), toc: freePort(t)}
	path := program(t)
	t.Cleanup(func() {
		if t.Failed() {
			text := s.Log()
			t.Logf("the end of the log of open-oscar-server:\n%s", text[max(0, len(text)-3000):])
		}
		s.Stop()
	})
	s.run(path)
	for name, password := range o.Accounts {
		s.AddAccount(name, password)
	}
	return s
}

// Addr is host:port of OSCAR.
func (s *Server) Addr() string { return net.JoinHostPort(Host, strconv.Itoa(s.Port)) }

// Stop kills the server, as a crash would. Its accounts stay.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Kill()
	s.cmd.Wait()
	s.log.Close()
	s.cmd = nil
}

// Restart starts the server again on the same ports with the same accounts.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.run(program(s.t))
}

// Log is what the server has printed.
func (s *Server) Log() string {
	text, _ := os.ReadFile(filepath.Join(s.dir, "server.log"))
	return string(text)
}

func (s *Server) run(path string) {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatalf("open the server's log: %v", err)
	}
	s.log = log
	s.cmd = exec.Command(path)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr, s.cmd.Env = s.dir, log, log, s.environment()
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start open-oscar-server: %v", err)
	}
	s.await(s.Port)
	s.await(s.api)
}

// environment is the server's whole configuration: loopback only, passwords
// checked, a folder of its own.
func (s *Server) environment() []string {
	oscar := fmt.Sprintf("LOCAL://%s:%d", Host, s.Port)
	return []string{
		"OSCAR_LISTENERS=" + oscar, "OSCAR_ADVERTISED_LISTENERS_PLAIN=" + oscar,
		fmt.Sprintf("API_LISTENER=%s:%d", Host, s.api), fmt.Sprintf("TOC_LISTENERS=%s:%d", Host, s.toc),
		"DB_PATH=" + filepath.Join(s.dir, "oscar.sqlite"), "DISABLE_AUTH=false", "DISABLE_MULTI_LOGIN_NOTIF=false",
		"ICQ_LEGACY_ENABLED=false", "LOG_LEVEL=debug", "HOME=" + s.dir,
	}
}

// await returns once the server takes connections.
func (s *Server) await(port int) {
	s.t.Helper()
	addr := net.JoinHostPort(Host, strconv.Itoa(port))
	for range 800 {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			c.Close()
			return
		}
		<-time.After(25 * time.Millisecond) // nothing tells when a program listens
	}
	s.t.Fatalf("open-oscar-server does not listen on %s:\n%s", addr, s.Log())
}

// program is the built server: packaging/oscar-server builds it once for a
// version of it and says where it is.
func program(t testing.TB) string {
	t.Helper()
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "spectrum.im/spectrum2").Output()
	if err != nil {
		t.Fatalf("find the source tree: %v", err)
	}
	cmd := exec.Command(filepath.Join(string(bytes.TrimSpace(root)), "packaging", "oscar-server"))
	var problems bytes.Buffer
	cmd.Stderr = &problems
	path, err := cmd.Output()
	if err != nil {
		t.Fatalf("build open-oscar-server, which this test needs: %v\n%s", err, &problems)
	}
	return string(bytes.TrimSpace(path))
}
