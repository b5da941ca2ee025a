// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

// peers has a socket where a database server has its own, and tells which users
// ask there.
func peers(t *testing.T, path string) <-chan uint32 {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	uids := make(chan uint32, 100)
	go func() {
		defer close(uids)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			raw, err := c.(*net.UnixConn).SyscallConn()
			if err == nil {
				err = raw.Control(func(fd uintptr) {
					if cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
						uids <- cred.Uid
					}
				})
			}
			_ = c.Close()
			if err != nil {
				return
			}
		}
	}()
	return uids
}

// TestAdoptLooksAsTheService: servers that let the service's user in by its
// uid alone are asked by that user; mistakes in a file are found by their lines.
func TestAdoptLooksAsTheService(t *testing.T) {
	s := newOldSystem(t)
	if err := os.MkdirAll(s.path("run/postgresql"), 0o755); err != nil {
		t.Fatal(err)
	}
	uids := peers(t, s.path("run/postgresql/.s.PGSQL.5432"))
	const service = "[service]\njid = %s\nserver = 127.0.0.1\nport = 5347\npassword = x\nbackend = /usr/bin/spectrum2_libpurple_backend\n"
	s.put("etc/spectrum2/transports/peer.cfg", strings.ReplaceAll(service, "%s", "peer.localhost")+"[database]\ntype = pqxx\nserver = /run/postgresql\nuser = spectrum\ndatabase = old\n")
	s.put("etc/spectrum2/transports/broken.cfg", "[service]\njid = broken.localhost\nport = many\n")
	plan := s.ctl("adopt")
	select {
	case uid := <-uids:
		if uid != spectrumID {
			t.Errorf("uid %d asks", uid)
		}
	default:
		t.Errorf("nobody asked the server:\n%s", plan)
	}
	for _, want := range []string{"/etc/spectrum2/transports/broken.cfg:3: service.port", "the database could not be looked at: "} {
		if !strings.Contains(plan, want) {
			t.Errorf("the plan does not say %q:\n%s", want, plan)
		}
	}
	if strings.Contains(plan, "command line") || strings.Contains(plan, ".spectrumctl-") {
		t.Errorf("the plan names what is not there:\n%s", plan)
	}
}
