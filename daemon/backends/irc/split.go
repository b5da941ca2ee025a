// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLines is how many lines one message may become: more is no message but
// a flood that the user did not mean.
const maxLines = 60

// splitText cuts a message into lines of at most limit bytes: first where the
// writer broke them (empty ones are left out), then at spaces, and where a
// word is longer than a line between characters. limit is at least 16.
func splitText(text string, limit int) []string {
	var out []string
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		for line = strings.TrimRight(line, " \t"); line != ""; {
			piece, rest := cut(line, max(limit, 16))
			if piece != "" {
				out = append(out, piece)
			}
			line = rest
		}
	}
	return out
}

// cut takes the longest piece that fits off a line.
func cut(line string, limit int) (piece, rest string) {
	if len(line) <= limit {
		return line, ""
	}
	if at := strings.LastIndexByte(line[:limit+1], ' '); at > 0 {
		return strings.TrimRight(line[:at], " "), strings.TrimLeft(line[at:], " ")
	}
	at := boundary(line, limit)
	return line[:at], line[at:]
}

// boundary is the last place at or before limit that parts neither a UTF-8
// sequence nor a character from the marks that belong to it.
func boundary(line string, limit int) int {
	at := limit
	for at > 0 && !utf8.RuneStart(line[at]) {
		at--
	}
	whole := at
	for at > 0 {
		next, _ := utf8.DecodeRuneInString(line[at:])
		last, size := utf8.DecodeLastRuneInString(line[:at])
		if !joins(next) && last != '\u200d' {
			return at
		}
		at -= size
	}
	if whole == 0 { // not UTF-8 at all
		return limit
	}
	return whole
}

// joins reports whether r belongs to the character before it.
func joins(r rune) bool {
	return r == '\u200d' || unicode.In(r, unicode.Mn, unicode.Me) || r >= 0x1f3fb && r <= 0x1f3ff
}
