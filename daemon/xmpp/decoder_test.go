// SPDX-License-Identifier: GPL-2.0-or-later

package xmpp_test

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"spectrum.im/spectrum2/daemon/xmpp"
)

const header = `<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept'
	xmlns:stream='http://etherx.jabber.org/streams' xmlns:x='urn:x' id='42' from='irc.example.org'>`

func open(t *testing.T, r io.Reader, l xmpp.Limits) *xmpp.Decoder {
	t.Helper()
	d := xmpp.NewDecoder(r, l)
	h, err := d.ReadHeader()
	if err != nil {
		t.Fatal(err)
	}
	if h.Get("id") != "42" {
		t.Fatalf("header %v", h)
	}
	return d
}

func TestDecoderReadsAStream(t *testing.T) {
	const stream = header + "\n" + `<message to='a'><body>1 &lt; 2</body></message>  ` +
		`<iq xmlns='jabber:component:accept'><q xmlns='urn:q'><m xmlns='jabber:client'/></q></iq>` +
		`<x:y/><stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream >`
	want := []string{
		`<message xmlns='jabber:client' to='a'><body>1 &lt; 2</body></message>`,
		`<iq xmlns='jabber:client'><q xmlns='urn:q'><m xmlns='jabber:client'/></q></iq>`,
		`<y xmlns='urn:x'/>`,
		`<error xmlns='http://etherx.jabber.org/streams'><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></error>`,
	}
	readers := map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader,
		"halves": iotest.HalfReader, "with error": iotest.DataErrReader,
	}
	for name, wrap := range readers {
		d := open(t, wrap(strings.NewReader(stream)), xmpp.Limits{})
		for _, w := range want {
			e, err := d.Next()
			if err != nil || e.String() != w {
				t.Fatalf("%s: got %v, %v, want %s", name, e, err, w)
			}
		}
		for range 2 {
			if _, err := d.Next(); err != io.EOF {
				t.Fatalf("%s: %v at the end", name, err)
			}
		}
	}
}

func TestDecoderEndsTheStreamWithTheRightError(t *testing.T) {
	for _, c := range []struct{ in, condition string }{
		{"<a><b></a></b>", xmpp.NotWellFormed},
		{"<a><b></a>", xmpp.NotWellFormed},
		{"<a></a b>", xmpp.NotWellFormed},
		{"<a>&nbsp;</a>", xmpp.NotWellFormed},
		{"<a>\xff</a>", xmpp.NotWellFormed},
		{"<!-- x -->", xmpp.RestrictedXML},
		{"<a><?x?></a>", xmpp.RestrictedXML},
		{"<!DOCTYPE x>", xmpp.RestrictedXML},
		{"<?xml version='1.0'?>", xmpp.RestrictedXML},
		{"text", xmpp.BadFormat},
		{"</stream>", xmpp.NotWellFormed},
		{"<p:a/>", xmpp.BadNamespacePrefix},
		{"<a b='1' b='1'/>", xmpp.NotWellFormed},
		{strings.Repeat("<a>", 100), xmpp.PolicyViolation},
		{"<a>" + strings.Repeat("x", 5000), xmpp.PolicyViolation},
		{"<a>" + strings.Repeat("<b/>", 100), xmpp.PolicyViolation},
		{"<a a1='' a2='' a3='' a4='' a5='' a6='' a7=''/>", xmpp.PolicyViolation},
	} {
		d := open(t, strings.NewReader(header+c.in), xmpp.Limits{Bytes: 4000, Depth: 50, Attrs: 6, Elements: 90})
		for range 2 {
			_, err := d.Next()
			var se *xmpp.StreamError
			if !errors.As(err, &se) || se.Condition != c.condition {
				t.Errorf("%.40q: %v, want %s", c.in, err, c.condition)
			}
		}
	}
}

func TestDecoderSkipsABadStanzaAndGoesOn(t *testing.T) {
	const attrs = ` from='a@b/c' to='irc.example.org' type='get' id='7'`
	limits := xmpp.Limits{Bytes: 4000, Depth: 50, Attrs: 10, Elements: 90, Skip: true}
	for _, c := range []struct{ in, condition string }{
		{"<iq" + attrs + ">" + strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100) + "</iq>", xmpp.NotAcceptable},
		{"<iq" + attrs + "><![CDATA[" + strings.Repeat("]]", 50000) + "]]></iq>", xmpp.NotAcceptable},
		{"<iq" + attrs + "><x y='" + strings.Repeat("</iq>", 50000) + "'/></iq>", xmpp.NotAcceptable},
		{"<iq" + attrs + ">" + strings.Repeat("<b/>", 100) + "</iq>", xmpp.NotAcceptable},
		{"<iq" + attrs + "><a a1='' a2='' a3='' a4='' a5='' a6='' a7='' a8='' a9='' a10='' a11=''/></iq>", xmpp.NotAcceptable},
		{"<iq" + attrs + "><p:x/></iq>", xmpp.BadRequest},
		{"<iq p:from='evil@x'" + attrs + "/>", xmpp.BadRequest},
		{"<iq" + attrs + "><x a='' a=''/></iq>", xmpp.BadRequest},
	} {
		for name, r := range map[string]io.Reader{"whole": nil, "bytes": nil} {
			stream := strings.NewReader(header + c.in + "<presence/>")
			if r = stream; name == "bytes" {
				r = iotest.OneByteReader(stream)
			}
			d := open(t, r, limits)
			_, err := d.Next()
			var bad *xmpp.BadStanza
			if !errors.As(err, &bad) || bad.Condition != c.condition {
				t.Fatalf("%.60q: %v", c.in, err)
			}
			reply := xmpp.ErrorReply(bad.Stanza, "", bad.Condition, "")
			if reply.Get("to") != "a@b/c" || reply.Get("from") != "irc.example.org" || reply.Get("id") != "7" {
				t.Errorf("%.60q: reply %v", c.in, reply)
			}
			if e, err := d.Next(); err != nil || !e.Is(xmpp.NSClient, "presence") {
				t.Fatalf("%.60q: next is %v, %v", c.in, e, err)
			}
		}
	}
}

func TestDecoderKeepsItsMemory(t *testing.T) {
	big := io.MultiReader(strings.NewReader(header+"<message to='x'><body>"),
		io.LimitReader(zeros{}, 64<<20), strings.NewReader("</body></message><presence/>"))
	d := open(t, big, xmpp.Limits{Skip: true})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := d.Next()
	runtime.ReadMemStats(&after)
	var bad *xmpp.BadStanza
	if !errors.As(err, &bad) || bad.Stanza.Get("to") != "x" {
		t.Fatal(err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
		t.Errorf("a 64 MiB stanza cost %d bytes", used)
	}
	if e, err := d.Next(); err != nil || e.Name != "presence" {
		t.Fatal(e, err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '0'
	}
	return len(b), nil
}

func TestDecoderHeader(t *testing.T) {
	for in, want := range map[string]string{
		"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>":                                  "",
		"<?xml version=\"1.0\" encoding='UTF-8' ?>\n<s:stream xmlns='jabber:server' xmlns:s='http://etherx.jabber.org/streams'>": "",
		"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'/>":                                 xmpp.NotWellFormed,
		"<?xml version='1.1'?><stream:stream>":                                          xmpp.BadFormat,
		"<?xml version='1.0' encoding='latin1'?><stream:stream>":                        xmpp.BadFormat,
		" <?xml version='1.0'?>":                                                        xmpp.RestrictedXML,
		"<stream xmlns='jabber:client'>":                                                xmpp.InvalidNamespace,
		"<stream:stream xmlns='urn:x' xmlns:stream='http://etherx.jabber.org/streams'>": xmpp.InvalidNamespace,
		"<stream:stream>":                                                               xmpp.BadNamespacePrefix,
		"GET / HTTP/1.0\r\n":                                                            xmpp.BadFormat,
		"<!DOCTYPE x>":                                                                  xmpp.RestrictedXML,
		"<stream:stream x='" + strings.Repeat("y", 20000) + "'":                         xmpp.PolicyViolation,
		"<?xml " + strings.Repeat("y", 20000):                                           xmpp.NotWellFormed,
	} {
		_, err := xmpp.NewDecoder(strings.NewReader(in), xmpp.Limits{}).ReadHeader()
		var se *xmpp.StreamError
		if errors.As(err, &se); (want == "") != (err == nil) || want != "" && (se == nil || se.Condition != want) {
			t.Errorf("%.60q: %v, want %q", in, err, want)
		}
	}
	_, err := xmpp.NewDecoder(strings.NewReader("<stream:str"), xmpp.Limits{}).ReadHeader()
	if err != io.ErrUnexpectedEOF {
		t.Errorf("cut header: %v", err)
	}
}

func TestDecoderRestart(t *testing.T) {
	const client = `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`
	d := xmpp.NewDecoder(strings.NewReader(client+"<auth xmlns='urn:sasl'/>"+client+"<iq/></stream:stream>"), xmpp.Limits{})
	for _, name := range []string{"auth", "iq"} {
		if _, err := d.ReadHeader(); err != nil {
			t.Fatal(err)
		}
		if e, err := d.Next(); err != nil || e.Name != name {
			t.Fatal(e, err)
		}
		if name == "auth" {
			if d.Buffered() == 0 {
				t.Error("the next header was read with the rest")
			}
			d.Restart()
		}
	}
}

// TestElementsShareNothing: appending to one element must not write into
// another of the same slab.
func TestElementsShareNothing(t *testing.T) {
	e, err := xmpp.Parse([]byte(`<a x='1'><b y='2'>t</b><c z='3'>u</c></a>`))
	if err != nil {
		t.Fatal(err)
	}
	want := e.Clone()
	b := e.Child("", "b")
	b.Set("new", "attr")
	b.AddText("more")
	e.Set("q", "r")
	if c := e.Child("", "c"); !reflect.DeepEqual(plain(c), plain(want.Child("", "c"))) {
		t.Errorf("changing b changed c: %v", c)
	}
}

// FuzzDecoder: nothing that a peer sends panics, and how it is cut into reads
// makes no difference.
func FuzzDecoder(f *testing.F) {
	for _, s := range append(accepted, refused...) {
		f.Add([]byte(header + s + "</stream:stream>"))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		limits := xmpp.Limits{Bytes: 200, Depth: 5, Attrs: 6, Elements: 10, Skip: len(b)%2 == 0}
		whole := drain(strings.NewReader(string(b)), limits)
		cut := drain(iotest.OneByteReader(strings.NewReader(string(b))), limits)
		limits.Frugal = true
		frugal := drain(strings.NewReader(string(b)), limits)
		if !reflect.DeepEqual(whole, cut) || !reflect.DeepEqual(whole, frugal) {
			t.Fatalf("whole: %q\nbyte by byte: %q\nfrugal: %q", whole, cut, frugal)
		}
	})
}

func drain(r io.Reader, l xmpp.Limits) (seen []string) {
	d := xmpp.NewDecoder(r, l)
	e, err := d.ReadHeader()
	for {
		var bad *xmpp.BadStanza
		switch {
		case errors.As(err, &bad):
			seen = append(seen, fmt.Sprint(err))
		case err != nil:
			return append(seen, err.Error())
		default:
			seen = append(seen, e.String())
		}
		e, err = d.Next()
	}
}

// TestAFrugalDecoderKeepsNoBufferWhileItsPeerIsSilent: a stanza between two
// silences costs what it is, and what waits is not lost.
func TestAFrugalDecoderKeepsNoBufferWhileItsPeerIsSilent(t *testing.T) {
	r, w := io.Pipe()
	const streams = 1000
	var decoders []*xmpp.Decoder
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range streams {
		d := open(t, io.MultiReader(strings.NewReader(header+"<message><body>"+strings.Repeat("x", 3000)+"</body></message> "), r), xmpp.Limits{Frugal: true})
		if _, err := d.Next(); err != nil {
			t.Fatal(err)
		}
		decoders = append(decoders, d)
	}
	silent := make(chan error)
	go func() { silent <- decoders[0].Wait() }()
	if _, err := w.Write([]byte("  \n<iq")); err != nil {
		t.Fatal(err)
	}
	if err := <-silent; err != nil || decoders[0].Buffered() != len("<iq") {
		t.Errorf("%v, %d bytes buffered", err, decoders[0].Buffered())
	}
	w.Close()
	for _, d := range decoders[1:] {
		if err := d.Wait(); err != io.ErrUnexpectedEOF {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int(after.HeapAlloc) - int(before.HeapAlloc)) / streams; each > 2500 {
		t.Errorf("%d bytes for a silent decoder", each)
	}
	runtime.KeepAlive(decoders)
}

func TestDecoderTakesNewLimitsAndTellsTheContentNamespace(t *testing.T) {
	d := open(t, strings.NewReader(header+"<a><b/></a><a><b/></a>"), xmpp.Limits{})
	if d.Content() != xmpp.NSComponent {
		t.Errorf("content namespace %q", d.Content())
	}
	if _, err := d.Next(); err != nil {
		t.Fatal(err)
	}
	d.SetLimits(xmpp.Limits{Depth: 1})
	var se *xmpp.StreamError
	if _, err := d.Next(); !errors.As(err, &se) || se.Condition != xmpp.PolicyViolation {
		t.Errorf("%v", err)
	}
}

func TestParseFrame(t *testing.T) {
	limits := xmpp.Limits{Bytes: 200, Depth: 5, Elements: 10, Skip: true}
	e, err := xmpp.ParseFrame([]byte(" <a xmlns='urn:a'><b/></a>\n"), limits)
	if err != nil || !e.Child("urn:a", "b").Is("urn:a", "b") {
		t.Errorf("%v, %v", e, err)
	}
	var bad *xmpp.BadStanza
	if _, err := xmpp.ParseFrame([]byte(" <iq xmlns='jabber:client' id='1'>"+strings.Repeat("<b/>", 20)+"</iq>"), limits); !errors.As(err, &bad) || bad.Stanza.Get("id") != "1" {
		t.Errorf("too many elements: %v", err)
	}
	for in, condition := range map[string]string{
		"":           xmpp.NotWellFormed,
		"<a/><b/>":   xmpp.NotWellFormed,
		"<a>":        xmpp.NotWellFormed,
		"<!-- x -->": xmpp.RestrictedXML,
		"<a>" + strings.Repeat("x", 200) + "</a>": xmpp.PolicyViolation,
	} {
		var se *xmpp.StreamError
		if _, err := xmpp.ParseFrame([]byte(in), limits); !errors.As(err, &se) || se.Condition != condition {
			t.Errorf("%.20q: %v", in, err)
		}
	}
}

// TestManyPiecesOfTextAreJoinedOnce: joining them pair by pair would take
// seconds.
func TestManyPiecesOfTextAreJoinedOnce(t *testing.T) {
	const n = 70000
	e, err := xmpp.Parse([]byte("<a>" + strings.Repeat("<![CDATA[xy]]>", n) + "<b/>" + "z<![CDATA[<]]></a>"))
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Nodes) != 3 || len(e.Nodes[0].Text) != 2*n || e.Nodes[2].Text != "z<" {
		t.Errorf("%d nodes", len(e.Nodes))
	}
	in := []byte("<a>" + strings.Repeat("<![CDATA[xy]]>", n) + "</a>")
	if used := testing.AllocsPerRun(1, func() { _, err = xmpp.Parse(in) }); used > 100 || err != nil {
		t.Errorf("%v allocations, %v", used, err)
	}
}
