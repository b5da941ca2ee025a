// SPDX-License-Identifier: GPL-2.0-or-later

package xmpp

import (
	"bytes"
	"strings"
)

// parser reads one whole element. Names and values are parts of the input
// where they can be, and elements, attributes and nodes come from one slab of
// each, of the size that the framer counted: a slab never outlives its stanza.
type parser struct {
	s       string
	i       int
	limits  Limits
	content string // what to call NSClient: the stream's content namespace
	lenient bool   // take a start tag as it is, to answer a bad stanza
	short   bool   // copy short strings, so that they do not hold a large input

	elements []Element
	attrs    []Attr
	nodes    []Node

	scope []binding // innermost last; the stream header's first
	raw   []rawAttr
	open  []Node // children of elements that are not closed yet

	joined []byte // text in pieces, the first of which is the last open node
}

type binding struct{ prefix, space string }

type rawAttr struct{ prefix, name, value string }

// smallSlab serves the usual stanza with one allocation.
type smallSlab struct {
	elements [4]Element
	attrs    [8]Attr
	nodes    [6]Node
}

// copyFrom is the size of a stanza above which short strings are copied.
const copyFrom = 4096

// reset prepares p for the stanza s that f has measured.
func (p *parser) reset(s string, f *framer) {
	p.s, p.i = s, 0
	p.short = len(s) > copyFrom
	nodes := f.elements - 1 + f.textRuns
	if f.elements <= 4 && f.attrs <= 8 && nodes <= 6 {
		slab := new(smallSlab)
		p.elements, p.attrs, p.nodes = slab.elements[:0], slab.attrs[:0], slab.nodes[:0]
		return
	}
	p.elements = make([]Element, 0, f.elements)
	p.attrs = make([]Attr, 0, f.attrs)
	p.nodes = make([]Node, 0, nodes)
}

// release lets go of the stanza, which is the caller's now.
func (p *parser) release() {
	clear(p.raw[:cap(p.raw)])
	clear(p.open[:cap(p.open)])
	p.raw, p.open, p.joined = p.raw[:0], p.open[:0], p.joined[:0]
	if p.short {
		p.raw, p.open, p.joined = nil, nil, nil
	}
	p.s, p.elements, p.attrs, p.nodes = "", nil, nil, nil
}

// element parses the element at p.i. space is the default namespace in scope.
func (p *parser) element(depth int, space string) (*Element, *fault) {
	inScope := len(p.scope)
	defer func() { p.scope = p.scope[:inScope] }()
	e, tag, empty, space, err := p.startTag(space)
	if err != nil || empty {
		return e, err
	}
	if depth > p.limits.Depth {
		return nil, excess("elements nested too deep")
	}
	first := len(p.open)
	for {
		if err := p.text(first); err != nil {
			return nil, err
		}
		if strings.HasPrefix(p.s[p.i:], "<!") {
			if err := p.cdata(first); err != nil {
				return nil, err
			}
			continue
		}
		p.endText()
		if strings.HasPrefix(p.s[p.i:], "</") {
			break
		}
		c, err := p.element(depth+1, space)
		if err != nil {
			return nil, err
		}
		p.open = append(p.open, Node{Element: c})
	}
	if err := p.endTag(tag); err != nil {
		return nil, err
	}
	n := len(p.nodes)
	p.nodes = append(p.nodes, p.open[first:]...)
	e.Nodes = p.nodes[n:len(p.nodes):len(p.nodes)]
	p.open = p.open[:first]
	return e, nil
}

// text takes character data up to the next '<'.
func (p *parser) text(first int) *fault {
	n, plain, err := scanChars(p.s[p.i:], '<')
	if err != nil || n == 0 {
		return err
	}
	t := p.s[p.i : p.i+n]
	p.i += n
	return p.addText(first, t, plain)
}

func (p *parser) cdata(first int) *fault {
	s, ok := strings.CutPrefix(p.s[p.i:], "<!"+cdataStart)
	end := strings.Index(s, "]]>")
	if !ok || end < 0 {
		return restricted
	}
	p.i = len(p.s) - len(s) + end + len("]]>")
	if end == 0 {
		return nil
	}
	s = s[:end]
	for _, r := range s {
		if !isChar(r) {
			return malformed("invalid character")
		}
	}
	if strings.ToValidUTF8(s, "") != s {
		return malformed("invalid character")
	}
	// An ampersand is only itself here.
	if strings.IndexByte(s, '\r') >= 0 {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	}
	return p.addText(first, s, true)
}

// addText adds text to the children from first, joined with text before it.
func (p *parser) addText(first int, t string, plain bool) *fault {
	if !plain {
		var err *fault
		if t, err = unescape(t); err != nil {
			return err
		}
	}
	n := len(p.open)
	if n == first || p.open[n-1].Element != nil {
		p.open = append(p.open, Node{Text: p.keep(t)})
		return nil
	}
	if len(p.joined) == 0 {
		p.joined = append(p.joined, p.open[n-1].Text...)
	}
	p.joined = append(p.joined, t...)
	return nil
}

// endText gives the last of the open nodes the text that was joined to it.
func (p *parser) endText() {
	if len(p.joined) > 0 {
		p.open[len(p.open)-1].Text = string(p.joined)
		p.joined = p.joined[:0]
	}
}

// keep returns what may be kept of the input for s.
func (p *parser) keep(s string) string {
	if p.short && len(s) < copyFrom/4 {
		return strings.Clone(s)
	}
	return s
}

func (p *parser) endTag(tag string) *fault {
	p.i += len("</")
	if !strings.HasPrefix(p.s[p.i:], tag) {
		return mismatch
	}
	p.i += len(tag)
	p.spaces()
	if p.i >= len(p.s) || p.s[p.i] != '>' {
		return mismatch
	}
	p.i++
	return nil
}

func (p *parser) spaces() (n int) {
	for p.i < len(p.s) && isSpace(p.s[p.i]) {
		p.i++
		n++
	}
	return n
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// Parse parses one element, with nothing but space around it, within
// DefaultLimits. Unlike a stream's, its namespaces are taken as they are.
func Parse(b []byte) (*Element, error) {
	e, err := parse(b, DefaultLimits)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// ParseFrame parses one element as Parse does, within limits: the frame of a
// WebSocket (RFC 7395 §3.3). Errors are those of Decoder.Next, besides the
// reader's.
func ParseFrame(b []byte, limits Limits) (*Element, error) {
	limits = limits.withDefaults()
	e, err := parse(b, limits)
	switch {
	case err == nil:
		return e, nil
	case err.skips && limits.Skip && len(b) <= limits.Bytes:
		d := Decoder{limits: limits}
		return nil, d.badStanza(bytes.TrimLeft(b, " \t\r\n"), err)
	}
	return nil, streamError(err)
}

func parse(b []byte, limits Limits) (*Element, *fault) {
	s := strings.Trim(string(b), " \t\r\n")
	f := framer{}
	if len(s) > limits.Bytes {
		return nil, excess("stanza too large")
	}
	if s == "" || s[0] != '<' {
		return nil, malformed("no element")
	}
	n, done, err := f.scan([]byte(s))
	switch {
	case err != nil:
		return nil, err
	case !done:
		return nil, malformed("unexpected end")
	case n != len(s):
		return nil, malformed("more than one element")
	case f.elements > limits.Elements:
		return nil, excess("too many elements")
	}
	p := &parser{limits: limits}
	p.reset(s, &f)
	return p.element(1, "")
}
