// SPDX-License-Identifier: GPL-2.0-or-later

package logging

import (
	"fmt"
	"log/slog"
)

// levelTable is immutable.
type levelTable struct {
	all   slog.Level
	parts map[string]slog.Level
}

func newLevelTable(all string, parts map[string]string) (*levelTable, error) {
	t := &levelTable{parts: make(map[string]slog.Level, len(parts))}
	var err error
	if t.all, err = parseLevel(all); err != nil {
		return nil, err
	}
	for part, level := range parts {
		if t.parts[part], err = parseLevel(level); err != nil {
			return nil, fmt.Errorf("level of %s: %w", part, err)
		}
	}
	return t, nil
}

func (t *levelTable) of(part string) slog.Level {
	if level, ok := t.parts[part]; ok {
		return level
	}
	return t.all
}

func parseLevel(s string) (slog.Level, error) {
	switch s {
	case "debug":
		return slog.LevelDebug, nil
	case "info", "":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("%q is not a level: debug, info, warn or error", s)
}
