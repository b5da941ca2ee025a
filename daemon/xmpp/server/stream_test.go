// SPDX-License-Identifier: GPL-2.0-or-later

package server_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp/server"
)

func plain(node, password string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + node + "\x00" + password))
}

func TestLoginOverStartTLSAndDirectTLS(t *testing.T) {
	h := start(t, server.Limits{})
	for _, kind := range []server.Kind{server.StartTLS, server.DirectTLS} {
		p := h.dial(t, kind)
		if kind == server.StartTLS {
			if f := p.open().String(); f != "<features xmlns='http://etherx.jabber.org/streams'><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></features>" {
				t.Errorf("features before TLS: %s", f)
			}
			p.write("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
			p.want("<proceed")
			p.secure()
		}
		f := p.open().String()
		for _, part := range []string{"<mechanism>PLAIN</mechanism>", "urn:xmpp:sasl:2", "urn:xmpp:bind:0", "urn:xmpp:sm:3"} {
			if !strings.Contains(f, part) {
				t.Errorf("%s: features before login lack %s: %s", kind, part, f)
			}
		}
		if strings.Contains(f, "xmpp-bind") {
			t.Errorf("bind is offered before login: %s", f)
		}
		p.write(authElement("juliet", "teiluj"))
		p.want("<success")
		p.dec.Restart()
		f = p.open().String()
		for _, part := range []string{"xmpp-bind", "xmpp-session'><optional/>", "urn:xmpp:sm:3", "urn:xmpp:csi:0", "rosterver"} {
			if !strings.Contains(f, part) {
				t.Errorf("%s: features lack %s: %s", kind, part, f)
			}
		}
		if jid := p.bind("balcony"); jid != "juliet@irc.example.org/balcony" {
			t.Errorf("bound to %s", jid)
		}
		p.want("id='welcome'")
		cl := <-h.users.clients
		if i := cl.conn.Info(); i.JID.String() != "juliet@irc.example.org/balcony" || i.Kind != kind || i.TLS != "TLS 1.3" ||
			!i.Addr.Addr().IsLoopback() || i.Since.IsZero() || i.Resumable || i.Detached {
			t.Errorf("%+v", i)
		}
		p.write("<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>")
		p.want("type='result'", "id='s'")
		p.write(" <message to='romeo@irc.example.org'><body>hi</body></message>\n")
		if st := <-cl.stanzas; st.Get("from") != "juliet@irc.example.org/balcony" || st.Get("to") != "romeo@irc.example.org" {
			t.Errorf("%v", st)
		}
		cl.send(t, "one", "two")
		p.want("one")
		p.want("two")
		p.write("</stream:stream>")
		p.wantEnd()
		if rest := <-cl.ended; len(rest) != 0 {
			t.Errorf("%d stanzas unsent", len(rest))
		}
		if err := cl.conn.Send(message("late")); err != server.ErrGone {
			t.Errorf("send after the end: %v", err)
		}
	}
	for _, l := range h.users.seen() {
		if l.Node != "juliet" || l.Password != "teiluj" || !l.Addr.IsValid() {
			t.Errorf("login %+v", l)
		}
	}
}
