// SPDX-License-Identifier: GPL-2.0-or-later

package logging

import (
	"context"
	"log/slog"
	"strings"
)

// fieldPrefix keeps attributes from the journal's own fields (MESSAGE,
// PRIORITY, UNIT) and marks whose they are.
const fieldPrefix = "SPECTRUM2_"

// journalSink sends lines natively. The message carries the attributes too,
// as journalctl shows nothing else.
type journalSink struct {
	handler  slog.Handler
	instance string
}

func (s *journalSink) write(e *entry) {
	r := slog.NewRecord(e.time, journalLevel(e.level), e.part+": "+e.message+string(e.attrText()), e.pc)
	r.AddAttrs(slog.String(fieldPrefix+"INSTANCE", s.instance), slog.String(fieldPrefix+"PART", e.part))
	for _, a := range e.attrs {
		r.AddAttrs(slog.String(fieldName(a.key), a.value))
	}
	// Handle waits for journald at worst, and its error is nobody's to tell.
	_ = s.handler.Handle(context.Background(), r)
}

// journalLevel is the nearest level that has a priority there.
func journalLevel(l slog.Level) slog.Level {
	switch {
	case l >= slog.LevelError:
		return slog.LevelError
	case l >= slog.LevelWarn:
		return slog.LevelWarn
	case l >= slog.LevelInfo:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// fieldName makes ^[A-Z_][A-Z0-9_]*$ of an attribute's key, at most 64 long.
func fieldName(key string) string {
	name := fieldPrefix + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, key)
	return name[:min(len(name), 64)]
}
