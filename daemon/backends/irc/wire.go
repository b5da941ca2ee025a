// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"bufio"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// wire is one connection's reader and writer. Whoever owns it takes lines
// from in and gives lines to out; neither goroutine ever waits for him
// without also waiting for gone.
type wire struct {
	conn net.Conn
	in   chan []byte
	// out holds a few lines, so that those that are said one after the other,
	// a message and the PING behind it, leave in one write.
	out chan []byte
	// gone is closed when the owner is done with the wire.
	gone chan struct{}
	once sync.Once
	both sync.WaitGroup

	failure sync.Once
	err     error
	failed  chan struct{}
}

const (
	writeTimeout = 30 * time.Second
	quitTimeout  = 2 * time.Second
	// joinLines is how many lines can go out in one write.
	joinLines = 16
	// longestLine bounds a line with its tags; what is longer is dropped.
	longestLine = maxLineLen + 8191
)

// newWire starts the goroutines; close ends them.
func newWire(conn net.Conn) *wire {
	w := &wire{conn: conn, in: make(chan []byte), out: make(chan []byte, joinLines), gone: make(chan struct{}), failed: make(chan struct{})}
	w.both.Add(2)
	go w.read()
	go w.write()
	return w
}

// fail notes why the connection ended; failed is closed then.
func (w *wire) fail(err error) {
	w.failure.Do(func() {
		w.err = err
		close(w.failed)
	})
}

func (w *wire) read() {
	defer w.both.Done()
	defer close(w.in)
	r := bufio.NewReaderSize(w.conn, 2048)
	for {
		line, err := readLine(r)
		if err != nil {
			w.fail(err)
			return
		}
		if len(line) == 0 {
			continue
		}
		select {
		case w.in <- line:
		case <-w.gone: // read on until the end, so that what was written is not lost to a reset
		}
	}
}

// readLine gives the next line without its end, or an empty one for a line
// that is too long, which it skips.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	tooLong := false
	for {
		part, err := r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if err == io.EOF {
				err = errors.New("the server closed the connection")
			}
			return nil, err
		}
		if tooLong = tooLong || len(line)+len(part) > longestLine; !tooLong {
			line = append(line, part...)
		}
		if err != nil {
			continue
		}
		if tooLong {
			return nil, nil
		}
		for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
			line = line[:len(line)-1]
		}
		return line, nil
	}
}

func (w *wire) write() {
	defer w.both.Done()
	for {
		select {
		case line := <-w.out:
			if !w.put(line) {
				return
			}
		case <-w.gone:
			if len(w.out) > 0 { // the last words
				w.put(<-w.out)
			}
			return
		}
	}
}

// put writes a line together with those that wait behind it.
func (w *wire) put(line []byte) bool {
	for len(w.out) > 0 {
		line = append(line, <-w.out...)
	}
	w.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := w.conn.Write(line); err != nil {
		w.fail(err)
		w.conn.Close()
		return false
	}
	return true
}

// close ends the connection and waits for both goroutines. A last line, if
// any, is given to the writer first, and the server has a moment to read it.
func (w *wire) close(last []byte) {
	if last != nil && w.say(last) {
		w.conn.SetReadDeadline(time.Now().Add(quitTimeout))
		stuck := time.AfterFunc(quitTimeout, func() { w.conn.Close() })
		defer stuck.Stop()
		w.finish()
		return
	}
	w.conn.Close()
	w.finish()
}

// say gives a line to the writer unless that is stuck.
func (w *wire) say(line []byte) bool {
	t := time.NewTimer(quitTimeout)
	defer t.Stop()
	select {
	case w.out <- line:
		return true
	case <-w.failed:
	case <-t.C:
	}
	return false
}

func (w *wire) finish() {
	w.once.Do(func() { close(w.gone) })
	w.both.Wait()
	w.conn.Close()
}
