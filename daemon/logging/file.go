// SPDX-License-Identifier: GPL-2.0-or-later

package logging

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// retryAfter is how long a file that could not be opened is left alone.
const retryAfter = time.Minute

// logFile is the log file's sink. Whatever befalls it is told once, to
// trouble, and once more when it is over.
type logFile struct {
	trouble func(level slog.Level, text string, attrs ...attr)

	mu   sync.Mutex // guards path only, which wanted and name read
	path string

	f       *os.File
	tried   time.Time // when opening failed last
	failing bool
	torn    bool // the last line was written in part
	lost    int
}

func (l *logFile) name() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.path
}

func (l *logFile) wanted() bool { return l.name() != "" }

func (l *logFile) write(e *entry) {
	if l.f == nil && (!l.wanted() || e.time.Sub(l.tried) < retryAfter || l.open() != nil) {
		l.lost++
		return
	}
	line := e.line()
	if l.torn {
		line = append([]byte{'\n'}, line...)
	}
	n, err := l.f.Write(line)
	l.torn = err != nil && (n > 0 || l.torn)
	if err != nil {
		l.lost++
		l.failed(err)
		return
	}
	l.recovered()
}

// open opens the file, if there is to be one.
func (l *logFile) open() error {
	path := l.name()
	if path == "" {
		return nil
	}
	_ = os.MkdirAll(filepath.Dir(path), 0o750) // opening says what is wrong
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NONBLOCK, 0o640)
	if err != nil {
		l.tried = time.Now()
		l.failed(err)
		return err
	}
	l.f = f
	return nil
}

// reopen closes the file and opens path.
func (l *logFile) reopen(path string) error {
	l.mu.Lock()
	l.path = path
	l.mu.Unlock()
	if l.f != nil {
		l.f.Close()
		l.f = nil
	}
	l.torn = false
	return l.open()
}

func (l *logFile) failed(err error) {
	if l.failing {
		return
	}
	l.failing = true
	var pe *os.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	l.trouble(slog.LevelWarn, "log file cannot be written; going on without it", attr{"file", l.name()}, attr{"error", err.Error()})
}

func (l *logFile) recovered() {
	if l.failing {
		l.failing = false
		l.trouble(slog.LevelInfo, "log file is written again", attr{"file", l.name()}, attr{"lines_lost", fmt.Sprint(l.lost)})
	}
	l.lost = 0
}
