// SPDX-License-Identifier: GPL-2.0-or-later

package logging

import (
	"context"
	"log/slog"
	"slices"
	"time"
)

// entry is a line on its way to the sinks; it refers to nothing that its
// author may still change.
type entry struct {
	time    time.Time
	level   slog.Level
	part    string
	message string
	attrs   []attr
	pc      uintptr
}

// attr is a resolved attribute; the key has its groups before it, with dots.
type attr struct{ key, value string }

func (e *entry) now() *entry {
	e.time = time.Now()
	return e
}

// handler is the front of a part's loggers.
type handler struct {
	log    *Logging
	part   string
	prefix string // the open groups
	attrs  []attr
}

func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.log.levels.Load().of(h.part)
}

// Handle resolves everything here and now: the sinks run later.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	e := &entry{time: r.Time, level: r.Level, part: h.part, message: r.Message, pc: r.PC}
	e.attrs = make([]attr, len(h.attrs), len(h.attrs)+r.NumAttrs())
	copy(e.attrs, h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		e.attrs = appendAttr(e.attrs, h.prefix, a)
		return true
	})
	h.log.put(e)
	return nil
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.attrs = slices.Clip(c.attrs)
	for _, a := range attrs {
		c.attrs = appendAttr(c.attrs, c.prefix, a)
	}
	return &c
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.prefix += name + "."
	return &c
}

func appendAttr(attrs []attr, prefix string, a slog.Attr) []attr {
	v := a.Value.Resolve()
	if a.Key == "" && v.Kind() != slog.KindGroup {
		return attrs
	}
	if v.Kind() != slog.KindGroup {
		return append(attrs, attr{prefix + a.Key, v.String()})
	}
	if a.Key != "" {
		prefix += a.Key + "."
	}
	for _, member := range v.Group() {
		attrs = appendAttr(attrs, prefix, member)
	}
	return attrs
}
