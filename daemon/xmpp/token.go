// SPDX-License-Identifier: GPL-2.0-or-later

package xmpp

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
)

// TokenReader reads e as tokens of encoding/xml, which is how the types of
// mellium.im/xmpp are decoded: xml.NewTokenDecoder(e.TokenReader()).Decode(&v).
// There are no xmlns attributes: the names carry the namespaces.
func (e *Element) TokenReader() xml.TokenReader {
	if e == nil {
		return &tokenReader{}
	}
	return &tokenReader{stack: []place{{e: e, next: -1}}}
}

// place is where a tokenReader is inside an element: next is the index of the
// node to come, -1 before the start tag.
type place struct {
	e    *Element
	next int
}

type tokenReader struct{ stack []place }

func (t *tokenReader) Token() (xml.Token, error) {
	for len(t.stack) > 0 {
		p := &t.stack[len(t.stack)-1]
		if p.next < 0 {
			p.next = 0
			return startElement(p.e), nil
		}
		if p.next == len(p.e.Nodes) {
			t.stack = t.stack[:len(t.stack)-1]
			return xml.EndElement{Name: p.e.XMLName()}, nil
		}
		n := &p.e.Nodes[p.next]
		p.next++
		if n.Element != nil {
			t.stack = append(t.stack, place{e: n.Element, next: -1})
		} else if n.Text != "" {
			return xml.CharData(n.Text), nil
		}
	}
	return nil, io.EOF
}

func startElement(e *Element) xml.StartElement {
	s := xml.StartElement{Name: e.XMLName()}
	for _, a := range e.Attrs {
		s.Attr = append(s.Attr, xml.Attr{Name: xml.Name{Space: a.Space, Local: a.Name}, Value: a.Value})
	}
	return s
}

// errNoElement is returned for tokens without an element.
var errNoElement = errors.New("no element")

// FromTokenReader reads one whole element from r. Comments and processing
// instructions are left out, and so are xmlns attributes.
func FromTokenReader(r xml.TokenReader) (*Element, error) {
	var stack []*Element
	for {
		tok, err := r.Token()
		switch t := tok.(type) {
		case xml.StartElement:
			e := fromStart(t)
			if len(stack) > 0 {
				stack[len(stack)-1].Add(e)
			}
			stack = append(stack, e)
		case xml.EndElement:
			if len(stack) == 0 {
				return nil, fmt.Errorf("read element: unexpected end of %s", t.Name.Local)
			}
			if len(stack) == 1 {
				return stack[0], nil
			}
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].addText(string(t))
			}
		}
		switch {
		case err == io.EOF && len(stack) == 0:
			return nil, fmt.Errorf("read element: %w", errNoElement)
		case err == io.EOF:
			return nil, fmt.Errorf("read element: %w", io.ErrUnexpectedEOF)
		case err != nil:
			return nil, fmt.Errorf("read element: %w", err)
		}
	}
}

// addText joins text with text that stands right before it.
func (e *Element) addText(text string) {
	if n := len(e.Nodes); n > 0 && e.Nodes[n-1].Element == nil {
		e.Nodes[n-1].Text += text
		return
	}
	e.AddText(text)
}

func fromStart(t xml.StartElement) *Element {
	e := New(t.Name.Space, t.Name.Local)
	for _, a := range t.Attr {
		space := a.Name.Space
		if space == "xmlns" || (space == "" && a.Name.Local == "xmlns") {
			continue
		}
		if space == "xml" {
			space = NSXML
		}
		e.Attrs = append(e.Attrs, Attr{Space: space, Name: a.Name.Local, Value: a.Value})
	}
	return e
}
