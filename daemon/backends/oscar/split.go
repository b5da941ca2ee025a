// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"unicode"
	"unicode/utf8"
)

// cut is text of at most n bytes, without half a character at its end.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// split cuts text into pieces whose cost is at most limit: at the last line's
// or word's end in their second half, or else between characters. cost is that
// of one rune.
func split(text string, limit int, cost func(rune) int) []string {
	var pieces []string
	for text != "" {
		at, next := cutAt(text, limit, cost)
		pieces = append(pieces, text[:at])
		text = text[next:]
	}
	return pieces
}

// cutAt says where the first piece of text ends and the next begins: a space or
// line break between them belongs to neither.
func cutAt(text string, limit int, cost func(rune) int) (at, next int) {
	used, space, boundary := 0, 0, 0
	var last rune
	for i, r := range text {
		if i > 0 && !joins(last, r) {
			boundary = i
		}
		if used += cost(r); used > limit && i > 0 {
			return choose(text, i, space, boundary)
		}
		if (r == ' ' || r == '\n') && i > 0 {
			space = i
		}
		last = r
	}
	return len(text), len(text)
}

func choose(text string, i, space, boundary int) (at, next int) {
	switch {
	case space > i/2:
		return space, space + 1
	case boundary > 0:
		return boundary, boundary
	}
	return i, i
}

// joins reports whether r belongs to the character that last is of.
func joins(last, r rune) bool {
	const zwj = '\u200d'
	return last == zwj || r == zwj || unicode.In(r, unicode.Mn, unicode.Me, unicode.Variation_Selector) ||
		r >= 0x1f3fb && r <= 0x1f3ff || isFlag(last) && isFlag(r)
}

// isFlag: the two halves of a flag are kept together, and so, in a row of
// flags, are all: that does no harm.
func isFlag(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }
