// SPDX-License-Identifier: GPL-2.0-or-later

package server_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/server"
)

// page is a web client's end of a connection.
type page struct {
	t  *testing.T
	ws *websocket.Conn
}

func (h *harness) browse(t *testing.T, path string, protocols ...string) (*page, *http.Response, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: clientTLS()}}
	ws, resp, err := websocket.Dial(t.Context(), "wss://"+h.addrs[server.WebSocket]+path, &websocket.DialOptions{
		HTTPClient: client, Subprotocols: protocols, HTTPHeader: http.Header{"Origin": {"https://web.example.net"}},
	})
	if err != nil {
		return nil, resp, err
	}
	t.Cleanup(func() { ws.CloseNow() })
	ws.SetReadLimit(-1)
	return &page{t, ws}, resp, nil
}

func (p *page) write(s string) {
	p.t.Helper()
	if err := p.ws.Write(p.t.Context(), websocket.MessageText, []byte(s)); err != nil {
		p.t.Fatal(err)
	}
}

// want reads one frame, which is one element with all of parts in it.
func (p *page) want(parts ...string) *xmpp.Element {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	typ, b, err := p.ws.Read(ctx)
	if err != nil {
		p.t.Fatalf("read: %v, want %s", err, parts)
	}
	e, err := xmpp.Parse(b)
	if err != nil || typ != websocket.MessageText {
		p.t.Fatalf("%v frame %q: %v", typ, b, err)
	}
	for _, part := range parts {
		if !bytes.Contains(b, []byte(part)) {
			p.t.Fatalf("got %s, want %s", b, part)
		}
	}
	return e
}

const openFrame = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='irc.example.org' version='1.0'/>"

func (p *page) login(node string) {
	p.t.Helper()
	p.write(openFrame)
	p.want("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'", "from='irc.example.org'", "version='1.0'")
	p.want("<stream:features xmlns:stream='http://etherx.jabber.org/streams'>", "<mechanism>PLAIN</mechanism>")
	p.write(authElement(node, password(node)))
	p.want("<success")
	p.write(openFrame)
	p.want("<open")
	p.want("<stream:features", "xmpp-bind")
}

func TestAWebClientTalksOverWebSocket(t *testing.T) {
	h := start(t, server.Limits{})
	for _, path := range []string{"/", "/xmpp-websocket"} {
		p, _, err := h.browse(t, path, "xmpp")
		if err != nil {
			t.Fatal(err)
		}
		p.login("juliet")
		p.write(strings.Replace(bindTo("web"), "<iq", "<iq xmlns='jabber:client'", 1))
		p.want("<iq xmlns='jabber:client'", "juliet@irc.example.org/web")
		p.want("welcome")
		cl := <-h.users.clients
		if i := cl.conn.Info(); i.Kind != server.WebSocket || i.TLS != "TLS 1.3" || !i.Addr.Addr().IsLoopback() {
			t.Errorf("%+v", i)
		}
		big := strings.Repeat("ü", 100<<10)
		p.write("<message xmlns='jabber:client' to='x@y'><body>" + big + "</body></message>")
		if st := <-cl.stanzas; xmpp.Body(st) != big || st.Get("from") != "juliet@irc.example.org/web" {
			t.Error("a large message was changed")
		}
		p.write("<message xmlns='jabber:client' to='x@y' id='m'><body>" + strings.Repeat("x", 500<<10) + "</body><a><b/></a></message>")
		<-cl.stanzas
		cl.send(t, "one", "two")
		p.want("<message xmlns='jabber:client'", "one")
		p.want("two")
		p.write("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>")
		p.want("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>")
		if _, _, err := p.ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
			t.Errorf("end: %v", err)
		}
		if rest := <-cl.ended; len(rest) != 0 {
			t.Errorf("%d unsent", len(rest))
		}
	}
}

// TestASessionMovesBetweenTransports: begun over WebSocket, resumed over TCP,
// and back.
func TestASessionMovesBetweenTransports(t *testing.T) {
	h := start(t, server.Limits{Close: 300 * time.Millisecond})
	web, _, err := h.browse(t, "/xmpp-websocket", "xmpp")
	if err != nil {
		t.Fatal(err)
	}
	web.login("juliet")
	web.write(strings.Replace(bindTo("web"), "<iq", "<iq xmlns='jabber:client'", 1))
	web.want("<iq")
	web.want("welcome")
	cl := <-h.users.clients
	web.write("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
	id := web.want("<enabled").Get("id")
	cl.send(t, "1")
	web.want("1")
	web.ws.CloseNow()
	cl.wantEvent(t, "detached")
	p := h.again(t, "juliet")
	p.write(resume(id, 0))
	p.want("<resumed")
	p.wantBodies("1")
	cl.wantEvent(t, "resumed")
	web, _, err = h.browse(t, "/", "xmpp")
	if err != nil {
		t.Fatal(err)
	}
	web.login("juliet")
	web.write(resume(id, 1))
	web.want("<resumed")
	p.cut()
	cl.wantEvent(t, "detached")
	cl.wantEvent(t, "resumed")
	cl.send(t, "2")
	web.want("2")
	h.Shutdown(t.Context(), xmpp.SystemShutdown, "")
	for e := web.want(); xmpp.StreamErrorOf(e) == nil; e = web.want() {
	}
	web.want("<close")
}

func TestBadWebSockets(t *testing.T) {
	h := start(t, server.Limits{})
	for name, c := range map[string]struct{ send, answer, reason string }{
		"stanza first":         {"<message xmlns='jabber:client'/>", "<invalid-namespace", "invalid-namespace"},
		"a stream of TCP":      {opening, "<restricted-xml", "restricted-xml"},
		"wrong host":           {strings.Replace(openFrame, "irc.", "www.", 1), "<host-unknown", "host-unknown"},
		"two elements a frame": {openFrame + openFrame, "<not-well-formed", "not-well-formed"},
		"large frame":          {"<open x='" + strings.Repeat("x", 20<<10) + "'/>", "<policy-violation", "policy-violation"},
		"starttls":             {openFrame + "\x00<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'", "inside TLS"},
		"stanza before login":  {openFrame + "\x00<message xmlns='jabber:client'/>", "<not-authorized", "not-authorized"},
		"opened twice":         {openFrame + "\x00" + openFrame, "<not-authorized", "not-authorized"},
	} {
		t.Run(name, func(t *testing.T) {
			p, _, err := h.browse(t, "/xmpp-websocket", "xmpp")
			if err != nil {
				t.Fatal(err)
			}
			for frame := range strings.SplitSeq(c.send, "\x00") {
				p.write(frame)
			}
			var got strings.Builder
			for {
				_, b, err := p.ws.Read(t.Context())
				if err != nil {
					break
				}
				got.Write(b)
			}
			if !strings.Contains(got.String(), c.answer) || !strings.HasSuffix(got.String(), "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>") {
				t.Errorf("%s", got.String())
			}
			h.wantLog(t, c.reason, "via=websocket", "addr=127.0.0.1:")
		})
	}
	if p, _, err := h.browse(t, "/", "chat"); err == nil {
		if _, _, err := p.ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
			t.Errorf("without the subprotocol: %v", err)
		}
	}
	if _, resp, err := h.browse(t, "/elsewhere", "xmpp"); err == nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("elsewhere: %v", err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: clientTLS()}}
	resp, err := client.Get("https://" + h.addrs[server.WebSocket] + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("%v %s %v", resp.Status, b, err)
	}
	if resp, err := http.Get("http://" + h.addrs[server.WebSocket] + "/"); err == nil {
		defer resp.Body.Close()
		if resp.StatusCode == http.StatusSwitchingProtocols || resp.StatusCode == http.StatusOK {
			t.Errorf("without TLS: %s", resp.Status)
		}
	}
}
