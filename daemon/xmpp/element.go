// SPDX-License-Identifier: GPL-2.0-or-later

// Package xmpp is the stream layer: elements, a strict and bounded parser, an
// appending encoder, stanzas and JIDs. It knows nothing of users, rosters or
// legacy networks. mellium.im/xmpp's leaf packages serve through TokenReader.
package xmpp

import (
	"encoding/xml"
	"iter"
	"strings"
)

// Namespaces that the stream layer itself uses.
const (
	NSClient    = "jabber:client"
	NSComponent = "jabber:component:accept"
	NSServer    = "jabber:server"
	NSStream    = "http://etherx.jabber.org/streams"
	NSStreams   = "urn:ietf:params:xml:ns:xmpp-streams"
	NSStanzas   = "urn:ietf:params:xml:ns:xmpp-stanzas"
	NSXML       = "http://www.w3.org/XML/1998/namespace"
)

// Attr is an attribute. Space is the namespace's URI, "" for none.
type Attr struct {
	Space, Name, Value string
}

// Node is one child: an element, or text where Element is nil.
type Node struct {
	Element *Element
	Text    string
}

// Element is an XML element with its namespace resolved. Stanzas are elements
// in NSClient whatever the stream's own content namespace is: streams
// translate. An element that was handed on (sent, posted) must not be changed.
type Element struct {
	Space, Name string
	Attrs       []Attr
	Nodes       []Node
}

// New makes an element of a namespace.
func New(space, name string) *Element { return &Element{Space: space, Name: name} }

// NewText makes an element that contains text.
func NewText(space, name, text string) *Element { return New(space, name).AddText(text) }

// Is reports whether e is called name in the namespace space; nil is nothing.
func (e *Element) Is(space, name string) bool {
	return e != nil && e.Name == name && e.Space == space
}

// Get returns the value of the attribute name without namespace, "" if absent.
func (e *Element) Get(name string) string {
	if e == nil {
		return ""
	}
	for i := range e.Attrs {
		if e.Attrs[i].Name == name && e.Attrs[i].Space == "" {
			return e.Attrs[i].Value
		}
	}
	return ""
}

// Set sets the attribute name without namespace, removes it where value is
// empty, and returns e.
func (e *Element) Set(name, value string) *Element {
	for i := range e.Attrs {
		if e.Attrs[i].Name == name && e.Attrs[i].Space == "" {
			if value == "" {
				e.Attrs = append(e.Attrs[:i:i], e.Attrs[i+1:]...)
			} else {
				e.Attrs[i].Value = value
			}
			return e
		}
	}
	if value != "" {
		e.Attrs = append(e.Attrs, Attr{Name: name, Value: value})
	}
	return e
}

// Lang is the xml:lang attribute.
func (e *Element) Lang() string {
	for i := range e.Attrs {
		if e.Attrs[i].Name == "lang" && e.Attrs[i].Space == NSXML {
			return e.Attrs[i].Value
		}
	}
	return ""
}

// Add appends children, skipping nil, and returns e.
func (e *Element) Add(children ...*Element) *Element {
	for _, c := range children {
		if c != nil {
			e.Nodes = append(e.Nodes, Node{Element: c})
		}
	}
	return e
}

// AddText appends text and returns e.
func (e *Element) AddText(text string) *Element {
	if text != "" {
		e.Nodes = append(e.Nodes, Node{Text: text})
	}
	return e
}

// Children iterates over the child elements.
func (e *Element) Children() iter.Seq[*Element] {
	return func(yield func(*Element) bool) {
		if e == nil {
			return
		}
		for i := range e.Nodes {
			if c := e.Nodes[i].Element; c != nil && !yield(c) {
				return
			}
		}
	}
}

// Child returns the first child called name in the namespace space, or nil.
// An empty name matches any.
func (e *Element) Child(space, name string) *Element {
	for c := range e.Children() {
		if c.Space == space && (name == "" || c.Name == name) {
			return c
		}
	}
	return nil
}

// First returns the first child element, or nil.
func (e *Element) First() *Element {
	for c := range e.Children() {
		return c
	}
	return nil
}

// Text is the element's own character data; "" for nil.
func (e *Element) Text() string {
	if e == nil {
		return ""
	}
	if len(e.Nodes) == 1 {
		return e.Nodes[0].Text
	}
	var b strings.Builder
	for i := range e.Nodes {
		b.WriteString(e.Nodes[i].Text)
	}
	return b.String()
}

// ChildText is the text of the first such child, "" without one.
func (e *Element) ChildText(space, name string) string { return e.Child(space, name).Text() }

// Clone copies e down to its leaves.
func (e *Element) Clone() *Element {
	if e == nil {
		return nil
	}
	c := &Element{Space: e.Space, Name: e.Name, Attrs: append([]Attr(nil), e.Attrs...)}
	c.Nodes = make([]Node, len(e.Nodes))
	for i, n := range e.Nodes {
		c.Nodes[i] = Node{Element: n.Element.Clone(), Text: n.Text}
	}
	return c
}

// XMLName is e's name as encoding/xml writes it.
func (e *Element) XMLName() xml.Name { return xml.Name{Space: e.Space, Local: e.Name} }
