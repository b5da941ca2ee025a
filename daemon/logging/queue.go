// SPDX-License-Identifier: GPL-2.0-or-later

package logging

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

const (
	// queueLines bounds the lines that wait for a sink.
	queueLines = 4096
	// patience is how long somebody waits for a sink who has to.
	patience = 2 * time.Second
)

// sink writes lines. It is used by its queue's goroutine only.
type sink interface{ write(e *entry) }

// queue is what keeps a sink that hangs from anybody else: its goroutine is
// the only one that waits for it.
type queue struct {
	lines   chan *entry
	calls   chan func()
	stop    chan struct{}
	done    chan struct{}
	dropped atomic.Int64
}

func newQueue(s sink) *queue {
	q := &queue{
		lines: make(chan *entry, queueLines),
		calls: make(chan func()),
		stop:  make(chan struct{}),
		done:  make(chan struct{}),
	}
	go q.run(s)
	return q
}

// put never waits: a line too many is dropped and counted.
func (q *queue) put(e *entry) {
	select {
	case <-q.stop:
	case q.lines <- e:
	default:
		q.dropped.Add(1)
	}
}

// do has f called between two lines, and waits until it was; it reports
// whether that happened in time.
func (q *queue) do(f func()) bool {
	finished := make(chan struct{})
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case q.calls <- func() { f(); close(finished) }:
	case <-q.done:
		return false
	case <-timeout.C:
		return false
	}
	select {
	case <-finished:
		return true
	case <-timeout.C:
		return false
	}
}

func (q *queue) close() {
	close(q.stop)
	select {
	case <-q.done:
	case <-time.After(patience):
	}
}

func (q *queue) run(s sink) {
	defer close(q.done)
	for {
		select {
		case e := <-q.lines:
			q.write(s, e)
		case f := <-q.calls:
			q.drain(s)
			f()
		case <-q.stop:
			q.drain(s)
			return
		}
	}
}

// drain writes what waits now.
func (q *queue) drain(s sink) {
	for range len(q.lines) {
		q.write(s, <-q.lines)
	}
}

func (q *queue) write(s sink, e *entry) {
	if n := q.dropped.Swap(0); n > 0 {
		lost := &entry{level: slog.LevelWarn, part: "logging", message: "log lines dropped: they came faster than they could be written"}
		lost.attrs = []attr{{"lines", fmt.Sprint(n)}}
		s.write(lost.now())
	}
	s.write(e)
}
