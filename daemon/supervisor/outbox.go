// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"context"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

const (
	// maxWaiting is how many bytes wait for a backend before senders have to
	// wait too. A single frame may be longer.
	maxWaiting = 2 << 20
	// maxUnacked is how many frames may be taken over without saying so.
	maxUnacked = 64
)

// outbox is the bounded queue between all who send to a backend and its one
// writer. It numbers frames in the order in which they will be written.
type outbox struct {
	level int
	// taken is the number of the last frame taken over from the peer.
	taken atomic.Uint64
	// wake tells the writer that there is something to write.
	wake chan struct{}

	mu      sync.Mutex
	waiting []byte
	seq     uint64
	acked   uint64        // the highest taken that the peer was told
	room    chan struct{} // closed when the queue is emptied; nil while nobody waits
	gone    chan struct{} // closed by close
	closed  bool
}

func newOutbox(level int) *outbox {
	return &outbox{level: level, wake: make(chan struct{}, 1), gone: make(chan struct{})}
}

// send queues a frame, waiting for room if the backend is slow.
func (o *outbox) send(ctx context.Context, f pbnetwork.Frame) error {
	f, err := prepare(f, o.level)
	if err != nil {
		return err
	}
	for {
		room, err := o.add(f, maxWaiting)
		if room == nil || err != nil {
			return err
		}
		select {
		case <-room:
		case <-o.gone:
			return ErrGone
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// control queues a frame of the connection's own (PING, ACK, EXIT), which never
// waits: there are few of them and they are small.
func (o *outbox) control(f pbnetwork.Frame) error {
	f, err := prepare(f, o.level)
	if err == nil {
		_, err = o.add(f, 1<<62)
	}
	return err
}

// add appends f to what waits, or returns the channel that is closed when
// there is room again.
func (o *outbox) add(f pbnetwork.Frame, limit int) (room <-chan struct{}, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil, ErrGone
	}
	if len(o.waiting) >= limit {
		if o.room == nil {
			o.room = make(chan struct{})
		}
		return o.room, nil
	}
	if o.level > 0 && pbnetwork.Numbered(f.Type) {
		f.Seq = o.seq + 1
		f.Ack = o.taken.Load()
	}
	buf, err := pbnetwork.Append(o.waiting, f)
	if err != nil {
		return nil, err
	}
	o.waiting = buf
	if f.Seq != 0 {
		o.seq, o.acked = f.Seq, f.Ack
	}
	o.signal()
	return nil, nil
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take gives the writer everything that waits and leaves spare, an empty
// buffer, in its place.
func (o *outbox) take(spare []byte) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := o.waiting
	if len(out) == 0 {
		return nil
	}
	o.waiting = spare[:0]
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
	return out
}

// ack queues an ACK if frames were taken over that the peer does not know of.
func (o *outbox) ack() {
	o.mu.Lock()
	taken := o.taken.Load()
	due := taken > o.acked
	if due {
		o.acked = taken
	}
	o.mu.Unlock()
	if due {
		f := pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_ACK, Message: &pbnetwork.Ack{Seq: &taken}}
		o.control(f) //nolint:errcheck // closed: nobody is there to be told
	}
}

// unacked is how many frames were taken over without saying so.
func (o *outbox) unacked() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.taken.Load() - o.acked
}

// sent is the number of the last numbered frame.
func (o *outbox) sent() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seq
}

// close refuses everything from now on and wakes those who wait.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.closed = true
		close(o.gone)
	}
}

// firstExtension is the lowest type and field number of the extension.
const firstExtension = 64

// prepare encodes a frame's message, so that this is not done under the lock,
// and takes away what a version 1 peer must not see.
func prepare(f pbnetwork.Frame, level int) (pbnetwork.Frame, error) {
	if level == 0 && f.Type >= firstExtension {
		return f, ErrLevel
	}
	out := pbnetwork.Frame{Type: f.Type, Raw: f.Raw}
	if f.Message == nil {
		return out, nil
	}
	m := f.Message
	if level == 0 {
		m = withoutExtension(m)
	}
	payload, err := proto.Marshal(m)
	if err != nil {
		return f, encodeError(f.Type, err)
	}
	out.Raw = payload
	return out, nil
}
