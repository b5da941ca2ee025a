// SPDX-License-Identifier: GPL-2.0-or-later

package config

import (
	"fmt"
	"strings"
)

// IsSecret reports whether the key's value is a secret, wherever it comes
// from: the known ones, and those of backends that have such a name.
func IsSecret(full string) bool {
	if k := byName[full]; k != nil {
		return k.Secret
	}
	return strings.Contains(full, ".") && secretName.MatchString(full[strings.LastIndexByte(full, '.')+1:])
}

// Secrets returns the keys of a file that are secrets, with where their values
// stand ($credential:NAME, $file:PATH): "" is in the file itself.
func Secrets(text string) map[string]string {
	items, _ := scan(text)
	out := map[string]string{}
	for _, it := range items {
		switch key := canonical(it.full()); {
		case isReference(it.value):
			out[key] = it.value
		case IsSecret(key) && it.value != "":
			out[key] = ""
		}
	}
	return out
}

// ValueOf is the key's value as it stands in the text of a file, "" if it has
// none. It may be a secret.
func ValueOf(text, full string) string {
	it, _ := find(text, full)
	return it.value
}

// SetValue writes the key's value into the text of a file and leaves every
// other byte as it is. A key that is not there goes below its section's name.
func SetValue(text, full, value string) (string, error) {
	it, n := find(text, full)
	switch {
	case n > 1:
		return "", fmt.Errorf("%s stands in the file %d times", full, n)
	case n == 0:
		return addValue(text, full, value), nil
	}
	lines := strings.SplitAfter(text, "\n")
	name, rest, _ := strings.Cut(lines[it.line-1], "=")
	old, comment, commented := strings.Cut(rest, "#")
	if commented {
		comment = "#" + comment
	}
	content := strings.TrimSpace(old)
	before, after := old, ""
	if content != "" {
		before, after, _ = strings.Cut(old, content)
	} else {
		before = strings.TrimRight(old, "\r\n")
		after = old[len(before):]
		if before == "" {
			before = " "
		}
	}
	if commented && after == "" {
		after = " "
	}
	lines[it.line-1] = name + "=" + before + value + after + comment
	return strings.Join(lines, ""), nil
}

// RemoveKey takes the key's lines out of the text of a file, if it is there.
func RemoveKey(text, full string) string {
	gone := map[int]bool{}
	items, _ := scan(text)
	for _, it := range items {
		if canonical(it.full()) == full {
			gone[it.line] = true
		}
	}
	var b strings.Builder
	n := 0
	for line := range strings.Lines(text) {
		if n++; !gone[n] {
			b.WriteString(line)
		}
	}
	return b.String()
}

// GoodInstanceName is the name nearest to the given one that an instance may
// have.
func GoodInstanceName(name string) string { return goodName(name) }

func find(text, full string) (found item, n int) {
	items, _ := scan(text)
	for _, it := range items {
		if canonical(it.full()) == full {
			found = it
			n++
		}
	}
	return found, n
}

// addValue adds a line for a key that is not there.
func addValue(text, full, value string) string {
	section, name := full[:strings.LastIndexByte(full, '.')], full[strings.LastIndexByte(full, '.')+1:]
	if k := byName[full]; k != nil {
		section, name = k.Section, k.Name
	}
	added := name + " = " + value + "\n"
	lines := strings.SplitAfter(text, "\n")
	for i, raw := range lines {
		header := cleanLine(strings.TrimPrefix(raw, "\ufeff"))
		if len(header) < 2 || header[0] != '[' || !strings.EqualFold(strings.TrimSpace(header[1:len(header)-1]), section) {
			continue
		}
		if !strings.HasSuffix(raw, "\n") {
			raw += "\n"
		}
		lines[i] = raw + added
		return strings.Join(lines, "")
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + "[" + section + "]\n" + added
}
