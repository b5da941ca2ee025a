// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"encoding/xml"
	"strings"
	"unicode/utf8"
)

// style is how a piece of text looks (mIRC's control characters).
type style struct {
	bold, italic, underline, strike, mono bool
	color, background                     string
}

// palette is mIRC's sixteen colours.
var palette = [...]string{
	"#ffffff", "#000000", "#00007f", "#009300", "#ff0000", "#7f0000", "#9c009c", "#fc7f00",
	"#ffff00", "#00fc00", "#009393", "#00ffff", "#0000fc", "#ff00ff", "#7f7f7f", "#d2d2d2",
}

// plain is a text without formats, fit for XML.
func plain(text string) string {
	var b strings.Builder
	format(text, func(piece string, _ style) { b.WriteString(piece) })
	return b.String()
}

// xhtml is the text with its formats as XHTML-IM (XEP-0071), "" where it has
// none.
func xhtml(text string) string {
	if !strings.ContainsAny(text, "\x02\x1d\x1f\x1e\x11\x03\x04") {
		return ""
	}
	var b strings.Builder
	styled := false
	format(text, func(piece string, s style) {
		css := s.css()
		if css == "" {
			xml.EscapeText(&b, []byte(piece))
			return
		}
		styled = true
		b.WriteString(`<span style="` + css + `">`)
		xml.EscapeText(&b, []byte(piece))
		b.WriteString("</span>")
	})
	if !styled {
		return ""
	}
	return b.String()
}

func (s style) css() string {
	var out []string
	add := func(on bool, rule string) {
		if on {
			out = append(out, rule)
		}
	}
	add(s.bold, "font-weight: bold")
	add(s.italic, "font-style: italic")
	add(s.underline && !s.strike, "text-decoration: underline")
	add(s.strike, "text-decoration: line-through")
	add(s.mono, "font-family: monospace")
	add(s.color != "", "color: "+s.color)
	add(s.background != "", "background-color: "+s.background)
	return strings.Join(out, "; ")
}

// format gives the pieces of a text with their styles, in order. What is not
// allowed in XML is left out.
func format(text string, emit func(piece string, s style)) {
	var s style
	var piece strings.Builder
	flush := func() {
		if piece.Len() > 0 {
			emit(piece.String(), s)
			piece.Reset()
		}
	}
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		if next, rest, ok := s.control(r, text); ok {
			flush()
			s, text = next, rest
		} else if printable(r, size) {
			piece.WriteRune(r)
		}
	}
	flush()
}

// printable reports whether XML may carry the rune (XML 1.0 §2.2).
func printable(r rune, size int) bool {
	switch {
	case r == utf8.RuneError && size <= 1, r == 0xfffe, r == 0xffff, r == 0x7f:
		return false
	}
	return r >= 0x20 || r == '\t' || r == '\n'
}

// control applies a control character; rest is what follows its arguments.
func (s style) control(r rune, text string) (next style, rest string, ok bool) {
	switch r {
	case 0x02:
		s.bold = !s.bold
	case 0x1d:
		s.italic = !s.italic
	case 0x1f:
		s.underline = !s.underline
	case 0x1e:
		s.strike = !s.strike
	case 0x11:
		s.mono = !s.mono
	case 0x16:
		s.color, s.background = s.background, s.color
	case 0x0f:
		s = style{}
	case 0x03:
		return s.colors(text, digits, colorOf)
	case 0x04:
		return s.colors(text, hexDigits, func(h string) string { return "#" + h })
	default:
		return s, text, false
	}
	return s, text, true
}

// colors reads "fg[,bg]" with the given reader of one colour.
func (s style) colors(text string, read func(string) string, color func(string) string) (style, string, bool) {
	fg := read(text)
	if fg == "" {
		s.color, s.background = "", ""
		return s, text, true
	}
	text = text[len(fg):]
	s.color = color(fg)
	if strings.HasPrefix(text, ",") {
		if bg := read(text[1:]); bg != "" {
			s.background = color(bg)
			text = text[1+len(bg):]
		}
	}
	return s, text, true
}

func digits(text string) string {
	n := 0
	for n < 2 && n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return text[:n]
}

func hexDigits(text string) string {
	if len(text) < 6 || strings.Trim(text[:6], "0123456789abcdefABCDEF") != "" {
		return ""
	}
	return text[:6]
}

func colorOf(number string) string {
	n := 0
	for _, d := range number {
		n = n*10 + int(d-'0')
	}
	if n < len(palette) {
		return palette[n]
	}
	return ""
}
