// SPDX-License-Identifier: GPL-2.0-or-later

package xmpp

import (
	"encoding/xml"
	"strconv"
	"strings"
	"unicode/utf8"
)

// class tells for each byte what it is to the parser.
var class = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= utf8.RuneSelf:
			t[c] = nameByte | look
		case c < 0x20 && c != '\t' && c != '\n':
			t[c] = look
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_':
			t[c] = nameByte | nameStart
		case '0' <= c && c <= '9', c == '-', c == '.':
			t[c] = nameByte
		}
	}
	for _, c := range `<&>'"` {
		t[c] |= look
	}
	return t
}()

const (
	nameByte  = 1 << iota // may stand in a name, as far as one byte can tell
	nameStart             // may begin one
	look                  // ends the quick scan of text and values
)

// name scans the name at the start of s and returns its length, 0 for none.
// The colon is no part of it.
func scanName(s string) int {
	i := 0
	ascii := true
	for i < len(s) && class[s[i]]&nameByte != 0 {
		ascii = ascii && s[i] < utf8.RuneSelf
		i++
	}
	switch {
	case i == 0:
		return 0
	case !ascii && !isWideName(s[:i]):
		return 0
	case ascii && class[s[0]]&nameStart == 0:
		return 0
	}
	return i
}

// isWideName asks encoding/xml, whose tables of letters are not exported.
func isWideName(s string) bool {
	t, err := xml.NewDecoder(strings.NewReader("<" + s + "/>")).RawToken()
	if err != nil {
		return false
	}
	start, ok := t.(xml.StartElement)
	return ok && start.Name.Local == s && start.Name.Space == ""
}

// scanChars scans character data at the start of s up to end, which is '<' for
// text and the quote for a value. plain means that the data stands for itself.
func scanChars(s string, end byte) (n int, plain bool, err *fault) {
	plain = true
	for n < len(s) {
		c := s[n]
		if class[c]&look == 0 {
			n++
			continue
		}
		switch {
		case c == end:
			return n, plain, nil
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(s[n:])
			if (r == utf8.RuneError && size == 1) || !isChar(r) {
				return n, false, malformed("invalid character")
			}
			n += size
			continue
		case c == '&', c == '\r':
			plain = false
		case c == '<':
			return n, false, malformed("< inside a value")
		case c == '>':
			if end == '<' && n >= 2 && s[n-1] == ']' && s[n-2] == ']' {
				return n, false, malformed("]]> in text")
			}
		case c < 0x20:
			return n, false, malformed("control character")
		}
		n++
	}
	return n, false, malformed("unexpected end")
}

// isChar is Char of XML 1.0 §2.2.
func isChar(r rune) bool {
	return r >= 0x20 && r <= 0xD7FF || r == '\t' || r == '\n' || r == '\r' ||
		r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

// unescape replaces references and the ends of lines (XML 1.0 §2.11) in what
// scanChars has seen.
func unescape(s string) (string, *fault) {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case '\r':
			b = append(b, '\n')
			i++
			if i < len(s) && s[i] == '\n' {
				i++
			}
		case '&':
			end := strings.IndexByte(s[i:], ';')
			r, ok := rune(0), false
			if end > 0 {
				r, ok = reference(s[i+1 : i+end])
			}
			if !ok {
				return "", malformed("unknown entity or invalid character reference")
			}
			b = utf8.AppendRune(b, r)
			i += end + 1
		default:
			b = append(b, c)
			i++
		}
	}
	return string(b), nil
}

// reference is what stands between & and ;.
func reference(name string) (rune, bool) {
	switch name {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "apos":
		return '\'', true
	case "quot":
		return '"', true
	}
	digits, ok := strings.CutPrefix(name, "#")
	base := 10
	if hex, isHex := strings.CutPrefix(digits, "x"); isHex {
		digits, base = hex, 16
	}
	if !ok || digits == "" || !isAlphanumeric(digits) {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > utf8.MaxRune || !isChar(rune(n)) {
		return 0, false
	}
	return rune(n), true
}

// isAlphanumeric keeps ParseUint's signs and underscores out.
func isAlphanumeric(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}
