// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// maxLine is the longest line of a backend that is logged whole.
	maxLine = 4 << 10
	// outputRate and outputBurst are how many lines a backend may log in a
	// second, and at once: enough for the stack of a Go program.
	outputRate, outputBurst = 200, 8000
	// droppedEvery is how often the number of lost lines is told.
	droppedEvery = 10 * time.Second
)

// output reads what a backend writes and logs it line by line. It reads as
// fast as the backend writes, whatever becomes of the lines: a log that blocks
// must not block a backend.
type output struct {
	r     *os.File
	log   func(level slog.Level, line string)
	limit *rate.Limiter
	// done is closed when everything was read and logged.
	done chan struct{}
	// wake tells logAll that there are lines.
	wake chan struct{}

	mu      sync.Mutex
	waiting []outputLine
	dropped int
	last    string
	telling bool // last is how a Go program died: what follows is its stack
	ended   bool
}

type outputLine struct {
	level slog.Level
	text  string
}

// newOutput makes the pipe; w is the backend's end, which the caller closes
// after the start. start has to be called.
func newOutput(log func(level slog.Level, line string)) (o *output, w *os.File, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("make pipe for a backend's output: %w", err)
	}
	o = &output{
		r: r, log: log, limit: rate.NewLimiter(outputRate, outputBurst),
		done: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	return o, w, nil
}

// start reads and logs until all writing ends are closed, or close is called:
// done tells when.
func (o *output) start() {
	go o.readAll()
	go o.logAll()
}

// close ends reading even if somebody still has the pipe open.
func (o *output) close() { o.r.Close() } //nolint:errcheck // only read from

// readAll splits the output into lines.
func (o *output) readAll() {
	defer o.r.Close() //nolint:errcheck // only read from
	br := bufio.NewReaderSize(o.r, maxLine)
	for {
		line, err := readLine(br)
		o.add(line, err != nil)
		if err != nil {
			return
		}
	}
}

// add queues a line for the log if there is room for it.
func (o *output) add(line string, ended bool) {
	level, text := levelOf(line)
	text = strings.TrimRight(strings.ToValidUTF8(text, "\uFFFD"), " \t\r")
	o.mu.Lock()
	o.ended = ended
	switch {
	case text == "":
	case len(o.waiting) < outputBurst && o.limit.Allow():
		o.waiting = append(o.waiting, outputLine{level, text})
	default:
		o.dropped++
	}
	if text != "" && !o.telling {
		o.last = text
		o.telling = strings.HasPrefix(text, "panic: ") || strings.HasPrefix(text, "fatal error: ")
	}
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// logAll logs what readAll found.
func (o *output) logAll() {
	defer close(o.done)
	var told time.Time
	for range o.wake {
		lines, dropped, ended := o.take(time.Since(told) > droppedEvery)
		for _, l := range lines {
			o.log(l.level, l.text)
		}
		if dropped > 0 {
			o.log(slog.LevelWarn, fmt.Sprintf("%d lines of this backend's output were dropped: it writes too much", dropped))
			told = time.Now()
		}
		if ended {
			return
		}
	}
}

// take gives what waits for the log, and the number of dropped lines if it is
// time to tell it.
func (o *output) take(tell bool) (lines []outputLine, dropped int, ended bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines, o.waiting = o.waiting, nil
	if tell || o.ended {
		dropped, o.dropped = o.dropped, 0
	}
	return lines, dropped, o.ended
}

// lastLine is the last line that was not empty, or the one that says how a Go
// program died.
func (o *output) lastLine() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	const enough = 300
	if len(o.last) > enough {
		return strings.ToValidUTF8(o.last[:enough], "") + "…"
	}
	return o.last
}

// readLine reads one line without its end; of a line longer than the reader's
// buffer only the beginning, marked, and the rest is skipped.
func readLine(br *bufio.Reader) (string, error) {
	part, err := br.ReadSlice('\n')
	line := strings.TrimRight(string(part), "\n")
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, eof(err)
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = br.ReadSlice('\n')
	}
	return line + "…", eof(err)
}

// eof is io.EOF for every end of a pipe.
func eof(err error) error {
	if err != nil {
		return io.EOF
	}
	return nil
}

// levelOf takes the level prefix <0> to <7> (sd-daemon(3)) from a line.
func levelOf(line string) (slog.Level, string) {
	if len(line) < 3 || line[0] != '<' || line[2] != '>' || line[1] < '0' || line[1] > '7' {
		return slog.LevelInfo, line
	}
	text := line[3:]
	switch line[1] {
	case '0', '1', '2', '3':
		return slog.LevelError, text
	case '4':
		return slog.LevelWarn, text
	case '7':
		return slog.LevelDebug, text
	}
	return slog.LevelInfo, text
}
