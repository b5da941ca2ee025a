// SPDX-License-Identifier: GPL-2.0-or-later

package server_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp/server"
)

// stages are how far a client has come when it begins to misbehave.
type stage int

const (
	connected stage = iota // plain, nothing sent
	inClear                // the stream is open, without TLS
	inTLS                  // the stream is open inside TLS
	loggedIn               // authenticated, the stream open again
	bound
	managed // with stream management
)

func (h *harness) at(t *testing.T, s stage) *peer {
	t.Helper()
	switch s {
	case connected:
		return h.dial(t, server.StartTLS)
	case inClear:
		p := h.dial(t, server.StartTLS)
		p.open()
		return p
	case inTLS:
		return h.secured(t, server.DirectTLS)
	case loggedIn:
		p := h.secured(t, server.DirectTLS)
		p.auth("juliet")
		return p
	}
	p, _ := h.login(t, server.DirectTLS, "juliet", "balcony")
	if s == managed {
		p.enable()
	}
	return p
}

const (
	bindOne = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
	hello   = "<message to='romeo@irc.example.org' id='m'><body>SECRET</body></message>"
	session = "<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>"
)

func bindTo(resource string) string {
	return strings.Replace(bindOne, "/></iq>", "><resource>"+resource+"</resource></bind></iq>", 1)
}

func plainOf(s string) string {
	return "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + base64.StdEncoding.EncodeToString([]byte(s)) + "</auth>"
}

func sasl2Of(s string) string {
	return "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>" +
		base64.StdEncoding.EncodeToString([]byte(s)) + "</initial-response></authenticate>"
}

func header(attrs string) string {
	return "<stream:stream xmlns:stream='http://etherx.jabber.org/streams' " + attrs + ">"
}

// TestBadInputEndsAsTheStandardSays: answer is what has to be in what the
// server sends; where ends is set the connection is over then. reason is what
// the log must name, together with the address.
func TestBadInputEndsAsTheStandardSays(t *testing.T) {
	big := strings.Repeat("x", 9000)
	for _, c := range []struct {
		name   string
		at     stage
		send   string
		answer string
		ends   bool
		reason string
	}{
		{"wrong host", connected, header("xmlns='jabber:client' version='1.0' to='example.net'"), "<stream:error><host-unknown", true, "host-unknown"},
		{"no host", connected, header("xmlns='jabber:client' version='1.0'"), "<host-unknown", true, "host-unknown"},
		{"host with a user", connected, header("xmlns='jabber:client' version='1.0' to='a@irc.example.org'"), "<host-unknown", true, "host-unknown"},
		{"bad host", connected, header("xmlns='jabber:client' version='1.0' to='@/'"), "<host-unknown", true, "host-unknown"},
		{"wrong content namespace", connected, header("xmlns='jabber:server' version='1.0' to='irc.example.org'"), "<invalid-namespace", true, "invalid-namespace"},
		{"unknown content namespace", connected, header("xmlns='urn:x' version='1.0' to='irc.example.org'"), "<invalid-namespace", true, "invalid-namespace"},
		{"wrong stream namespace", connected, "<stream:stream xmlns='jabber:client' xmlns:stream='urn:x' version='1.0' to='irc.example.org'>", "<invalid-namespace", true, "invalid-namespace"},
		{"old version", connected, header("xmlns='jabber:client' to='irc.example.org'"), "<unsupported-version", true, "unsupported-version"},
		{"bad from in the header", connected, header("xmlns='jabber:client' version='1.0' to='irc.example.org' from='a@@b'"), "<invalid-from", true, "invalid-from"},
		{"not XMPP", connected, "GET / HTTP/1.1\r\n\r\n", "<bad-format", true, "bad-format"},
		{"document type", connected, "<!DOCTYPE x>", "<restricted-xml", true, "restricted-xml"},
		{"endless header", connected, header("xmlns='jabber:client' x='" + big + big + "'"), "<policy-violation", true, "policy-violation"},

		{"stanza in clear text", inClear, hello, "<not-authorized", true, "not-authorized"},
		{"bind in clear text", inClear, bindOne, "<not-authorized", true, "not-authorized"},
		{"PLAIN without TLS", inClear, plainOf("\x00juliet\x00teiluj"), "<encryption-required", false, "encryption-required"},
		{"SASL2 without TLS", inClear, sasl2Of("\x00juliet\x00teiluj"), "<encryption-required", false, "encryption-required"},
		{"bytes behind starttls", inClear, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><auth", "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>", true, "bytes behind"},
		{"white space behind starttls", inClear, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>\n", "<proceed", false, ""},
		{"starttls in the wrong namespace", inClear, "<starttls/>", "<not-authorized", true, "not-authorized"},

		{"starttls twice", inTLS, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>", true, "inside TLS"},
		{"stanza before login", inTLS, hello, "<not-authorized", true, "not-authorized"},
		{"presence before login", inTLS, "<presence/>", "<not-authorized", true, "not-authorized"},
		{"bind before login", inTLS, bindOne, "<not-authorized", true, "not-authorized"},
		{"session before login", inTLS, session, "<not-authorized", true, "not-authorized"},
		{"registration", inTLS, "<iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>", "<not-authorized", true, "not-authorized"},
		{"resume before login", inTLS, "<resume xmlns='urn:xmpp:sm:3' h='0' previd='x'/>", "<not-authorized", true, "not-authorized"},
		{"large stanza before login", inTLS, "<message><body>" + big + "</body></message>", "<policy-violation", true, "policy-violation"},
		{"deep stanza before login", inTLS, strings.Repeat("<a>", 20), "<policy-violation", true, "policy-violation"},
		{"bad base64", inTLS, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGll!</auth>", "<incorrect-encoding", false, "incorrect-encoding"},
		{"base64 with line ends", inTLS, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1\nbGll</auth>", "<incorrect-encoding", false, "incorrect-encoding"},
		{"base64 without padding", inTLS, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldAB0ZWlsdWo</auth>", "<incorrect-encoding", false, "incorrect-encoding"},
		{"empty response", inTLS, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>=</auth>", "<malformed-request", false, "malformed-request"},
		{"no NULs", inTLS, plainOf("juliet"), "<malformed-request", false, "malformed-request"},
		{"too many NULs", inTLS, plainOf("\x00juliet\x00tei\x00luj"), "<malformed-request", false, "malformed-request"},
		{"no password", inTLS, plainOf("\x00juliet\x00"), "<malformed-request", false, "malformed-request"},
		{"no UTF-8", inTLS, plainOf("\x00juliet\x00\xff"), "<malformed-request", false, "malformed-request"},
		{"another's authzid", inTLS, plainOf("romeo@irc.example.org\x00juliet\x00teiluj"), "<invalid-authzid", false, "invalid-authzid"},
		{"full JID as authzid", inTLS, plainOf("juliet@irc.example.org/x\x00juliet\x00teiluj"), "<invalid-authzid", false, "invalid-authzid"},
		{"bad authzid", inTLS, plainOf("@\x00juliet\x00teiluj"), "<invalid-authzid", false, "invalid-authzid"},
		{"a name that is none", inTLS, plainOf("\x00jul@iet\x00x"), "<not-authorized", false, "not-authorized"},
		{"wrong password", inTLS, plainOf("\x00juliet\x00x"), "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>", false, "not-authorized"},
		{"unknown user", inTLS, plainOf("\x00nobody\x00x"), "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>", false, "not-authorized"},
		{"wrong password, SASL2", inTLS, sasl2Of("\x00juliet\x00x"), "<failure xmlns='urn:xmpp:sasl:2'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>", false, "not-authorized"},
		{"disabled account", inTLS, plainOf("\x00disabled\x00x"), "<account-disabled/><text xml:lang='en'>you were banned</text>", false, "account-disabled"},
		{"handler that fails", inTLS, plainOf("\x00broken\x00x"), "<temporary-auth-failure/></failure>", false, "temporary-auth-failure"},
		{"unknown mechanism", inTLS, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>eA==</auth>", "<invalid-mechanism", false, "invalid-mechanism"},
		{"no mechanism", inTLS, "<authenticate xmlns='urn:xmpp:sasl:2'/>", "<invalid-mechanism", false, "invalid-mechanism"},
		{"response to nothing", inTLS, "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>eA==</response>", "<malformed-request", false, "malformed-request"},
		{"abort", inTLS, "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", "<aborted", false, "aborted"},
		{"three wrong passwords", inTLS, plainOf("\x00a\x00x") + plainOf("\x00b\x00x") + plainOf("\x00c\x00x"), "<policy-violation", true, "too many failed logins"},
		{"rubbish", inTLS, "<<<", "<not-well-formed", true, "not-well-formed"},

		{"stanza before bind", loggedIn, hello, "<not-authorized", true, "bind a resource first"},
		{"session before bind", loggedIn, session, "<not-authorized", true, "bind a resource first"},
		{"enable before bind", loggedIn, "<enable xmlns='urn:xmpp:sm:3'/>", "<failed xmlns='urn:xmpp:sm:3'><unexpected-request", false, ""},
		{"login twice", loggedIn, plainOf("\x00juliet\x00teiluj"), "<unsupported-stanza-type", true, "authenticated already"},
		{"unknown element", loggedIn, "<x xmlns='urn:x'/>", "<unsupported-stanza-type", true, "unsupported-stanza-type"},
		{"resource of 1,024 bytes", loggedIn, bindTo(strings.Repeat("é", 512)), "type='modify'><bad-request", false, "too long"},
		{"resource with a control character", loggedIn, bindTo("a&#x85;b"), "type='modify'><bad-request", false, "not a valid resource"},
		{"duplicate resource", loggedIn, bindTo("taken"), "type='cancel'><conflict", false, "it is taken"},
		{"handler that cannot bind", loggedIn, bindTo("crash"), "<internal-server-error", false, "internal-server-error"},
		{"resumption without a count", loggedIn, "<resume xmlns='urn:xmpp:sm:3' previd='x'/>", "<failed xmlns='urn:xmpp:sm:3'><item-not-found", false, "without a count"},
		{"resumption of nothing", loggedIn, "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>", "<failed xmlns='urn:xmpp:sm:3'><item-not-found", false, "not kept"},

		{"bind twice", bound, bindOne, "type='cancel'><not-allowed", false, "bound already"},
		{"forged from", bound, "<message from='romeo@irc.example.org'/>", "<invalid-from", true, "invalid-from"},
		{"another resource as from", bound, "<message from='juliet@irc.example.org/orchard'/>", "<invalid-from", true, "invalid-from"},
		{"bad from", bound, "<message from='@'/>", "<invalid-from", true, "invalid-from"},
		{"bad to", bound, "<message to='a@b@c' id='m'/>", "type='error' id='m'><error type='modify'><jid-malformed", false, "jid-malformed"},
		{"IQ without id", bound, "<iq type='get'><x xmlns='urn:x'/></iq>", "<bad-request", false, "needs an id"},
		{"IQ without type", bound, "<iq id='1'><x xmlns='urn:x'/></iq>", "<bad-request", false, "type"},
		{"IQ with two requests", bound, "<iq id='1' type='get'><x xmlns='urn:x'/><y xmlns='urn:x'/></iq>", "<bad-request", false, "one child"},
		{"stanza too large", bound, "<message to='a@b' id='m'><body>" + strings.Repeat("x", 600<<10) + "</body></message>", "<not-acceptable", false, "too large"},
		{"forged from in a stanza too large", bound, "<message from='a@b' id='m'><body>" + strings.Repeat("x", 600<<10) + "</body></message>", "<invalid-from", true, "invalid-from"},
		{"comment", bound, "<!-- x -->", "<restricted-xml", true, "restricted-xml"},
		{"login on a bound stream", bound, plainOf("\x00juliet\x00teiluj"), "<unsupported-stanza-type", true, "unsupported-stanza-type"},
		{"ack without stream management", bound, "<a xmlns='urn:xmpp:sm:3' h='0'/>", "<unsupported-stanza-type", true, "not enabled"},
		{"resume on a bound stream", bound, "<resume xmlns='urn:xmpp:sm:3' h='0' previd='x'/>", "<failed xmlns='urn:xmpp:sm:3'><unexpected-request", false, ""},
		{"stream management twice", managed, "<enable xmlns='urn:xmpp:sm:3'/>", "<failed xmlns='urn:xmpp:sm:3'><unexpected-request", false, ""},
		{"ack of what was not sent", managed, "<a xmlns='urn:xmpp:sm:3' h='7'/>", "<handled-count-too-high xmlns='urn:xmpp:sm:3' h='7' send-count='0'/>", true, "undefined-condition"},
		{"ack without a count", managed, "<a xmlns='urn:xmpp:sm:3'/>", "<bad-format", true, "without a count"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := start(t, server.Limits{})
			p := h.at(t, c.at)
			before := len(h.users.seen())
			p.write(c.send)
			got := p.readUntil(c.answer, c.ends)
			if !strings.Contains(got, c.answer) {
				t.Errorf("got %s, want %s", got, c.answer)
			}
			if c.ends && !strings.HasSuffix(got, "</stream:stream>") {
				t.Errorf("the stream was not closed: %s", got)
			}
			if !c.ends && strings.Contains(got, "</stream:stream>") {
				t.Errorf("the stream was closed: %s", got)
			}
			if strings.Contains(got, "10.0.0.1") {
				t.Errorf("the client learns what is not its business: %s", got)
			}
			if c.at < inTLS && len(h.users.seen()) != before {
				t.Error("a login without TLS reached the handler")
			}
			if c.reason != "" {
				h.wantLog(t, c.reason, p.conn.LocalAddr().String())
			}
			if strings.Contains(h.logs.String(), "SECRET") || strings.Contains(h.logs.String(), "teiluj") {
				t.Error("the log tells what it must not")
			}
		})
	}
}

// readUntil reads raw bytes until they contain answer, or to the end.
func (p *peer) readUntil(answer string, end bool) string {
	p.t.Helper()
	var b bytes.Buffer
	buf := make([]byte, 4096)
	for end || !strings.Contains(b.String(), answer) {
		n, err := p.conn.Read(buf)
		b.Write(buf[:n])
		if errors.Is(err, io.EOF) || err != nil && end && n == 0 && strings.HasSuffix(b.String(), "</stream:stream>") {
			break
		}
		if err != nil {
			p.t.Fatalf("%v after %s", err, b.String())
		}
	}
	return b.String()
}

// wantLog waits for one line with all parts.
func (h *harness) wantLog(t *testing.T, parts ...string) {
	t.Helper()
	deadline := time.After(5 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		for line := range strings.Lines(h.logs.String()) {
			found := true
			for _, part := range parts {
				found = found && strings.Contains(line, part)
			}
			if found {
				return
			}
		}
		select {
		case <-deadline:
			t.Errorf("no line of the log has %q:\n%s", parts, h.logs)
			return
		case <-tick.C:
		}
	}
}
