// SPDX-License-Identifier: GPL-2.0-or-later

package server_test

import (
	"bufio"
	"bytes"
	"encoding/pem"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp/server"
)

// TestSlixmppLogsInAndResumes: a client that nobody here wrote, by STARTTLS and
// by direct TLS, over a cut.
func TestSlixmppLogsInAndResumes(t *testing.T) {
	if out, err := exec.Command("../../../packaging/need", "python3-slixmpp").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate().Certificate[0]})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []server.Kind{server.StartTLS, server.DirectTLS} {
		t.Run(string(kind), func(t *testing.T) {
			h := start(t, server.Limits{})
			s := runSlixmpp(t, h.addrs[kind], ca, string(kind))
			line := s.want(t, "started juliet@irc.example.org/slixmpp ")
			cl := <-h.users.clients
			if i := cl.conn.Info(); i.Kind != kind || !i.Resumable {
				t.Errorf("%+v", i)
			}
			s.want(t, "message one", func() { cl.send(t, "one") })
			s.order(t, "cut")
			s.want(t, "cut")
			cl.wantEvent(t, "detached")
			cl.send(t, "two")
			s.order(t, "back")
			if again := s.want(t, "resumed "); !strings.HasSuffix(line, strings.TrimPrefix(again, "resumed ")) {
				t.Errorf("%q, then %q", line, again)
			}
			s.want(t, "message two")
			cl.wantEvent(t, "resumed")
			s.want(t, "message three", func() { cl.send(t, "three") })
			s.order(t, "quit")
			<-cl.ended
			if err := s.cmd.Wait(); err != nil {
				t.Errorf("%v: %s", err, s.stderr.String())
			}
		})
	}
}

type slixmpp struct {
	cmd    *exec.Cmd
	in     io.Writer
	lines  chan string
	stderr bytes.Buffer
}

func runSlixmpp(t *testing.T, addr, ca, kind string) *slixmpp {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	s := &slixmpp{cmd: exec.Command("/usr/bin/python3", "testdata/client.py", port, ca, kind), lines: make(chan string, 100)}
	s.cmd.Stderr = &s.stderr
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// It has ended, unless the test failed.
		_ = s.cmd.Process.Kill()
	})
	go func() {
		for sc := bufio.NewScanner(out); sc.Scan(); {
			s.lines <- sc.Text()
		}
		close(s.lines)
	}()
	return s
}

func (s *slixmpp) order(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(s.in, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

// want waits for a line that begins with prefix, after doing what makes it come.
func (s *slixmpp) want(t *testing.T, prefix string, first ...func()) string {
	t.Helper()
	for _, f := range first {
		f()
	}
	late := time.After(30 * time.Second)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				t.Fatalf("ended before %q: %s", prefix, s.stderr.String())
			}
			if strings.HasPrefix(line, prefix) {
				return line
			}
		case <-late:
			t.Fatalf("no %q: %s", prefix, s.stderr.String())
		}
	}
}
