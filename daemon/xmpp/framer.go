// SPDX-License-Identifier: GPL-2.0-or-later

package xmpp

import "bytes"

// framer finds the end of an element in bytes that come piecemeal, and counts
// what the parser will need. It looks at each byte once and keeps none, so
// that it can also skip what is too large. It sees only that each tag is
// closed by its like; the parser sees everything else.
type framer struct {
	state framerState
	quote byte // that ends the attribute's value
	slash bool // the last byte of the tag was a slash
	match int  // bytes of "[CDATA[" or "]]>" seen

	// Names of the open elements, as hashes, down to what may be nested. A
	// collision only means that the parser sees the mistake instead.
	open [maxTracked]uint32
	name uint32

	depth, deepest            int
	elements, attrs, textRuns int
}

type framerState uint8

const (
	inText framerState = iota
	afterLess
	inName
	inTag
	inQuote
	inEndTag
	afterEndName
	inBang
	inCDATA
)

const cdataStart = "[CDATA["

// maxTracked is how deep end tags are compared with their start tags before
// the parser does it.
const maxTracked = 64

// scan consumes b up to the element's end or b's. The first byte of the first
// call must be the '<' of the start tag.
func (f *framer) scan(b []byte) (n int, done bool, err *fault) {
	for n < len(b) {
		switch f.state {
		case inText:
			i := bytes.IndexByte(b[n:], '<')
			if i != 0 {
				f.textRuns++
			}
			if i < 0 {
				return len(b), false, nil
			}
			n += i + 1
			f.state = afterLess
		case afterLess:
			if err := f.less(b[n]); err != nil {
				return n, false, err
			}
			if n++; f.state == inName {
				n-- // the name begins here
			}
		case inName:
			n += f.scanName(b[n:], inTag)
		case inTag:
			i, err := f.tag(b[n:])
			if err != nil {
				return n, false, err
			}
			n += i
			if f.depth == 0 && f.state == inText {
				return n, true, nil
			}
		case inQuote:
			i := bytes.IndexByte(b[n:], f.quote)
			if i < 0 {
				return len(b), false, nil
			}
			n += i + 1
			f.state = inTag
		case inEndTag:
			n += f.scanName(b[n:], afterEndName)
		case afterEndName:
			if c := b[n]; c != '>' && !isSpace(c) {
				return n, false, mismatch
			} else if n++; c != '>' {
				continue
			}
			if f.depth--; f.depth < maxTracked && f.open[f.depth] != f.name {
				return n, false, mismatch
			}
			if f.state = inText; f.depth == 0 {
				return n, true, nil
			}
		case inBang:
			if b[n] != cdataStart[f.match] {
				return n, false, restricted
			}
			n++
			if f.match++; f.match == len(cdataStart) {
				f.state, f.match = inCDATA, 0
				f.textRuns++
			}
		case inCDATA:
			n += f.cdata(b[n:])
		}
	}
	return n, false, nil
}

var mismatch = malformed("end tag does not match its start tag")

var restricted = &fault{condition: RestrictedXML, text: "comments, processing instructions and document types are not allowed"}

// less takes the byte after '<'.
func (f *framer) less(c byte) *fault {
	switch c {
	case '/':
		if f.depth == 0 {
			return malformed("end tag without start tag")
		}
		f.state, f.name = inEndTag, 0
	case '!':
		if f.depth == 0 {
			return restricted
		}
		f.state, f.match = inBang, 0
	case '?':
		return restricted
	case '<', '>', '=', '"', '\'', '&', ' ', '\t', '\r', '\n':
		return malformed("no name after <")
	default:
		f.state, f.slash, f.name = inName, false, 0
		f.elements++
	}
	return nil
}

// scanName hashes a name up to what ends it, where state is then.
func (f *framer) scanName(b []byte, state framerState) int {
	name := f.name
	for i, c := range b {
		if c == '>' || c == '/' || c == '<' || isSpace(c) {
			f.state, f.name = state, name
			return i
		}
		name = (name ^ uint32(c)) * 16777619 // FNV-1a
	}
	f.name = name
	return len(b)
}

// tag scans a start tag up to its end or the beginning of a value.
func (f *framer) tag(b []byte) (int, *fault) {
	for i, c := range b {
		switch c {
		case '>':
			if !f.slash {
				if f.depth < maxTracked {
					f.open[f.depth] = f.name
				}
				f.depth++
			}
			f.deepest = max(f.deepest, f.depth+btoi(f.slash))
			f.state = inText
			return i + 1, nil
		case '"', '\'':
			f.state, f.quote, f.slash = inQuote, c, false
			f.attrs++
			return i + 1, nil
		case '<':
			return 0, malformed("< inside a tag")
		case '/':
			if f.slash {
				return 0, malformed("slash inside a tag")
			}
			f.slash = true
			continue
		}
		if f.slash {
			return 0, malformed("slash inside a tag")
		}
	}
	return len(b), nil
}

// cdata scans for "]]>", counting the brackets that have come in match.
func (f *framer) cdata(b []byte) int {
	for i, c := range b {
		switch {
		case c == ']':
			f.match = min(f.match+1, 2)
		case c == '>' && f.match == 2:
			f.state, f.match = inText, 0
			return i + 1
		default:
			f.match = 0
		}
	}
	return len(b)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
