// SPDX-License-Identifier: GPL-2.0-or-later

package xmpp

import "strings"

const nsXMLNS = "http://www.w3.org/2000/xmlns/"

// startTag parses a start tag and pushes its declarations. It returns the tag
// as it is written and the default namespace for the content.
func (p *parser) startTag(space string) (e *Element, tag string, empty bool, _ string, _ *fault) {
	start := p.i + 1
	p.i = start
	prefix, name, err := p.qname()
	if err != nil {
		return nil, "", false, "", err
	}
	tag = p.s[start:p.i]
	p.raw = p.raw[:0]
	if empty, space, err = p.attributes(space); err != nil {
		return nil, "", false, "", err
	}
	p.elements = append(p.elements, Element{Name: p.keep(name)})
	e = &p.elements[len(p.elements)-1]
	if e.Space = space; prefix != "" {
		if e.Space, err = p.resolve(prefix); err != nil {
			return nil, "", false, "", err
		}
	}
	if len(p.raw) > 0 {
		err = p.setAttrs(e)
	}
	return e, tag, empty, space, err
}

// qname parses prefix:name.
func (p *parser) qname() (prefix, name string, err *fault) {
	n := scanName(p.s[p.i:])
	if n == 0 {
		return "", "", malformed("invalid name")
	}
	name = p.s[p.i : p.i+n]
	p.i += n
	if p.i >= len(p.s) || p.s[p.i] != ':' {
		return "", name, nil
	}
	p.i++
	prefix = name
	if n = scanName(p.s[p.i:]); n == 0 {
		return "", "", malformed("invalid name")
	}
	name = p.s[p.i : p.i+n]
	p.i += n
	return prefix, name, nil
}

// attributes parses up to the tag's end: declarations into the scope, the rest
// into p.raw, since a prefix may be declared after its use.
func (p *parser) attributes(space string) (empty bool, _ string, _ *fault) {
	declared := len(p.scope)
	hasDefault := false
	for count := 0; ; count++ {
		gap := p.spaces() > 0
		rest := p.s[p.i:]
		switch {
		case strings.HasPrefix(rest, ">"):
			p.i++
			return false, space, nil
		case strings.HasPrefix(rest, "/>"):
			p.i += 2
			return true, space, nil
		case !gap:
			return false, "", malformed("no space before an attribute")
		case count >= p.limits.Attrs && !p.lenient:
			return false, "", excess("too many attributes")
		}
		prefix, name, err := p.qname()
		if err != nil {
			return false, "", err
		}
		value, err := p.value()
		if err != nil {
			return false, "", err
		}
		switch {
		case prefix == "" && name == "xmlns":
			if hasDefault && !p.lenient {
				return false, "", badNames(NotWellFormed, "attribute given twice")
			}
			hasDefault = true
			if space, err = p.namespace("", value); err != nil {
				return false, "", err
			}
		case prefix == "xmlns":
			if err := p.declare(declared, name, value); err != nil {
				return false, "", err
			}
		default:
			p.raw = append(p.raw, rawAttr{prefix, name, value})
		}
	}
}

// value parses = and the quoted value.
func (p *parser) value() (string, *fault) {
	p.spaces()
	if p.i >= len(p.s) || p.s[p.i] != '=' {
		return "", malformed("attribute without value")
	}
	p.i++
	p.spaces()
	if p.i >= len(p.s) || (p.s[p.i] != '"' && p.s[p.i] != '\'') {
		return "", malformed("value without quotes")
	}
	quote := p.s[p.i]
	p.i++
	n, plain, err := scanChars(p.s[p.i:], quote)
	if err != nil {
		return "", err
	}
	v := p.s[p.i : p.i+n]
	p.i += n + 1
	if !plain {
		return unescape(v)
	}
	return p.keep(v), nil
}

// declare pushes xmlns:prefix; those from declared on are the same element's.
func (p *parser) declare(declared int, prefix, space string) *fault {
	space, err := p.namespace(prefix, space)
	if err != nil {
		return err
	}
	for _, b := range p.scope[declared:] {
		if b.prefix == prefix && !p.lenient {
			return badNames(NotWellFormed, "attribute given twice")
		}
	}
	if len(p.scope) >= maxPrefixes && !p.lenient {
		return excess("too many prefixes")
	}
	p.scope = append(p.scope, binding{prefix, space})
	return nil
}

// namespace checks a declaration (Namespaces in XML 1.0 §3, §5) and returns
// what the rest of the program calls the namespace.
func (p *parser) namespace(prefix, space string) (string, *fault) {
	switch {
	case prefix == "xml" && space == NSXML:
		return space, nil
	case p.lenient:
	case prefix == "xml", prefix == "xmlns", space == NSXML, space == nsXMLNS:
		return "", badNames(BadNamespacePrefix, "reserved prefix or namespace")
	case prefix != "" && space == "":
		return "", badNames(BadNamespacePrefix, "prefix without namespace")
	}
	if p.content != "" && space == p.content {
		return NSClient, nil
	}
	return intern(space), nil
}

func (p *parser) resolve(prefix string) (string, *fault) {
	for i := len(p.scope) - 1; i >= 0; i-- {
		if p.scope[i].prefix == prefix {
			return p.scope[i].space, nil
		}
	}
	switch {
	case prefix == "xml":
		return NSXML, nil
	case p.lenient:
		return "", nil
	}
	return "", badNames(BadNamespacePrefix, "unknown prefix")
}

// setAttrs resolves p.raw into e's attributes.
func (p *parser) setAttrs(e *Element) *fault {
	first := len(p.attrs)
	for _, r := range p.raw {
		if r.prefix != "" && p.lenient {
			continue // x:from must not pass for from
		}
		a := Attr{Name: r.name, Value: r.value}
		if p.short {
			a.Name = strings.Clone(a.Name)
		}
		if r.prefix != "" {
			var err *fault
			if a.Space, err = p.resolve(r.prefix); err != nil {
				return err
			}
		}
		for i := first; i < len(p.attrs); i++ {
			if p.attrs[i].Name == a.Name && p.attrs[i].Space == a.Space && !p.lenient {
				return badNames(NotWellFormed, "attribute given twice")
			}
		}
		p.attrs = append(p.attrs, a)
	}
	e.Attrs = p.attrs[first:len(p.attrs):len(p.attrs)]
	return nil
}
