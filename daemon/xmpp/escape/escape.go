// SPDX-License-Identifier: GPL-2.0-or-later

// Package escape puts names of legacy networks into localparts of JIDs and
// takes them out again: JID escaping (XEP-0106) and Spectrum's older % form.
// It knows nothing of what a localpart may hold besides; xmpp.ParseJID does.
package escape

import "strings"

// code is what stands behind the backslash for c, "" if c needs no escape.
func code(c byte) string {
	switch c {
	case ' ':
		return "20"
	case '"':
		return "22"
	case '&':
		return "26"
	case '\'':
		return "27"
	case '/':
		return "2f"
	case ':':
		return "3a"
	case '<':
		return "3c"
	case '>':
		return "3e"
	case '@':
		return "40"
	case '\\':
		return "5c"
	}
	return ""
}

// char is the character of the escape at the start of s. Localparts are case
// mapped, so that the digits' case means nothing.
func char(s string) (byte, bool) {
	if len(s) < 3 || s[0] != '\\' {
		return 0, false
	}
	c := hex(s[1])<<4 | hex(s[2])
	if hex(s[1]) > 15 || hex(s[2]) > 15 || code(c) == "" {
		return 0, false
	}
	return c, true
}

// hex is a digit's value, 16 for what is none.
func hex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 16
}

// Escape makes a name a localpart. Unescape gives it back, whatever it is.
func Escape(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		esc := code(c)
		if c == '\\' {
			// It stands for itself where no escape could be read.
			if _, ok := char(name[i:]); !ok {
				esc = ""
			}
		}
		if esc == "" {
			b.WriteByte(c)
		} else {
			b.WriteByte('\\')
			b.WriteString(esc)
		}
	}
	return b.String()
}

// Unescape makes a localpart a name.
func Unescape(local string) string {
	if strings.IndexByte(local, '\\') < 0 {
		return local
	}
	var b strings.Builder
	for i := 0; i < len(local); i++ {
		if c, ok := char(local[i:]); ok {
			b.WriteByte(c)
			i += 2
		} else {
			b.WriteByte(local[i])
		}
	}
	return b.String()
}

// IsEscaped reports whether local contains an escape.
func IsEscaped(local string) bool {
	for i := strings.IndexByte(local, '\\'); i >= 0 && i < len(local); i++ {
		if _, ok := char(local[i:]); ok {
			return true
		}
	}
	return false
}

// Percent is the older form: the last @ becomes %.
func Percent(name string) string { return replaceLast(name, '@', '%') }

// FromPercent makes the last % an @.
func FromPercent(local string) string { return replaceLast(local, '%', '@') }

// Name reads a localpart in either form, as it comes from clients: the % form
// is only looked for where there is no escape.
func Name(local string) string {
	if IsEscaped(local) {
		return Unescape(local)
	}
	return FromPercent(local)
}

func replaceLast(s string, from, to byte) string {
	i := strings.LastIndexByte(s, from)
	if i < 0 {
		return s
	}
	return s[:i] + string(to) + s[i+1:]
}
