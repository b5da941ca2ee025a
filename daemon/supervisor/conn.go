// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// writeChunk is how much of a joined write has to be through within
// timing.write: a slow peer is not a dead one.
const writeChunk = 256 << 10

// conn speaks the protocol with one backend once it is known who that is:
// frames both ways, numbers and acknowledgements, pings. One goroutine reads,
// one writes. What the frames mean is the handler's business.
type conn struct {
	nc    net.Conn
	r     *pbnetwork.Reader
	level int
	t     timing
	// handle takes each frame that the connection does not need itself, in
	// order. An error ends the connection.
	handle func(ctx context.Context, f pbnetwork.Frame) error

	out *outbox
	// signs counts signs of life, busy says that handle is running: while we
	// do not read, silence proves nothing.
	signs atomic.Uint64
	busy  atomic.Bool
	// pinged is the number of signs at the last PING; the writer's.
	pinged uint64
	ackDue chan struct{}
	// done is closed when run has returned, err says why.
	done chan struct{}
	err  error
}

// newConn takes over nc, of which r may have read already. handle has to be
// set before run.
func newConn(nc net.Conn, r *pbnetwork.Reader, level int, t timing) *conn {
	return &conn{nc: nc, r: r, level: level, t: t, out: newOutbox(level), ackDue: make(chan struct{}, 1), done: make(chan struct{})}
}

// run speaks until the connection ends, then sets err and closes done: err
// wraps ErrHung or ErrProtocol, is io.EOF when the peer closed, or the cause of
// ctx's end. Everything is closed and both goroutines have ended by then.
func (c *conn) run(ctx context.Context) {
	defer close(c.done)
	c.err = c.speak(ctx)
}

func (c *conn) speak(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	readErr, writeErr := make(chan error, 1), make(chan error, 1)
	go func() { readErr <- c.read(ctx) }()
	go func() { writeErr <- c.write(ctx) }()
	reading, writing := true, true
	var err error
	select {
	case err = <-readErr:
		reading = false
	case err = <-writeErr:
		writing = false
		if !errors.Is(err, ErrHung) {
			// The peer closed: what it sent before is still to be read.
			c.nc.SetReadDeadline(time.Now().Add(c.t.last)) //nolint:errcheck // a closed connection needs none
			select {
			case err = <-readErr:
				reading = false
			case <-ctx.Done():
			}
		}
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	c.out.close()
	cancel(err)
	c.nc.Close() //nolint:errcheck // nothing was lost that mattered
	if reading {
		<-readErr
	}
	if writing {
		<-writeErr
	}
	return err
}

// read hands on frames until the stream or the protocol ends.
func (c *conn) read(ctx context.Context) error {
	var last uint64
	for {
		f, err := c.r.Read()
		if err != nil {
			return readError(err)
		}
		c.signs.Add(1)
		if c.level > 0 {
			if dup, err := c.check(f, last); err != nil {
				return err
			} else if dup {
				continue
			}
		}
		c.busy.Store(true)
		err = c.handle(ctx, f)
		c.signs.Add(1)
		c.busy.Store(false)
		if err != nil {
			return err
		}
		if c.level > 0 && f.Seq != 0 {
			last = f.Seq
			c.took(last)
		}
	}
}

// check looks at a frame's numbers (level 1); last is the highest taken over.
func (c *conn) check(f pbnetwork.Frame, last uint64) (dup bool, err error) {
	ack := f.Ack
	if m, ok := f.Message.(*pbnetwork.Ack); ok {
		ack = m.GetSeq()
	}
	switch sent := c.out.sent(); {
	case ack > sent:
		return false, fmt.Errorf("%w: it acknowledged frame %d, the last sent was %d", ErrProtocol, ack, sent)
	case f.Seq != 0 && f.Seq <= last:
		return true, nil
	case f.Seq > last+1:
		return false, fmt.Errorf("%w: frame %d came after %d", ErrProtocol, f.Seq, last)
	}
	return false, nil
}

// took notes that a numbered frame was taken over and sees to its
// acknowledgement.
func (c *conn) took(seq uint64) {
	c.out.taken.Store(seq)
	select {
	case c.ackDue <- struct{}{}:
	default:
	}
}

// readError sorts out whose fault the end of reading was.
func readError(err error) error {
	if errors.Is(err, pbnetwork.ErrMalformed) {
		return fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return fmt.Errorf("read from it: %w", err)
}

// write writes what waits, joined, and keeps ping and acknowledgement going.
func (c *conn) write(ctx context.Context) error {
	ping := time.NewTicker(c.t.ping)
	defer ping.Stop()
	ack := time.NewTimer(c.t.ack)
	ack.Stop()
	defer ack.Stop()
	armed := false
	if err := c.ping(); err != nil {
		return err
	}
	var spare []byte
	for {
		if b := c.out.take(spare); b != nil {
			if err := c.writeAll(b); err != nil {
				return err
			}
			if spare = b; cap(b) > maxWaiting {
				spare = nil // one long burst must not pin its memory for good
			}
		}
		select {
		case <-c.out.wake:
		case <-c.ackDue:
			if c.out.unacked() >= maxUnacked {
				c.out.ack()
			} else if !armed {
				ack.Reset(c.t.ack)
				armed = true
			}
		case <-ack.C:
			armed = false
			c.out.ack()
		case <-ping.C:
			if c.signs.Load() == c.pinged && !c.busy.Load() {
				return fmt.Errorf("%w: no sign of life for %v", ErrHung, c.t.ping)
			}
			if err := c.ping(); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (c *conn) ping() error {
	c.pinged = c.signs.Load()
	return c.out.control(pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_PING})
}

// writeAll writes b in chunks that each have a deadline.
func (c *conn) writeAll(b []byte) error {
	for len(b) > 0 {
		n := min(len(b), writeChunk)
		if err := c.nc.SetWriteDeadline(time.Now().Add(c.t.write)); err != nil {
			return fmt.Errorf("write to it: %w", err)
		}
		if _, err := c.nc.Write(b[:n]); errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("%w: it did not read for %v", ErrHung, c.t.write)
		} else if err != nil {
			return fmt.Errorf("write to it: %w", err)
		}
		b = b[n:]
	}
	return nil
}
