// SPDX-License-Identifier: GPL-2.0-or-later

//go:build integration

package component_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/component"
)

const prosodyConfig = `
run_as_root = true
daemonize = false
data_path = %q
certificates = %q
component_ports = { %d }
component_interfaces = { "127.0.0.1" }
c2s_ports = {} ; s2s_ports = {} ; c2s_direct_tls_ports = {} ; s2s_direct_tls_ports = {}
modules_disabled = { "s2s", "c2s", "tls", "offline" }
log = { info = "*console" }
VirtualHost "example.org"
Component "a.example.org"
	component_secret = "geheim"
Component "b.example.org"
	component_secret = "geheim"
`

// prosody runs a server until the test ends or stop is called.
func prosody(t *testing.T, dir string, port int) (stop func()) {
	t.Helper()
	file := filepath.Join(dir, "prosody.cfg.lua")
	if err := os.WriteFile(file, fmt.Appendf(nil, prosodyConfig, dir, dir, port), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := exec.Command("prosody", "-F", "--config", file)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Logf("prosody: %v\n%s", err, out.String())
		}
		if t.Failed() {
			t.Log(out.String())
		}
	}
	t.Cleanup(stop)
	return stop
}

type peer struct {
	c       *component.Component
	states  chan component.State
	handled chan *xmpp.Element
}

func connect(t *testing.T, addr, jid, secret string) *peer {
	ctx, cancel := context.WithCancel(t.Context())
	p := &peer{states: make(chan component.State, 100), handled: make(chan *xmpp.Element, 100)}
	p.c = component.New(component.Options{
		Addr: addr, JID: jid, Secret: config.NewSecret(secret), Log: slog.New(slog.DiscardHandler),
		Handle: func(_ context.Context, st *xmpp.Element) { p.handled <- st },
		State:  func(s component.State) { p.states <- s },
		Times:  component.Times{Idle: 200 * time.Millisecond, Fence: time.Second},
	})
	done := make(chan error, 1)
	go func() { done <- p.c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *peer) wait(t *testing.T, text string) {
	t.Helper()
	timeout := time.After(60 * time.Second)
	for {
		select {
		case s := <-p.states:
			t.Log(s.Text)
			if strings.Contains(s.Text, text) {
				return
			}
		case <-timeout:
			t.Fatalf("no state %q", text)
		}
	}
}

func (p *peer) next(t *testing.T) *xmpp.Element {
	t.Helper()
	select {
	case st := <-p.handled:
		return st
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
	}
	return nil
}

// TestProsody needs the program prosody.
func TestProsody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr, port := l.Addr().String(), l.Addr().(*net.TCPAddr).Port
	l.Close()
	dir := t.TempDir()

	a := connect(t, addr, "a.example.org", "geheim") // before there is a server
	a.wait(t, "nothing listens there")
	stop := prosody(t, dir, port)
	a.wait(t, "connected to "+addr)
	b := connect(t, addr, "b.example.org", "geheim")
	b.wait(t, "connected to "+addr)

	connect(t, addr, "b.example.org", "falsch").wait(t, "service.password")
	connect(t, addr, "c.example.org", "geheim").wait(t, "knows no component c.example.org")
	connect(t, addr, "b.example.org", "geheim").wait(t, "another connection as b.example.org")

	for _, in := range []string{
		`<message xmlns='jabber:client' from='x@a.example.org/r' to='y@b.example.org' xml:lang='de' type='chat' id='1'><body>ä &amp; 😀 &lt;</body></message>`,
		`<message xmlns='jabber:client' from='x@a.example.org' to='y@b.example.org' id='2'><x xmlns='urn:x' xmlns:p='urn:p' p:q='1'><y xmlns=''/></x></message>`,
		`<message xmlns='jabber:client' from='x@a.example.org' to='y@b.example.org' id='3'><forwarded xmlns='urn:xmpp:forward:0'>` +
			`<message xmlns='jabber:client' to='z'><body>&#13;&#9;&#10;</body></message></forwarded></message>`,
		`<message xmlns='jabber:client' from='x@a.example.org' to='y@b.example.org' id='4' a='&#10;&#9;"&apos;'><ä/></message>`,
	} {
		want, err := xmpp.Parse([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if err := a.c.Send(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		got := b.next(t)
		t.Log(got)
		if xmpp.Body(got) != xmpp.Body(want) || got.Get("id") != want.Get("id") || want.Lang() != "" && got.Lang() != want.Lang() {
			t.Errorf("%s\nbecame %s", want, got)
		}
	}

	stop()
	a.wait(t, "reconnecting to "+addr)
	if err := a.c.Send(t.Context(), xmpp.NewPresence("", "a.example.org", "b.example.org")); err != component.ErrDown {
		t.Errorf("Send: %v", err)
	}
	prosody(t, dir, port)
	a.wait(t, "connected to "+addr)
	select {
	case s := <-a.states:
		t.Errorf("the link did not stay: %+v", s)
	case <-time.After(2500 * time.Millisecond): // an unanswered ping would have ended it
	}
}
