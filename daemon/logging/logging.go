// SPDX-License-Identifier: GPL-2.0-or-later

// Package logging is where an instance's log lines go: the journal or
// stderr, and a log file beside it, with a level for each part of the
// program. It never fails and never waits: what cannot be written is dropped
// and counted. It knows nothing of what is logged.
package logging

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	slogjournal "github.com/systemd/slog-journal"
)

// Attribute keys with a meaning of their own: in the journal they are the
// fields SPECTRUM2_USER and so on.
const (
	// User is the bare JID of the user whom a line is about.
	User = "user"
	// Backend is the number of the backend.
	Backend = "backend"
	// Instance and Part are on every line; nobody has to give them.
	Instance = "instance"
	Part     = "part"
)

// Options say where lines go.
type Options struct {
	// Level is debug, info, warn or error; "" is info.
	Level string
	// Levels are the parts' own levels.
	Levels map[string]string
	// File is the log file, "" for none.
	File string
	// Journal sends lines to the journal with fields, instead of Stderr.
	Journal bool
	// Stderr takes them otherwise; nil is os.Stderr.
	Stderr io.Writer
	// Instance is the instance's name.
	Instance string
}

// Logging owns the sinks. Loggers from it may be used after Close; they say
// nothing then.
type Logging struct {
	levels   atomic.Pointer[levelTable]
	instance string
	main     *queue // the journal or stderr
	file     *logFile
	fileQ    *queue
	closed   sync.Once
}

// New starts the sinks. Its only error is a level that does not exist: a log
// file that cannot be opened is a warning on the other sink.
func New(o Options) (*Logging, error) {
	table, err := newLevelTable(o.Level, o.Levels)
	if err != nil {
		return nil, err
	}
	l := &Logging{instance: o.Instance}
	l.levels.Store(table)
	l.main = newQueue(mainSink(o))
	l.file = &logFile{path: o.File, trouble: l.fileTrouble}
	l.fileQ = newQueue(l.file)
	l.fileQ.do(func() { l.file.open() })
	return l, nil
}

func mainSink(o Options) sink {
	if o.Journal {
		h, err := slogjournal.NewHandler(&slogjournal.Options{Level: slog.LevelDebug})
		if err == nil {
			return &journalSink{handler: h, instance: o.Instance}
		}
	}
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	return &textSink{w: o.Stderr}
}

// Logger returns the logger of a part: "xmpp", "backend", "session", "store".
// Its level follows SetLevels.
func (l *Logging) Logger(part string) *slog.Logger {
	return slog.New(&handler{log: l, part: part})
}

// SetLevels changes the levels of every logger at once; nothing changes if
// one of them does not exist.
func (l *Logging) SetLevels(level string, levels map[string]string) error {
	table, err := newLevelTable(level, levels)
	if err != nil {
		return err
	}
	l.levels.Store(table)
	return nil
}

// Reopen opens the log file anew, after it was renamed. The old one is closed
// when it returns.
func (l *Logging) Reopen() error { return l.SetFile(l.file.name()) }

// SetFile moves the log file to path, "" for none.
func (l *Logging) SetFile(path string) error {
	result := make(chan error, 1)
	if !l.fileQ.do(func() { result <- l.file.reopen(path) }) {
		return fmt.Errorf("reopen log file %s: it takes no writes", path)
	}
	return <-result
}

// Close writes what waits, as far as that works within two seconds.
func (l *Logging) Close() error {
	l.closed.Do(func() {
		l.fileQ.close()
		l.main.close()
	})
	return nil
}

// fileTrouble tells of the log file where it can still be told.
func (l *Logging) fileTrouble(level slog.Level, text string, attrs ...attr) {
	e := &entry{level: level, part: "logging", message: text, attrs: attrs}
	l.main.put(e.now())
}

// put hands a line to both sinks.
func (l *Logging) put(e *entry) {
	l.main.put(e)
	if l.file.wanted() {
		l.fileQ.put(e)
	}
}

// UnderJournal reports whether this process's stderr is the journal's
// (systemd.exec(5), $JOURNAL_STREAM), so that Options.Journal is right.
func UnderJournal() bool {
	info, err := os.Stderr.Stat()
	return err == nil && os.Getenv("JOURNAL_STREAM") == deviceAndInode(info)
}
