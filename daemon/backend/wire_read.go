// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"fmt"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// read returns the next frame that was not taken over before. The frame counts
// as taken over once took is called with its number. An error is final.
func (w *wire) read() (pbnetwork.Frame, error) {
	for {
		f, err := w.reader.Read()
		if err != nil {
			return f, err
		}
		if w.level == 0 {
			return f, nil
		}
		if err := w.acked(f.Ack); err != nil {
			return f, err
		}
		if a, ok := f.Message.(*pbnetwork.Ack); ok {
			if err := w.acked(a.GetSeq()); err != nil {
				return f, err
			}
			continue
		}
		fresh, err := w.fresh(f)
		if err != nil {
			return f, err
		}
		if fresh {
			return f, nil
		}
	}
}

// fresh reports whether f has not been taken over yet. A frame without a number
// is always new: a main process need not number what it sends.
func (w *wire) fresh(f pbnetwork.Frame) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case f.Seq == 0:
		return true, nil
	case f.Seq <= w.taken:
		w.oweAckLocked(0) // the peer has not seen ours, or would not repeat
		return false, nil
	case f.Seq > w.taken+1:
		return false, fmt.Errorf("%w: %s has number %d, expected was %d", pbnetwork.ErrMalformed, f.Type, f.Seq, w.taken+1)
	}
	return true, nil
}

// took takes the frame numbered seq over: it will be acknowledged and not be
// accepted again.
func (w *wire) took(seq uint64) {
	if seq == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taken = seq
	w.oweAckLocked(1)
}

// oweAckLocked counts n further frames to acknowledge and sees to it that it
// happens in time.
func (w *wire) oweAckLocked(n int) {
	w.owed += n
	switch {
	case w.err != nil:
	case w.owed >= ackFrames:
		w.sendAckLocked()
	case w.ackTimer == nil:
		w.ackTimer = time.AfterFunc(ackDelay, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.ackTimer != nil && w.err == nil {
				w.sendAckLocked()
			}
		})
	}
}

func (w *wire) sendAckLocked() {
	data, err := pbnetwork.Append(nil, pbnetwork.Frame{
		Type:    pbnetwork.WrapperMessage_TYPE_ACK,
		Message: &pbnetwork.Ack{Seq: &w.taken},
	})
	if err != nil {
		w.failLocked(err)
		return
	}
	w.ackSentLocked()
	w.enqueueLocked(0, data)
}

// ackSentLocked: everything taken over so far is being acknowledged.
func (w *wire) ackSentLocked() {
	w.owed = 0
	if w.ackTimer != nil {
		w.ackTimer.Stop()
		w.ackTimer = nil
	}
}

// acked forgets the frames that the peer has taken over.
func (w *wire) acked(seq uint64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if seq > w.writeSeq {
		return fmt.Errorf("%w: number %d is acknowledged, the last sent was %d", pbnetwork.ErrMalformed, seq, w.writeSeq)
	}
	w.dropLocked(seq)
	return nil
}

// hello opens the extension: it says ours, waits for the main process's and
// sets the level. It is called before the writer and the reader run.
func (w *wire) hello(ours *pbnetwork.Hello) (*pbnetwork.Hello, error) {
	data, err := pbnetwork.Append(nil, pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_HELLO, Message: ours})
	if err != nil {
		return nil, err
	}
	if err := w.conn.SetDeadline(time.Now().Add(helloTimeout)); err != nil {
		return nil, err
	}
	if _, err := w.conn.Write(data); err != nil {
		return nil, err
	}
	f, err := w.reader.Read()
	if err != nil {
		return nil, err
	}
	theirs, ok := f.Message.(*pbnetwork.Hello)
	if !ok {
		return nil, fmt.Errorf("%w: %s instead of HELLO", pbnetwork.ErrMalformed, f.Type)
	}
	w.level = int(max(0, min(ours.GetLevel(), theirs.GetLevel())))
	return theirs, w.conn.SetDeadline(time.Time{})
}
