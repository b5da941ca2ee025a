// SPDX-License-Identifier: GPL-2.0-or-later

package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/server"
)

// FuzzStream drives the server's side of a stream from its first byte to its
// end. Nothing that the client sends makes it panic, reach a Client before a
// login, end a session other than once, or write what is not well-formed.
func FuzzStream(f *testing.F) {
	login := opening + authElement("juliet", "teiluj") + opening
	for _, s := range []string{
		"", opening, "<stream:stream>", opening + hello, login, login + bindOne + hello + "</stream:stream>",
		login + bindOne + "<enable xmlns='urn:xmpp:sm:3' resume='true'/><r xmlns='urn:xmpp:sm:3'/>" + hello + "<a xmlns='urn:xmpp:sm:3' h='0'/><a xmlns='urn:xmpp:sm:3' h='9'/>",
		login + bindTo("x") + "<inactive xmlns='urn:xmpp:csi:0'/>" + session + bindOne + "<active xmlns='urn:xmpp:csi:0'/><message from='a@b'/>",
		opening + sasl2Login("juliet", "<bind xmlns='urn:xmpp:bind:0'><tag>x</tag><enable xmlns='urn:xmpp:sm:3' resume='1'/><enable xmlns='urn:xmpp:carbons:2'/></bind>") + hello,
		opening + sasl2Login("juliet", "<resume xmlns='urn:xmpp:sm:3' h='0' previd='x'/>") + bindOne,
		opening + authElement("a", "b") + authElement("disabled", "b") + authElement("c", "d"),
		opening + "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/><response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AGp1bGlldAB0ZWlsdWo=</response>",
		login + "<iq type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>taken</resource></bind></iq>" + bindOne + "<iq/><presence to='@'/>",
		login + bindOne + "<message><body>" + strings.Repeat("<b/>", 5000) + "</body></message>" + hello,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		h := &harness{users: newUsers(), logs: &logs{}}
		h.Server = server.New(server.Options{
			Domain: domain, TLS: clientTLS(), Handler: h.users, Log: slog.New(slog.DiscardHandler),
			Limits: server.Limits{Negotiate: 2 * time.Second, Login: 2 * time.Second, Close: time.Second},
		})
		ours, theirs := net.Pipe()
		served := make(chan struct{})
		go func() {
			defer close(served)
			h.ServeSecured(context.Background(), theirs)
		}()
		// The client reads all there is while it writes, and hangs up then.
		read := make(chan []byte)
		go func() {
			b, err := io.ReadAll(ours)
			if err != nil && !errors.Is(err, io.ErrClosedPipe) {
				t.Error(err)
			}
			read <- b
		}()
		// An error is the server's right to hang up first.
		_, _ = ours.Write(in)
		ours.Close()
		out := <-read
		<-served
		h.Shutdown(context.Background(), xmpp.SystemShutdown, "")
		wellFormed(t, out)
		bound := len(h.users.clients)
		if logins := h.users.seen(); bound > 0 && len(logins) == 0 || bound > 1 {
			t.Errorf("%d clients after %d logins", bound, len(logins))
		}
		for range bound {
			cl := <-h.users.clients
			if n := cl.ends.Load(); n != 1 {
				t.Errorf("the session ended %d times", n)
			}
			if cl.conn.Send(message("x")) != server.ErrGone {
				t.Error("a session after its end")
			}
		}
		if h.users.open.Load() != 0 || h.Conns() != 0 {
			t.Errorf("%d accounts are open, %d sessions", h.users.open.Load(), h.Conns())
		}
	})
}

// wellFormed parses what the server wrote, which may be cut anywhere by the end
// of the connection.
func wellFormed(t *testing.T, out []byte) {
	t.Helper()
	d := xmpp.NewDecoder(bytes.NewReader(out), xmpp.Limits{Bytes: 1 << 24, Elements: 1 << 20})
	if len(out) == 0 {
		return
	}
	_, err := d.ReadHeader()
	for err == nil {
		var e *xmpp.Element
		if e, err = d.Next(); err == nil && e.Name == "success" && e.Space == "urn:ietf:params:xml:ns:xmpp-sasl" {
			d.Restart()
			_, err = d.ReadHeader()
		}
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v in %q", err, out)
	}
}
