// SPDX-License-Identifier: GPL-2.0-or-later

package xmpp_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"reflect"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// seeds are XML that has to be accepted, and XML that has to be refused.
var accepted = []string{
	`<a/>`, `<a></a>`, `<a b='c'/>`, `<a b="c'd" e='f"g'/>`, `<a>text</a>`, `<a >x</a >`,
	`<a xmlns='urn:a'><b/><c xmlns=''><d/></c></a>`,
	`<p:a xmlns:p='urn:p' p:x='1' x='2'><p:b/><b p:x='3'/></p:a>`,
	`<a xml:lang='de'/>`, `<a>&lt;&gt;&amp;&apos;&quot;&#65;&#x41;&#x1F600;</a>`,
	"<a>\r\nx\ry\n</a>", "<a b='\r\n\tx'/>", `<a><![CDATA[<&]]]]><![CDATA[>]]></a>`, `<a>x<![CDATA[]]>y</a>`,
	`<a b='>' c="]]>"/>`, `<a>]]&gt;</a>`, `<ä ö='ü'>ß</ä>`, `<a>😀</a>`, ` <a/> `,
	`<message from='a@b/c' to='d@e' type='chat' id='1'><body>Hi</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>`,
	`<a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>`, `<a xmlns:p='urn:1'><p:b xmlns:p='urn:2'/><p:c/></a>`,
}

var refused = []string{
	``, ` `, `x`, `<`, `<a`, `<a>`, `</a>`, `<a></b>`, `<a/><b/>`, `<a/>x`, `x<a/>`, `<a b/>`, `<a b=c/>`, `<a b='c'd='e'/>`,
	`<a b='<'/>`, `<a b='1' b='2'/>`, `<a xmlns='u' xmlns='u'/>`, `<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>`,
	`<p:a/>`, `<a p:b='1'/>`, `<a xmlns:p=''/>`, `<a xmlns:xml='urn:x'/>`, `<a xmlns:xmlns='urn:x'/>`,
	`<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>`, `<a xmlns='http://www.w3.org/2000/xmlns/'/>`,
	`<!-- c --><a/>`, `<a><!-- c --></a>`, `<a><?pi?></a>`, `<?xml version='1.0'?><a/>`, `<!DOCTYPE a><a/>`,
	`<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`, `<a>&x;</a>`, `<a>&lt</a>`, `<a>&</a>`, `<a>&#;</a>`, `<a>&#x;</a>`, `<a>&#xG;</a>`,
	`<a>&#0;</a>`, `<a>&#xD800;</a>`, `<a>&#xFFFE;</a>`, `<a>&#x110000;</a>`, `<a>&#99999999999999999999;</a>`, `<a>&#+65;</a>`,
	"<a>\x00</a>", "<a>\x1b</a>", "<a>\xff</a>", "<a>\xc0\x80</a>", "<a>\xed\xa0\x80</a>", "<a>\uFFFF</a>", "<a b='\xff'/>", "<\xff/>",
	`<a>]]></a>`, `<a><![CDATA[x]]</a>`, `<a><![cdata[x]]></a>`, `<1/>`, `<-a/>`, `<:a/>`, `<a:/>`, `<a:b:c xmlns:a='u'/>`, `< a/>`, `<a / >`, `</a/>`, `<a //>`,
	"<a><![CDATA[\x01]]></a>", "<a><![CDATA[\xff]]></a>", `<a/ b='c'>`, `<÷/>`, `<a ='x'/>`,
}

func TestParseAcceptsAndRefuses(t *testing.T) {
	for _, s := range accepted {
		if _, err := xmpp.Parse([]byte(s)); err != nil {
			t.Errorf("Parse(%q): %v", s, err)
		}
		checkAgainstOracle(t, []byte(s))
	}
	for _, s := range refused {
		if e, err := xmpp.Parse([]byte(s)); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", s, e)
		}
	}
}

// FuzzParse: whatever Parse accepts, encoding/xml accepts with the same tree,
// and it survives being written and parsed again. The other way round Parse is
// stricter: no comments, processing instructions, declarations and document
// types; no unknown or empty prefixes and no reserved ones; no attribute
// twice; space between attributes; no names with a colon at either end or a
// part that could not be a name; no references to surrogates; limits.
func FuzzParse(f *testing.F) {
	for _, s := range append(accepted, refused...) {
		f.Add([]byte(s))
	}
	f.Fuzz(checkAgainstOracle)
}

func checkAgainstOracle(t *testing.T, b []byte) {
	e, err := xmpp.Parse(b)
	if err != nil {
		return
	}
	want, err := oracle(b)
	if err != nil {
		t.Fatalf("Parse accepts %q, encoding/xml does not: %v", b, err)
	}
	if !reflect.DeepEqual(plain(e), plain(want)) {
		t.Fatalf("%q:\n got %v\nwant %v", b, e, want)
	}
	for _, ns := range []string{"", xmpp.NSClient, xmpp.NSComponent, "urn:x"} {
		// The same tree must come back from inside an element that declares ns.
		out := xmpp.Append([]byte("<o xmlns='"+ns+"'>"), e, ns)
		outer, err := xmpp.Parse(append(out, "</o>"...))
		if err != nil {
			t.Fatalf("%q written as %q: %v", b, out, err)
		}
		if ns == xmpp.NSComponent {
			continue // there NSClient changes its name; TestAppendContentNamespace has that
		}
		back := outer.First()
		if !equalBut(plain(back), plain(e), ns) {
			t.Fatalf("%q written in %q as %q: %v", b, ns, out, back)
		}
	}
	bridged, err := xmpp.FromTokenReader(e.TokenReader())
	if err != nil || !reflect.DeepEqual(plain(bridged), plain(e)) {
		t.Fatalf("%q through tokens: %v, %v", b, bridged, err)
	}
}

// equalBut allows that the content namespaces are one.
func equalBut(a, b *xmpp.Element, ns string) bool {
	if ns == xmpp.NSClient {
		rename(a)
		rename(b)
	}
	return reflect.DeepEqual(a, b)
}

func rename(e *xmpp.Element) {
	if e.Space == xmpp.NSComponent || e.Space == xmpp.NSServer {
		e.Space = xmpp.NSClient
	}
	for c := range e.Children() {
		rename(c)
	}
}

// plain makes nil and empty slices the same.
func plain(e *xmpp.Element) *xmpp.Element {
	c := &xmpp.Element{Space: e.Space, Name: e.Name, Attrs: append([]xmpp.Attr{}, e.Attrs...)}
	for _, n := range e.Nodes {
		if n.Element != nil {
			n.Element = plain(n.Element)
		}
		c.Nodes = append(c.Nodes, n)
	}
	return c
}

// oracle reads b with encoding/xml.
func oracle(b []byte) (*xmpp.Element, error) {
	d := xml.NewDecoder(bytes.NewReader(b))
	e, err := xmpp.FromTokenReader(trim{d})
	if err != nil {
		return nil, err
	}
	for {
		t, err := d.Token()
		if err == io.EOF {
			return e, nil
		}
		if err != nil {
			return nil, err
		}
		if text, ok := t.(xml.CharData); !ok || strings.TrimSpace(string(text)) != "" {
			return nil, io.ErrUnexpectedEOF
		}
	}
}

// trim leaves empty text out, which an empty CDATA section makes.
type trim struct{ d *xml.Decoder }

func (t trim) Token() (xml.Token, error) {
	for {
		tok, err := t.d.Token()
		if text, ok := tok.(xml.CharData); ok && len(text) == 0 && err == nil {
			continue
		}
		return tok, err
	}
}
