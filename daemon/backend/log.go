// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"spectrum.im/spectrum2/daemon/config"
)

// maxLogLines is how many lines may wait for a reader of standard error. What
// comes beyond it is lost and counted: a backend never waits for its log.
const maxLogLines = 1024

// logWriter hands lines to out in a goroutine of its own.
type logWriter struct {
	lines chan []byte
	done  chan struct{}

	mu     sync.Mutex
	lost   int
	closed bool
}

func newLogWriter(out io.Writer) *logWriter {
	w := &logWriter{lines: make(chan []byte, maxLogLines), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		for line := range w.lines {
			// Nobody is left to tell about a log that cannot be written.
			_, _ = out.Write(line)
		}
	}()
	return w
}

// Write takes one line. It never waits and never fails.
func (w *logWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return len(line), nil
	}
	if w.lost > 0 && len(w.lines) < cap(w.lines)-1 {
		w.lines <- fmt.Appendf(nil, "<4>msg=\"log lines were lost: nobody read them\" lines=%d\n", w.lost)
		w.lost = 0
	}
	select {
	case w.lines <- bytes.Clone(line):
	default:
		w.lost++
	}
	return len(line), nil
}

// close gives the lines that wait a second to be read.
func (w *logWriter) close() {
	w.mu.Lock()
	w.closed = true
	close(w.lines)
	w.mu.Unlock()
	select {
	case <-w.done:
	case <-time.After(time.Second):
	}
}

// logHandler writes records as the main process reads them from a backend's
// standard error: one line each, the level as systemd's prefix
// (sd-daemon(3)), then key=value.
type logHandler struct {
	level slog.Level
	inner slog.Handler // writes into buf, under lock
	lock  *sync.Mutex
	buf   *bytes.Buffer
	out   io.Writer
}

func newLogHandler(out io.Writer, level slog.Level) *logHandler {
	buf := new(bytes.Buffer)
	inner := slog.NewTextHandler(buf, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutLevel})
	return &logHandler{level: level, inner: inner, lock: new(sync.Mutex), buf: buf, out: out}
}

// withoutLevel leaves out what the prefix says already.
func withoutLevel(groups []string, a slog.Attr) slog.Attr {
	if _, is := a.Value.Any().(slog.Level); is && len(groups) == 0 && a.Key == slog.LevelKey {
		return slog.Attr{}
	}
	return a
}

func (h *logHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	h.lock.Lock()
	defer h.lock.Unlock()
	r.Time = time.Time{} // left out: the journal has it
	h.buf.Reset()
	h.buf.WriteString(prefix(r.Level))
	if err := h.inner.Handle(ctx, r); err != nil {
		return err
	}
	_, err := h.out.Write(h.buf.Bytes())
	return err
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.inner = h.inner.WithAttrs(attrs)
	return &with
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	with := *h
	with.inner = h.inner.WithGroup(name)
	return &with
}

// prefix is a level as sd-daemon(3) writes it.
func prefix(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "<3>"
	case l >= slog.LevelWarn:
		return "<4>"
	case l >= slog.LevelInfo:
		return "<6>"
	}
	return "<7>"
}

// levelOf is the configured level of the backends: that of the part
// "backend", else the general one.
func levelOf(c *config.Config) slog.Level {
	name := c.Logging.Levels["backend"]
	if name == "" {
		name = c.Logging.Level
	}
	var l slog.Level
	if err := l.UnmarshalText([]byte(name)); err != nil {
		return slog.LevelInfo
	}
	return l
}
