// SPDX-License-Identifier: GPL-2.0-or-later

package backendtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// secret is the token of a started program.
const secret = "the token of a test"

// Program starts a backend's executable as a main process does: for version 1
// with --host and --port, for the extension with a socket and a token. config
// is the text of its configuration file. It can be a Harness's Start.
func Program(path, config string) func(t *testing.T, o Options) *Main {
	return func(t *testing.T, o Options) *Main {
		t.Helper()
		dir := t.TempDir()
		file := filepath.Join(dir, "test.cfg")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		l, args, token := listen(t, o.Level, dir)
		defer l.Close()
		cmd := exec.Command(path, append(args, "--service.backend_id=1", file)...)
		cmd.Stdout, cmd.Stderr = logOf(t, o), logOf(t, o)
		if token != nil {
			defer token.Close()
			cmd.ExtraFiles = []*os.File{token}
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		t.Cleanup(func() { _ = cmd.Process.Kill() }) // after Main's own cleanup
		m := Attach(t, accept(t, l), ended, o)
		if o.Level > 0 && (string(m.Hello.GetToken()) != secret || m.Hello.GetBackendId() != 1) {
			t.Errorf("HELLO does not carry the token and number the backend was started with: %v", m.Hello)
		}
		return m
	}
}

// deadliner is a listener whose Accept can be given a limit.
type deadliner interface {
	net.Listener
	SetDeadline(time.Time) error
}

// listen opens what the backend connects to, and makes the arguments that say
// so.
func listen(t *testing.T, level int, dir string) (deadliner, []string, *os.File) {
	t.Helper()
	if level == 0 {
		l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		return l, []string{"--host", "127.0.0.1", "--port", fmt.Sprint(port)}, nil
	}
	path := filepath.Join(dir, "backend.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.WriteString(secret); err != nil {
		t.Fatal(err)
	}
	return l, []string{"--service.backend_socket=" + path, "--service.backend_token_fd=3"}, r
}

func accept(t *testing.T, l deadliner) net.Conn {
	t.Helper()
	if err := l.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatalf("the backend did not connect: %v", err)
	}
	return conn
}
