// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

// charset is how texts of eight bits are encoded by clients that do not say
// it. The zero value is that of the old Western clients.
type charset struct{ enc encoding.Encoding }

// newCharset finds a character set by its name; libpurple's defaults are the
// zero value.
func newCharset(name string) (charset, error) {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "", "latin1", "iso-8859-1", "iso8859-1", "ascii":
		return charset{}, nil
	}
	enc, err := htmlindex.Get(name)
	if err != nil {
		return charset{}, fmt.Errorf("%q is no known character set", name)
	}
	return charset{enc}, nil
}

// configured reports whether the administrator chose a character set.
func (c charset) configured() bool { return c.enc != nil }

// encoding is the one chosen, or Windows' superset of ISO 8859-1.
func (c charset) encoding() encoding.Encoding {
	if c.enc == nil {
		return charmap.Windows1252
	}
	return c.enc
}

// decode reads text of unknown encoding: UTF-8 where it is that, for no other
// encoding's text looks so by chance.
func (c charset) decode(b []byte) string {
	if utf8.Valid(b) {
		return validText(string(b))
	}
	out, err := c.encoding().NewDecoder().Bytes(b)
	if err != nil {
		return validText(string(b))
	}
	return validText(string(out))
}

// encode writes text; false where something cannot be said.
func (c charset) encode(text string) ([]byte, bool) {
	b, err := c.encoding().NewEncoder().Bytes([]byte(text))
	return b, err == nil
}

// validText is text without what no XML may hold: control characters, and what
// is no UTF-8.
func validText(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < 0x20 || r == 0x7f || r == 0xfffe || r == 0xffff:
			return -1
		}
		return r
	}, strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), "\uFFFD"))
}

// decodeUTF16 reads big-endian UTF-16. Half a surrogate pair and half a
// character become U+FFFD.
func decodeUTF16(b []byte) string {
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		units = append(units, binary.BigEndian.Uint16(b))
	}
	runes := utf16.Decode(units)
	if len(runes) > 0 && runes[0] == '\uFEFF' {
		runes = runes[1:]
	}
	return validText(string(runes))
}

func encodeUTF16(text string) []byte {
	b := make([]byte, 0, 2*len(text))
	for _, r := range text {
		if r1, r2 := utf16.EncodeRune(r); r1 != utf8.RuneError {
			b = binary.BigEndian.AppendUint16(b, uint16(r1))
			b = binary.BigEndian.AppendUint16(b, uint16(r2))
			continue
		}
		b = binary.BigEndian.AppendUint16(b, uint16(r))
	}
	return b
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] > 0x7e {
			return false
		}
	}
	return true
}
