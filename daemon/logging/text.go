// SPDX-License-Identifier: GPL-2.0-or-later

package logging

import (
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"syscall"
	"unicode"
)

// textSink writes lines for people. An error is nobody's to tell.
type textSink struct{ w io.Writer }

func (s *textSink) write(e *entry) { _, _ = s.w.Write(e.line()) }

// line is time, level, part, message and attributes, one line whatever they
// hold.
func (e *entry) line() []byte {
	b := make([]byte, 0, 128)
	b = e.time.AppendFormat(b, "2006-01-02T15:04:05.000Z07:00")
	b = fmt.Appendf(b, " %-5s %s: ", levelName(e.level), e.part)
	b = append(b, oneLine(e.message)...)
	b = append(b, e.attrText()...)
	return append(b, '\n')
}

// attrText is " key=value" for each attribute.
func (e *entry) attrText() []byte {
	var b []byte
	for _, a := range e.attrs {
		b = append(append(append(b, ' '), a.key...), '=')
		if plain(a.value) {
			b = append(b, a.value...)
		} else {
			b = strconv.AppendQuote(b, a.value)
		}
	}
	return b
}

func levelName(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "ERROR"
	case l >= slog.LevelWarn:
		return "WARN"
	case l >= slog.LevelInfo:
		return "INFO"
	}
	return "DEBUG"
}

// plain values need no quotes.
func plain(v string) bool {
	return v != "" && !strings.ContainsFunc(v, func(r rune) bool {
		return r == '"' || r == '=' || unicode.IsSpace(r) || !unicode.IsPrint(r)
	})
}

// oneLine keeps a message (a backend's line, say) from faking further lines
// or speaking to the terminal.
func oneLine(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// deviceAndInode is what $JOURNAL_STREAM holds.
func deviceAndInode(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "?"
	}
	return fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}
