// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
)

// maxBackendAttrs is how many attributes of a backend's line are told apart.
const maxBackendAttrs = 20

// backendLine logs what a backend wrote. The SDK's lines (msg=… key=value …)
// become a message and attributes, so that the journal has a user's lines of
// his backend too; any other line is logged as it is.
func backendLine(log *slog.Logger) func(backend int, level slog.Level, line string) {
	return func(backend int, level slog.Level, line string) {
		message, attrs, ok := splitLine(line)
		if !ok {
			message, attrs = line, nil
		}
		log.LogAttrs(context.Background(), level, message, append(attrs, slog.Int("backend", backend))...)
	}
}

// splitLine is the counterpart of slog's TextHandler. What the main process
// says of a line itself is not a backend's to say.
func splitLine(line string) (message string, attrs []slog.Attr, ok bool) {
	message, rest, ok := nextValue(strings.TrimPrefix(line, "msg="))
	if !ok || !strings.HasPrefix(line, "msg=") {
		return "", nil, false
	}
	for rest != "" {
		key, after, found := strings.Cut(rest, "=")
		value, next, ok := nextValue(after)
		if !found || !ok || !attrKey(key) || len(attrs) == maxBackendAttrs {
			return "", nil, false
		}
		rest = next
		switch key {
		case "backend", "instance", "part":
		default:
			attrs = append(attrs, slog.String(key, value))
		}
	}
	return message, attrs, true
}

// nextValue takes a value, quoted or up to the next blank, from the beginning
// of s.
func nextValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, " ")
		return value, rest, !strings.Contains(value, `"`)
	}
	quoted, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", "", false
	}
	value, err = strconv.Unquote(quoted)
	rest, found := strings.CutPrefix(s[len(quoted):], " ")
	return value, rest, err == nil && (found || rest == "")
}

func attrKey(key string) bool {
	return key != "" && len(key) <= 32 && !strings.ContainsFunc(key, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '.'
	})
}
