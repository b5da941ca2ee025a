// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// Bounds of the connection with the main process.
const (
	// maxWaiting is how many bytes may wait to be written or, at level 1, to
	// be acknowledged. A main process that lets them pile up is gone.
	maxWaiting = 32 << 20
	// frameCost is what a waiting frame costs beside its bytes.
	frameCost = 64
	// writeChunk is written under one deadline of writeTimeout.
	writeChunk   = 256 << 10
	writeTimeout = 30 * time.Second
	// An acknowledgement is sent after ackFrames frames or ackDelay.
	ackFrames = 64
	ackDelay  = time.Second
)

// errSlow ends the connection with a main process that does not keep up.
var errSlow = errors.New("the main process does not take what it is sent")

// errClosed is what a connection ends with that this side closed.
var errClosed = errors.New("connection closed")

// outgoing is one encoded frame; seq is 0 at level 0 and for frames that are
// never numbered.
type outgoing struct {
	seq  uint64
	data []byte
}

// wire is the connection with the main process. Any goroutine may send; one
// writes, one reads. Nothing waits for the network under the lock.
type wire struct {
	conn   net.Conn
	reader *pbnetwork.Reader
	level  int

	wake chan struct{} // something to write, or closing
	over chan struct{} // closed when the connection has failed or is flushed

	mu       sync.Mutex
	queue    []outgoing // oldest first; numbered ones until acknowledged
	written  int        // how many of queue the writer has taken
	waiting  int        // bytes in queue, with frameCost
	seq      uint64     // the last number given out
	writeSeq uint64     // the last number that the writer has taken
	taken    uint64     // the peer's highest number taken over
	owed     int        // frames taken over and not yet acknowledged
	ackTimer *time.Timer
	closing  bool
	err      error
}

func newWire(conn net.Conn) *wire {
	return &wire{
		conn:   conn,
		reader: pbnetwork.NewReader(conn),
		wake:   make(chan struct{}, 1),
		over:   make(chan struct{}),
	}
}

// send queues f. It never waits: a main process that is too far behind ends
// the connection instead. The error is f's own (too large, a field missing):
// once the connection is over, which Serve reports, frames go nowhere.
func (w *wire) send(f pbnetwork.Frame) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return nil
	}
	if w.level > 0 && pbnetwork.Numbered(f.Type) {
		f.Seq, f.Ack = w.seq+1, w.taken
	}
	data, err := pbnetwork.Append(nil, f)
	if err != nil {
		return err
	}
	if f.Seq != 0 {
		w.seq = f.Seq
		w.ackSentLocked()
	}
	w.enqueueLocked(f.Seq, data)
	return nil
}

func (w *wire) enqueueLocked(seq uint64, data []byte) {
	w.queue = append(w.queue, outgoing{seq, data})
	if w.waiting += len(data) + frameCost; w.waiting > maxWaiting {
		w.failLocked(errSlow)
	}
	w.wakeUp()
}

func (w *wire) wakeUp() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// failLocked ends the connection; the first reason stays.
func (w *wire) failLocked(err error) {
	if w.err != nil {
		return
	}
	w.err = err
	w.ackSentLocked()
	close(w.over)
}

func (w *wire) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failLocked(err)
}

// write is the writer: it joins what waits into few writes, until the
// connection is over. It returns when the last byte that can be sent is sent.
func (w *wire) write() {
	var buf []byte
	for {
		if cap(buf) > 2*writeChunk {
			buf = nil // one long frame must not pin its memory for good
		}
		var done bool
		buf, done = w.batch(buf[:0])
		switch {
		case done:
			return
		case len(buf) > 0:
			if err := w.put(buf); err != nil {
				w.fail(fmt.Errorf("write to the main process: %w", err))
				return
			}
			continue
		}
		select {
		case <-w.wake:
		case <-w.over:
			return
		}
	}
}

// put writes b, giving each chunk its own deadline, so that a peer who reads
// slowly is told from one who does not read.
func (w *wire) put(b []byte) error {
	for len(b) > 0 {
		n := min(len(b), writeChunk)
		if err := w.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		if _, err := w.conn.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// batch takes what is to be written next, about writeChunk bytes of it, into
// buf. done says that there is nothing left and nothing will come.
func (w *wire) batch(buf []byte) (taken []byte, done bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return nil, true
	}
	for w.written < len(w.queue) && len(buf) < writeChunk {
		o := w.queue[w.written]
		buf = append(buf, o.data...)
		w.writeSeq = max(w.writeSeq, o.seq)
		w.written++
	}
	w.dropLocked(0)
	if len(buf) == 0 && w.closing {
		w.failLocked(errClosed)
		return nil, true
	}
	return buf, false
}

// dropLocked forgets what was written, up to the first frame that is numbered
// above acked.
func (w *wire) dropLocked(acked uint64) {
	n := 0
	for n < w.written && w.queue[n].seq <= acked {
		w.waiting -= len(w.queue[n].data) + frameCost
		w.queue[n] = outgoing{}
		n++
	}
	w.queue = w.queue[n:]
	w.written -= n
}

// close lets the writer finish what waits; over is closed then.
func (w *wire) close() {
	w.mu.Lock()
	w.closing = true
	w.mu.Unlock()
	w.wakeUp()
}
