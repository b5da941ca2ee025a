// SPDX-License-Identifier: GPL-2.0-or-later

package server_test

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/server"
)

func (c *client) wantEvent(t *testing.T, want string) {
	t.Helper()
	select {
	case e := <-c.events:
		if e != want {
			t.Fatalf("%s, want %s", e, want)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("never %s", want)
	}
}

// again logs the same user in on a new connection, up to where it may resume.
func (h *harness) again(t *testing.T, node string) *peer {
	t.Helper()
	p := h.secured(t, server.DirectTLS)
	p.auth(node)
	return p
}

func resume(id string, h int) string {
	return fmt.Sprintf("<resume xmlns='urn:xmpp:sm:3' previd='%s' h='%d'/>", id, h)
}

func (p *peer) wantBodies(want ...string) {
	p.t.Helper()
	for _, w := range want {
		e := p.next()
		for !xmpp.IsStanza(e) {
			e = p.next()
		}
		if xmpp.Body(e) != w {
			p.t.Fatalf("got %v, want %q", e, w)
		}
	}
}

func TestWhatWasNotAcknowledgedIsSentAgainAfterACut(t *testing.T) {
	h := start(t, server.Limits{})
	p, cl := h.login(t, server.DirectTLS, "juliet", "balcony")
	id := p.enable()
	p.write("<message to='x@y'><body>a</body></message><r xmlns='urn:xmpp:sm:3'/>")
	p.want("<a ", "h='1'")
	cl.send(t, "1", "2", "3")
	p.wantBodies("1", "2", "3")
	p.write("<a xmlns='urn:xmpp:sm:3' h='1'/><message to='x@y'><body>b</body></message>")
	for range 2 {
		<-cl.stanzas
	}
	p.cut()
	cl.wantEvent(t, "detached")
	if i := cl.conn.Info(); !i.Detached {
		t.Errorf("%+v", i)
	}
	cl.send(t, "4")

	p = h.again(t, "juliet")
	began := time.Now()
	p.write(resume(id, 2))
	p.want("<resumed", "previd='"+id+"'", "h='2'")
	p.wantBodies("3", "4")
	if d := time.Since(began); d > time.Second {
		t.Errorf("resumption took %v", d)
	}
	cl.wantEvent(t, "resumed")
	cl.send(t, "5")
	p.wantBodies("5")
	p.write("<message to='x@y'><body>c</body></message><r xmlns='urn:xmpp:sm:3'/>")
	for e := p.next(); !e.Is("urn:xmpp:sm:3", "a"); e = p.next() {
	}
	if st := <-cl.stanzas; xmpp.Body(st) != "c" || st.Get("from") != "juliet@irc.example.org/balcony" {
		t.Errorf("%v", st)
	}
	// Of 3, 4 and 5 only 3 is acknowledged when the client goes for good.
	p.write("<a xmlns='urn:xmpp:sm:3' h='3'/></stream:stream>")
	if rest := bodies(<-cl.ended); rest != "4 5" {
		t.Errorf("unsent: %q", rest)
	}
	if n := len(h.users.clients); n != 0 {
		t.Errorf("%d further clients", n)
	}
}

// cut breaks the connection without a word.
func (p *peer) cut() {
	if secure, ok := p.conn.(*tls.Conn); ok {
		secure.NetConn().Close()
	}
	p.conn.Close()
}

func TestResumptionReplacesAConnectionThatIsStillThere(t *testing.T) {
	h := start(t, server.Limits{})
	old, cl := h.login(t, server.DirectTLS, "juliet", "balcony")
	id := old.enable()
	for i := range 3 {
		p := h.again(t, "juliet")
		began := time.Now()
		p.write(resume(id, 0))
		p.want("<resumed", "h='0'")
		if d := time.Since(began); d > time.Second {
			t.Errorf("resumption took %v", d)
		}
		old.want("<conflict")
		old.wantEnd()
		cl.wantEvent(t, "detached")
		cl.wantEvent(t, "resumed")
		cl.send(t, fmt.Sprint(i))
		for j := range i + 1 {
			p.wantBodies(fmt.Sprint(j))
		}
		old = p
	}
	old.write("</stream:stream>")
	if rest := bodies(<-cl.ended); rest != "0 1 2" {
		t.Errorf("unsent: %q", rest)
	}
}

func TestNobodyResumesWhatIsNotHis(t *testing.T) {
	h := start(t, server.Limits{})
	victim, cl := h.login(t, server.DirectTLS, "juliet", "balcony")
	id := victim.enable()
	anonymous, _ := h.login(t, server.DirectTLS, "anonymous", "x")
	anonymous.write("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
	if e := anonymous.want("<enabled"); e.Get("id") != "" || e.Get("resume") != "" {
		t.Errorf("a login that nobody authenticated may resume: %v", e)
	}
	for node, reason := range map[string]string{"romeo": "another's session", "anonymous": "another's session"} {
		thief := h.again(t, node)
		thief.write(resume(id, 0))
		if e := thief.next(); e.String() != "<failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>" {
			t.Errorf("%s: %v", node, e)
		}
		h.wantLog(t, reason, thief.conn.LocalAddr().String())
		thief.bind("mine") // he may go on
	}
	cl.send(t, "still here")
	victim.wantBodies("still here")
	if i := cl.conn.Info(); i.Detached {
		t.Errorf("%+v", i)
	}
}

func TestASessionThatNobodyResumesEnds(t *testing.T) {
	h := start(t, server.Limits{Resume: 50 * time.Millisecond})
	p, cl := h.login(t, server.DirectTLS, "juliet", "balcony")
	id := p.enable()
	cl.send(t, "1")
	p.wantBodies("1")
	p.cut()
	cl.wantEvent(t, "detached")
	if rest := bodies(<-cl.ended); rest != "1" {
		t.Errorf("unsent: %q", rest)
	}
	p = h.again(t, "juliet")
	p.write(resume(id, 0))
	p.want("<failed", "<item-not-found")
	p.bind("balcony")
}

func TestAResumptionThatCountsTooMuchEndsAndTheSessionStays(t *testing.T) {
	h := start(t, server.Limits{})
	p, cl := h.login(t, server.DirectTLS, "juliet", "balcony")
	id := p.enable()
	p.cut()
	cl.wantEvent(t, "detached")
	p = h.again(t, "juliet")
	p.write(resume(id, 1))
	p.want("<undefined-condition", "<handled-count-too-high", "h='1'", "send-count='0'")
	p.wantEnd()
	p = h.again(t, "juliet")
	p.write(resume(id, 0))
	p.want("<resumed")
}

func TestWithoutStreamManagementACutIsTheEnd(t *testing.T) {
	h := start(t, server.Limits{})
	p, cl := h.login(t, server.DirectTLS, "juliet", "balcony")
	p.cut()
	<-cl.ended
	if err := cl.conn.Send(message("x")); err != server.ErrGone {
		t.Error(err)
	}
}

func TestAcknowledgementsAreAskedFor(t *testing.T) {
	h := start(t, server.Limits{})
	p, cl := h.login(t, server.DirectTLS, "juliet", "balcony")
	p.enable()
	for i := range 25 {
		cl.send(t, fmt.Sprint(i))
	}
	asked := false
	for n := 0; n < 25 || !asked; {
		switch e := p.next(); {
		case e.Is("urn:xmpp:sm:3", "r"):
			asked = true
			p.write(fmt.Sprintf("<a xmlns='urn:xmpp:sm:3' h='%d'/>", n))
		case xmpp.IsStanza(e):
			n++
		}
	}
	// What is not covered is asked for when nothing follows.
	cl.send(t, "last")
	for !p.next().Is("urn:xmpp:sm:3", "r") {
	}
	p.write("<a xmlns='urn:xmpp:sm:3' h='26'/></stream:stream>")
	if rest := <-cl.ended; len(rest) != 0 {
		t.Errorf("%d unsent", len(rest))
	}
}

// TestAMessageIsAcknowledgedAtOnce: who closes his client soon after he read a
// message got it once more at the next login.
func TestAMessageIsAcknowledgedAtOnce(t *testing.T) {
	h := start(t, server.Limits{})
	p, cl := h.login(t, server.DirectTLS, "juliet", "balcony")
	p.enable()
	cl.send(t, "read")
	p.wantBodies("read")
	began := time.Now()
	p.want("<r ")
	if d := time.Since(began); d > time.Second {
		t.Errorf("the acknowledgement was asked for after %v", d)
	}
	p.write("<a xmlns='urn:xmpp:sm:3' h='1'/></stream:stream>")
	if rest := <-cl.ended; len(rest) != 0 {
		t.Errorf("%d unsent", len(rest))
	}
}

func TestAnInactiveClientIsSparedWhatCanWait(t *testing.T) {
	h := start(t, server.Limits{})
	p, cl := h.login(t, server.DirectTLS, "juliet", "balcony")
	p.write("<inactive xmlns='urn:xmpp:csi:0'/><message to='x@y'/>")
	<-cl.stanzas
	show := func(from, show string) {
		if err := cl.conn.Send(xmpp.NewPresence("", from, "").Add(xmpp.NewText(xmpp.NSClient, "show", show))); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		show("a@x/1", "away")
		show("b@x/1", "dnd")
		show("a@x/1", "xa")
	}
	cl.send(t, "important")
	p.want("<presence", "b@x/1", "dnd")
	p.want("<presence", "a@x/1", "xa")
	p.want("important")
	show("c@x/1", "away")
	p.write("<active xmlns='urn:xmpp:csi:0'/>")
	p.want("c@x/1")
	show("c@x/1", "dnd")
	p.want("c@x/1", "dnd")
}

const sasl2Start = "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'><software>t</software></user-agent><initial-response>"

func sasl2Login(node, inline string) string {
	return sasl2Start + plain(node, password(node)) + "</initial-response>" + inline + "</authenticate>"
}

func TestSASL2BindsAndResumesInsideTheLogin(t *testing.T) {
	h := start(t, server.Limits{})
	p := h.secured(t, server.DirectTLS)
	p.write(sasl2Login("juliet", "<bind xmlns='urn:xmpp:bind:0'><tag>Dino</tag><enable xmlns='urn:xmpp:carbons:2'/>"+
		"<enable xmlns='urn:xmpp:sm:3' resume='true'/><inactive xmlns='urn:xmpp:csi:0'/></bind>"))
	e := p.want("<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>juliet@irc.example.org/Dino.", "<bound xmlns='urn:xmpp:bind:0'><enabled xmlns='urn:xmpp:sm:3' id='")
	id := e.Child("urn:xmpp:bind:0", "bound").First().Get("id")
	full := e.First().Text()
	p.want("<features", "urn:xmpp:sm:3")
	p.want("id='welcome'")
	cl := <-h.users.clients
	if st := <-cl.stanzas; st.Child("urn:xmpp:carbons:2", "enable") == nil || st.Get("from") != full || st.Get("type") != "set" {
		t.Errorf("carbons: %v", st)
	}
	if err := cl.conn.Send(xmpp.NewPresence("", "a@x/1", "")); err != nil {
		t.Fatal(err)
	}
	cl.send(t, "1")
	p.want("a@x/1")
	p.wantBodies("1")
	p.cut()
	cl.wantEvent(t, "detached")

	p = h.secured(t, server.DirectTLS)
	p.write(sasl2Login("juliet", resume(id, 2)+"<bind xmlns='urn:xmpp:bind:0'/>"))
	p.want("<success", full, "<resumed xmlns='urn:xmpp:sm:3' previd='"+id+"' h='0'")
	p.wantBodies("1") // no features, and nobody was bound
	cl.wantEvent(t, "resumed")
	p.write("</stream:stream>")
	<-cl.ended

	p = h.secured(t, server.DirectTLS)
	p.write(sasl2Login("juliet", resume(id, 0)+"<bind xmlns='urn:xmpp:bind:0'><tag>Dino</tag></bind>"))
	if again := p.want("<failed xmlns='urn:xmpp:sm:3'><item-not-found", "<bound").First().Text(); again != full {
		t.Errorf("bound to %s, before to %s", again, full)
	}
	p.want("<features")

	p = h.secured(t, server.StartTLS)
	p.write(strings.Replace(sasl2Login("juliet", ""), "<initial-response>"+plain("juliet", "teiluj")+"</initial-response>", "", 1))
	p.want("<challenge")
	p.write("<response xmlns='urn:xmpp:sasl:2'>" + plain("juliet", "teiluj") + "</response>")
	p.want("<authorization-identifier>juliet@irc.example.org</authorization-identifier>")
	p.want("<features", "xmpp-bind")
	p.bind("later")
}

func TestTheLongestResourceIsBound(t *testing.T) {
	h := start(t, server.Limits{})
	p := h.secured(t, server.DirectTLS)
	p.auth("juliet")
	want := strings.Repeat("é", 511) + "x"
	if got := p.bind(want); got != "juliet@irc.example.org/"+want {
		t.Errorf("bound to %q", got)
	}
}
