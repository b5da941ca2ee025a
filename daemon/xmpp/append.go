// SPDX-License-Identifier: GPL-2.0-or-later

package xmpp

import (
	"strconv"
	"unicode/utf8"
)

// Append appends e as XML to dst. defaultNS is the default namespace in scope
// where the text will stand: with NSClient, NSComponent or "jabber:server" the
// elements of NSClient need no declaration, which makes them stanzas of that
// stream. With "" every namespace is declared. What XML cannot carry (control
// characters, bytes that are not UTF-8) becomes U+FFFD, so that nothing a
// legacy network sends can break a stream; names are taken as they are.
func Append(dst []byte, e *Element, defaultNS string) []byte {
	if e == nil {
		return dst
	}
	if isContent(defaultNS) {
		defaultNS = NSClient
	}
	return appendElement(dst, e, defaultNS)
}

// String is e as XML with every namespace declared.
func (e *Element) String() string { return string(Append(nil, e, "")) }

// isContent reports whether ns is the content namespace of some kind of
// stream, all of which are NSClient to the rest of the program.
func isContent(ns string) bool {
	return ns == NSClient || ns == NSComponent || ns == NSServer
}

func appendElement(dst []byte, e *Element, scope string) []byte {
	dst = append(dst, '<')
	dst = append(dst, e.Name...)
	if space := e.Space; space != scope && !(scope == NSClient && isContent(space)) {
		dst = append(dst, ` xmlns='`...)
		dst = appendEscaped(dst, space, true)
		dst = append(dst, '\'')
		scope = space
	}
	for i := range e.Attrs {
		dst = appendAttr(dst, e.Attrs, i)
	}
	empty := true
	for i := range e.Nodes {
		n := &e.Nodes[i]
		if n.Element == nil && n.Text == "" {
			continue
		}
		if empty {
			dst, empty = append(dst, '>'), false
		}
		if n.Element != nil {
			dst = appendElement(dst, n.Element, scope)
		} else {
			dst = appendEscaped(dst, n.Text, false)
		}
	}
	if empty {
		return append(dst, '/', '>')
	}
	dst = append(dst, '<', '/')
	dst = append(dst, e.Name...)
	return append(dst, '>')
}

func appendAttr(dst []byte, attrs []Attr, i int) []byte {
	a := &attrs[i]
	dst = append(dst, ' ')
	switch a.Space {
	case "":
	case NSXML:
		dst = append(dst, `xml:`...)
	default:
		dst = appendPrefix(dst, attrs, i)
	}
	dst = append(dst, a.Name...)
	dst = append(dst, '=', '\'')
	dst = appendEscaped(dst, a.Value, true)
	return append(dst, '\'')
}

// appendPrefix writes the prefix of attrs[i], with its declaration first if no
// earlier attribute of the same element has made it.
func appendPrefix(dst []byte, attrs []Attr, i int) []byte {
	first := i
	for j := range i {
		if attrs[j].Space == attrs[i].Space {
			first = j
			break
		}
	}
	if first == i {
		dst = append(dst, `xmlns:n`...)
		dst = strconv.AppendInt(dst, int64(first), 10)
		dst = append(dst, '=', '\'')
		dst = appendEscaped(dst, attrs[i].Space, true)
		dst = append(dst, '\'', ' ')
	}
	dst = append(dst, 'n')
	dst = strconv.AppendInt(dst, int64(first), 10)
	return append(dst, ':')
}

// special marks the bytes that appendEscaped has to look at; those of 0x80 and
// up begin a rune that has to be checked.
var special = func() (t [256]bool) {
	for c := range 0x20 {
		t[c] = true
	}
	for _, c := range `&<>'"` {
		t[c] = true
	}
	for c := 0x80; c < 0x100; c++ {
		t[c] = true
	}
	return t
}()

func appendEscaped(dst []byte, s string, attr bool) []byte {
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if !special[c] {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if (r == utf8.RuneError && n == 1) || r == 0xFFFE || r == 0xFFFF {
				dst = append(dst, s[start:i]...)
				dst = append(dst, "\uFFFD"...)
				start = i + n
			}
			i += n
			continue
		}
		if rep := escape(c, attr); rep != "" {
			dst = append(dst, s[start:i]...)
			dst = append(dst, rep...)
			start = i + 1
		}
		i++
	}
	return append(dst, s[start:]...)
}

// escape is what stands for c in text or, with attr, in an attribute's value;
// "" if c stands for itself.
func escape(c byte, attr bool) string {
	switch c {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '\r':
		return "&#xD;"
	case '\'', '"', '\t', '\n':
		if !attr {
			return ""
		}
		switch c {
		case '\'':
			return "&apos;"
		case '"':
			return "&quot;"
		case '\t':
			return "&#x9;"
		}
		return "&#xA;"
	}
	return "\uFFFD"
}
