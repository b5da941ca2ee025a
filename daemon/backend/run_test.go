// SPDX-License-Identifier: GPL-2.0-or-later

package backend_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

func configFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.cfg")
	text := "[service]\njid = fake.xmpp.example\npassword = hush\n[logging]\nlevel = debug\n[fake]\nkey = value\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// running is Run in a goroutine, with a fake main process.
func running(t *testing.T, n *fake, log *logged, more ...string) (*backendtest.Main, backend.Options) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	args := append([]string{"--host", host, "--port=" + port, "--service.backend_id=7"}, append(more, configFile(t))...)
	options, ended := make(chan backend.Options, 1), make(chan error, 1)
	open := func(o backend.Options) (backend.Network, error) {
		options <- o
		return n, nil
	}
	go func() { ended <- backend.Run(context.Background(), open, args, new(bytes.Buffer), log) }()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return backendtest.Attach(t, conn, ended, backendtest.Options{}), <-options
}

func TestRunReadsWhatAMainProcessStartsItWith(t *testing.T) {
	log := new(logged)
	// Arguments of the main process's own, and of other versions, are ignored.
	m, o := running(t, plain(), log, "--no-daemonize", "-x", "--service.jid=other.xmpp.example", "--later.key=1")
	if o.ID != 7 || o.Config.Service.JID != "other.xmpp.example" || o.Config.Sections["fake"]["key"][0] != "value" {
		t.Errorf("the network is opened with %d, %+v", o.ID, o.Config)
	}
	m.MustLogin(romeo, "romeo", "secret password")
	m.Message(romeo, "nurse", "a private thing")
	m.Barrier()
	if err := m.Exit(); err != nil {
		t.Error(err)
	}
	line := regexp.MustCompile(`^<[3467]>msg=`)
	for l := range strings.Lines(log.String()) {
		if !line.MatchString(l) {
			t.Errorf("a log line without a level: %q", l)
		}
	}
	if l := log.String(); !strings.Contains(l, "<6>msg=\"logged in\" user="+romeo+"\n") {
		t.Errorf("the log lacks the login: %s", l)
	}
	if l := log.String(); strings.Contains(l, "secret password") || strings.Contains(l, "private thing") || strings.Contains(l, "hush") {
		t.Errorf("the log tells secrets: %s", l)
	}
}

func TestRunRefusesWrongArguments(t *testing.T) {
	cfg := configFile(t)
	for name, c := range map[string]struct {
		args  []string
		usage bool
		text  string
	}{
		"nothing":               {nil, true, "configuration file is missing"},
		"no configuration":      {[]string{"--host", "127.0.0.1", "--port", "1"}, true, "configuration file is missing"},
		"no main process":       {[]string{cfg}, true, "--host and --port"},
		"a host without value":  {[]string{cfg, "--host"}, true, "--host needs a value"},
		"a number that is none": {[]string{"--host=h", "--port=1", "--service.backend_id=x", cfg}, true, "a number is wanted"},
		"no such file":          {[]string{"--host=h", "--port=1", cfg + "x"}, false, "cannot read the configuration"},
		"nobody listens":        {[]string{"--service.backend_socket=" + cfg + ".sock", cfg}, false, "connect to the main process"},
		"a closed descriptor":   {[]string{"--service.backend_socket=x", "--service.backend_token_fd=987", cfg}, false, "read the token"},
	} {
		log := new(logged)
		open := func(backend.Options) (backend.Network, error) { return plain(), nil }
		err := backend.Run(t.Context(), open, c.args, new(bytes.Buffer), log)
		if err == nil || errors.Is(err, backend.ErrUsage) != c.usage {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.HasPrefix(log.String(), "<3>") || !strings.Contains(log.String(), c.text) {
			t.Errorf("%s: the log says %q", name, log)
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	for arg, want := range map[string]string{"--help": "usage: ", "--version": " "} {
		out := new(bytes.Buffer)
		if err := backend.Run(t.Context(), nil, []string{arg}, out, new(bytes.Buffer)); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %q, %v", arg, out, err)
		}
	}
}

func TestANetworkThatCannotOpenSaysWhy(t *testing.T) {
	log := new(logged)
	open := func(backend.Options) (backend.Network, error) { return nil, errors.New("no such protocol") }
	err := backend.Run(t.Context(), open, []string{"--host=127.0.0.1", "--port=1", configFile(t)}, new(bytes.Buffer), log)
	if err == nil || !strings.Contains(log.String(), "no such protocol") {
		t.Errorf("%v; the log says %q", err, log)
	}
}

// blocked is a standard error that nobody reads.
type blocked struct{ release chan struct{} }

func (b blocked) Write(p []byte) (int, error) {
	<-b.release
	return len(p), nil
}

// Sessions log at debug here, much more than may wait; they go on all the same.
func TestALogThatNobodyReadsStopsNobody(t *testing.T) {
	n := &fake{message: func(s *session, m *backend.Message) {
		for range 100 {
			s.Log().Info("a line")
		}
		m.Delivered("")
		s.User.Message(backend.Incoming{From: m.To, Text: m.Text})
	}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	stderr, ended := blocked{make(chan struct{})}, make(chan error, 1)
	args := []string{"--host=127.0.0.1", "--port=" + port, configFile(t)}
	open := func(backend.Options) (backend.Network, error) { return n, nil }
	go func() { ended <- backend.Run(context.Background(), open, args, new(bytes.Buffer), stderr) }()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	m := backendtest.Attach(t, conn, ended, backendtest.Options{})
	m.MustLogin(romeo, "romeo", "")
	for range 50 {
		m.Message(romeo, "nurse", "hello")
		m.Incoming(romeo, "nurse")
	}
	begin := time.Now()
	if err := m.Exit(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 8*time.Second {
		t.Errorf("the end waited %v for a log that nobody reads", took)
	}
	close(stderr.release)
}

func TestStatsAreReal(t *testing.T) {
	m := backendtest.Start(t, plain(), backendtest.Options{})
	m.Send(pbnetwork.WrapperMessage_TYPE_PING, nil)
	s := backendtest.Get[*pbnetwork.Stats](m, pbnetwork.WrapperMessage_TYPE_STATS)
	if s.GetRes() < 1000 || s.GetRes() > 4<<20 || s.GetShared() > s.GetRes() {
		t.Errorf("this process's memory in KiB: %v", s)
	}
}
