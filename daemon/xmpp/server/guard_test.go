// SPDX-License-Identifier: GPL-2.0-or-later

package server_test

import (
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp/server"
)

// TestAPanicOfOneConnectionEndedTheServer: a bug that one client's login, bind or
// stanza met ended the program, and with it everybody's connection.
func TestAPanicOfOneConnectionEndedTheServer(t *testing.T) {
	h := start(t, server.Limits{})
	other, _ := h.login(t, server.DirectTLS, "romeo", "x")
	broken := func(p *peer) {
		t.Helper()
		p.want("internal-server-error")
	}

	p := h.secured(t, server.StartTLS)
	p.write(authElement("panics", "verysecret"))
	broken(p)

	p = h.secured(t, server.DirectTLS)
	p.auth("juliet")
	p.write("<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>panic</resource></bind></iq>")
	broken(p)

	p, cl := h.login(t, server.DirectTLS, "juliet", "y")
	p.write("<message id='panic'/>")
	broken(p)
	<-cl.ended

	other.write("<iq type='get' id='still'><ping xmlns='urn:xmpp:ping'/></iq>")
	other.want("type='result'", "id='still'")
	if log := h.logs.String(); strings.Contains(log, "verysecret") || strings.Count(log, "a bug in the") != 3 {
		t.Errorf("log: %s", log)
	}
}
