// SPDX-License-Identifier: GPL-2.0-or-later

package config

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// item is one "key = value" with the place where it was found.
type item struct {
	section, name string // as written
	value         string
	line          int  // 0: an argument
	cut           bool // a # followed the value without a space
}

// full is the key's identity: lower-case, section and name joined, so that
// "[logging] level.xmpp" and "[logging.level] xmpp" are the same key.
func (i item) full() string { return strings.ToLower(joinKey(i.section, i.name)) }

func joinKey(section, name string) string {
	if section == "" {
		return name
	}
	return section + "." + name
}

// scan reads the notation of existing files in one pass: "[section]" and
// "key = value" lines; '#' begins a comment wherever it stands, ';' at the
// start of a line only; no quoting, no continuation lines. Problems carry
// Line, Text and Instead. It never repeats a line's content: there may be a
// secret in it.
func scan(text string) (items []item, problems []Problem) {
	bad := func(line int, text, instead string) {
		problems = append(problems, Problem{Line: line, Text: text, Instead: instead})
	}
	text = strings.TrimPrefix(text, "\ufeff")
	section, n := "", 0
	for raw := range strings.SplitSeq(text, "\n") {
		n++
		line := cleanLine(raw)
		if line == "" {
			continue
		}
		if why := unprintable(line); why != "" {
			bad(n, why, "the file in UTF-8")
			continue
		}
		if line[0] == '[' {
			name := strings.TrimSpace(strings.TrimSuffix(line[1:], "]"))
			if name == "" || line[len(line)-1] != ']' {
				bad(n, "not a section's name in brackets", "[service], for example, alone on its line")
				name = brokenSection
			}
			section = name
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		switch {
		case !ok:
			bad(n, "neither a section nor a key with a value", "key = value, or # before a comment")
		case name == "":
			bad(n, "a value without a key", "key = value")
		case section == "" && !dotted(name):
			bad(n, "a key outside of every section", "[service], or the section it belongs to, above it")
		case section == brokenSection:
			// Whatever it says, it would be said of the wrong section.
		default:
			items = append(items, item{section, name, strings.TrimSpace(value), n, cutShort(raw)})
		}
	}
	return items, problems
}

// brokenSection is where scan is after a header that it cannot read; no
// header can name it.
const brokenSection = "\x00"

// dotted reports whether a name has its section before it.
func dotted(name string) bool {
	parts := strings.Split(name, ".")
	for _, p := range parts {
		if p == "" || p != strings.TrimSpace(p) {
			return false
		}
	}
	return len(parts) > 1
}

// cleanLine is the line without comment and surrounding space, "" if nothing
// is left.
func cleanLine(raw string) string {
	raw, _, _ = strings.Cut(raw, "#")
	raw = strings.TrimSpace(raw)
	if strings.HasPrefix(raw, ";") {
		return ""
	}
	return raw
}

// cutShort reports whether the comment follows the value without a space, as
// a # that was meant to be part of it would.
func cutShort(raw string) bool {
	i := strings.IndexByte(raw, '#')
	return i > 0 && raw[i-1] != ' ' && raw[i-1] != '\t'
}

// unprintable says what makes a line unfit for XML, logs and terminals.
func unprintable(line string) string {
	if !utf8.ValidString(line) {
		return "not in UTF-8"
	}
	for _, r := range line {
		if unicode.IsControl(r) && r != '\t' {
			return "has a control character"
		}
	}
	return ""
}
