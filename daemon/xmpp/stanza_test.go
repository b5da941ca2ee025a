// SPDX-License-Identifier: GPL-2.0-or-later

package xmpp_test

import (
	"encoding/xml"
	"strings"
	"testing"

	"mellium.im/xmpp/stanza"

	"spectrum.im/spectrum2/daemon/xmpp"
)

func parse(t testing.TB, s string) *xmpp.Element {
	t.Helper()
	e, err := xmpp.Parse([]byte(s))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return e
}

func TestErrorReply(t *testing.T) {
	for in, want := range map[string]string{
		`<iq xmlns='jabber:client' type='get' from='a' to='b' id='1'><x/></iq>`: `<iq xmlns='jabber:client' from='b' to='a' type='error' id='1'><error type='modify'>` +
			`<bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>why</text></error></iq>`,
		`<message xmlns='jabber:client' from='a'/>`: `<message xmlns='jabber:client' to='a' type='error'><error type='modify'>` +
			`<bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>why</text></error></message>`,
		`<iq xmlns='jabber:client' type='result'/>`:            "",
		`<iq xmlns='jabber:client' type='error'/>`:             "",
		`<message xmlns='jabber:client' type='error'/>`:        "",
		`<presence xmlns='jabber:client' type='unavailable'/>`: "",
		`<other xmlns='jabber:client'/>`:                       "",
		`<iq xmlns='urn:x' type='get'/>`:                       "",
	} {
		r := xmpp.ErrorReply(parse(t, in), "", xmpp.BadRequest, "why")
		if (r == nil) != (want == "") || r != nil && r.String() != want {
			t.Errorf("%s\n got %v\nwant %s", in, r, want)
		}
	}
	if xmpp.ErrorReply(nil, "", xmpp.BadRequest, "") != nil {
		t.Error("reply to nothing")
	}
}

func TestErrorOf(t *testing.T) {
	st := xmpp.ErrorReply(xmpp.NewIQ("get", "a", "b", ""), "", xmpp.Forbidden, "no")
	if c, text := xmpp.ErrorOf(st); c != xmpp.Forbidden || text != "no" {
		t.Error(c, text)
	}
	if c, _ := xmpp.ErrorOf(parse(t, `<iq xmlns='jabber:client' type='error'><error/></iq>`)); c != xmpp.UndefinedCondition {
		t.Error(c)
	}
	if c, _ := xmpp.ErrorOf(xmpp.NewIQ("get", "", "", "")); c != "" {
		t.Error(c)
	}
}

// TestStanzaErrorTypes holds the table against mellium's.
func TestMelliumReadsOurErrors(t *testing.T) {
	st := xmpp.ErrorReply(xmpp.NewMessage("chat", "a@b", "c@d"), "", xmpp.ServiceUnavailable, "gone <home>")
	var e stanza.Error
	if err := xml.NewTokenDecoder(st.Child(xmpp.NSClient, "error").TokenReader()).Decode(&e); err != nil {
		t.Fatal(err)
	}
	if e.Condition != stanza.ServiceUnavailable || e.Type != stanza.Cancel || e.Text[""] != "gone <home>" {
		t.Errorf("%#v", e)
	}
}

func TestAppendContentNamespace(t *testing.T) {
	e := parse(t, `<message xmlns='jabber:client' to='x'><body>b</body><forwarded xmlns='urn:xmpp:forward:0'>`+
		`<message xmlns='jabber:client'><body/></message></forwarded><e xmlns=''/></message>`)
	want := `<message to='x'><body>b</body><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body/></message></forwarded><e xmlns=''/></message>`
	for _, ns := range []string{xmpp.NSClient, xmpp.NSComponent, xmpp.NSServer} {
		if got := string(xmpp.Append(nil, e, ns)); got != want {
			t.Errorf("%s: %s", ns, got)
		}
	}
	if got := string(xmpp.Append(nil, xmpp.NewText(xmpp.NSComponent, "handshake", "x"), xmpp.NSComponent)); got != `<handshake>x</handshake>` {
		t.Error(got)
	}
}

func TestAppendWritesOnlyWhatXMLCanCarry(t *testing.T) {
	e := xmpp.NewText("", "a", "\x00\x1b\xff\uFFFE😀\t\n\r]]>'").Set("b", "\x01\t\n\r<'\">\xed\xa0\x80")
	e.Attrs = append(e.Attrs, xmpp.Attr{Space: "urn:x", Name: "c", Value: "1"}, xmpp.Attr{Space: "urn:y", Name: "c", Value: "2"}, xmpp.Attr{Space: "urn:x", Name: "d", Value: "3"})
	back := parse(t, e.String())
	if want := "���\uFFFD😀\t\n\r]]>'"; back.Text() != want {
		t.Errorf("text %q, want %q", back.Text(), want)
	}
	if want := "\uFFFD\t\n\r<'\">\uFFFD\uFFFD\uFFFD"; back.Get("b") != want {
		t.Errorf("attribute %q, want %q", back.Get("b"), want)
	}
	if len(back.Attrs) != 4 || back.Attrs[3] != e.Attrs[3] {
		t.Errorf("attributes %v", back.Attrs)
	}
}

func FuzzAppend(f *testing.F) {
	f.Add("text", "value", "urn:x")
	f.Add("\x00\xff]]>", "'\"<&\r\n", "")
	f.Fuzz(func(t *testing.T, text, value, space string) {
		e := xmpp.New(xmpp.NSClient, "message").Set("to", value)
		e.Add(xmpp.NewText("urn:"+space, "x", text))
		e.Attrs = append(e.Attrs, xmpp.Attr{Space: "urn:" + space, Name: "a", Value: value})
		out := e.String()
		back := parse(t, out)
		if again := back.String(); again != out {
			t.Errorf("%q became %q", out, again)
		}
	})
}

func TestParseJID(t *testing.T) {
	for in, want := range map[string]string{
		"User@Example.ORG/Res ource": "user@example.org/Res ource", "example.org": "example.org",
		`joe\40example.net@icq.example.org/bot`: `joe\40example.net@icq.example.org/bot`,
		"#chan%irc.libera.chat@irc.example.org": "#chan%irc.libera.chat@irc.example.org",
		"a@b/c@d/e":                             "a@b/c@d/e",
	} {
		for range 2 { // parsed, and from the cache
			if j, err := xmpp.ParseJID(in); err != nil || j.String() != want {
				t.Errorf("%q: %v, %v", in, j, err)
			}
		}
	}
	for _, in := range []string{"", "@b", "a@", "a@b/", "/r", "a b@c", "a@b c", "\xff@b", "a\x00@b", "a@@b", `a"b@c`, "a@b/\x00",
		strings.Repeat("a", 1024) + "@b", "a@b/" + strings.Repeat("r", 1024), strings.Repeat("a", 4000) + "@b"} {
		if j, err := xmpp.ParseJID(in); err == nil {
			t.Errorf("%.20q: accepted as %v", in, j)
		}
	}
}

func FuzzParseJID(f *testing.F) {
	for _, s := range []string{"a@b/c", `aaa\20@b`, "ä@ü/ß", "[::1]", "a@b.", "\u2488@b", "a@\u00ad", "a@a\u00ad", "\u212a@b", "a@\u2126.b", "a@xn--a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		j, err := xmpp.ParseJID(s)
		if err != nil {
			return
		}
		if n := len(j.String()); n > xmpp.MaxJID || j.Domainpart() == "" {
			t.Errorf("%q: %d bytes, domain %q", s, n, j.Domainpart())
		}
		if back, err := xmpp.ParseJID(j.String()); err != nil || !back.Equal(j) {
			t.Errorf("%q is %q, which is %q, %v", s, j, back, err)
		}
	})
}

func TestNewIDs(t *testing.T) {
	a, b := xmpp.NewID(), xmpp.NewID()
	if a == b || a == "" {
		t.Error(a, b)
	}
}

func TestStreamErrors(t *testing.T) {
	se := &xmpp.StreamError{Condition: xmpp.PolicyViolation, Text: "too large"}
	back := xmpp.StreamErrorOf(parse(t, se.Element().String()))
	if back == nil || *back != *se || back.Error() != "stream error policy-violation: too large" {
		t.Errorf("%v", back)
	}
	if xmpp.StreamErrorOf(xmpp.New(xmpp.NSClient, "error")) != nil || xmpp.StreamErrorOf(nil) != nil {
		t.Error("not a stream error")
	}
}

func TestFromTokenReaderFails(t *testing.T) {
	for _, s := range []string{"", "text", "<a>", "<a></b>"} {
		if e, err := xmpp.FromTokenReader(xml.NewDecoder(strings.NewReader(s))); err == nil {
			t.Errorf("%q: %v", s, e)
		}
	}
}
