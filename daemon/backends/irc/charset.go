// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

// charset converts between a network's bytes and text. IRC names no encoding:
// valid UTF-8 is taken as such, the rest is in the configured charset, or
// else in Latin-1 (its superset Windows-1252, as everybody's client writes).
// The zero value is a network that speaks UTF-8.
type charset struct {
	// other is the configured encoding, nil for UTF-8.
	other encoding.Encoding
}

// newCharset takes the name of [irc.HOST] encoding; "" is UTF-8.
func newCharset(name string) (charset, error) {
	if name == "" || strings.EqualFold(strings.ReplaceAll(name, "-", ""), "utf8") {
		return charset{}, nil
	}
	e, err := htmlindex.Get(name)
	if err != nil {
		return charset{}, fmt.Errorf("find encoding %q: %w", name, err)
	}
	return charset{other: e}, nil
}

// decode gives text for a line from the network; it never fails.
func (c charset) decode(line []byte) string {
	if utf8.Valid(line) {
		return string(line)
	}
	fallback := c.other
	if fallback == nil {
		fallback = charmap.Windows1252
	}
	text, err := fallback.NewDecoder().Bytes(line)
	if err != nil {
		return strings.ToValidUTF8(string(line), "\ufffd")
	}
	return string(text)
}

// bytes gives a line for the network; what the charset lacks becomes "?".
func (c charset) bytes(line string) []byte {
	if c.other == nil {
		return []byte(strings.ToValidUTF8(line, "?"))
	}
	out, err := encoding.ReplaceUnsupported(c.other.NewEncoder()).Bytes([]byte(line))
	if err != nil {
		return []byte(strings.ToValidUTF8(line, "?"))
	}
	for i, b := range out { // what ReplaceUnsupported puts in
		if b == 0x1a {
			out[i] = '?'
		}
	}
	return out
}
