// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/mk6i/open-oscar-server/wire"
)

// A FLAP frame is '*', its type, a sequence number and the payload's length,
// the numbers of two bytes, big-endian; then the payload. No frame is longer
// than its length can say, so nothing that a server claims can make us
// allocate more than 64 KiB.
const (
	flapMarker = '*'
	flapHeader = 6
	// flapMax is what may be sent in one frame.
	flapMax = int(wire.FLAPMaxDataSize)
)

// How long a connection may be silent before it is asked for a sign of life,
// how long the rest of a frame may take, and a write.
const (
	keepAliveEvery = time.Minute
	frameTimeout   = time.Minute
	writeTimeout   = 30 * time.Second
)

// errQuiet: nothing came within keepAliveEvery.
var errQuiet = errors.New("nothing was received")

// frame is a received FLAP frame. Its payload is lent until the next one is
// read.
type frame struct {
	kind    uint8
	payload []byte
}

// flapReader reads frames. It keeps no buffer while it waits for one.
type flapReader struct {
	conn   net.Conn
	ended  func() error // why reading has to end, nil while it has not
	header [flapHeader]byte
	lent   *[]byte
}

// buffers are for payloads that are being handled: as many as there are
// readers at work, not as there are users.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 2048); return &b }}

// release gives the last frame's payload back.
func (r *flapReader) release() {
	if r.lent != nil {
		buffers.Put(r.lent)
		r.lent = nil
	}
}

// read gives the next frame, or errQuiet where none begins within quiet.
func (r *flapReader) read(quiet time.Duration) (frame, error) {
	r.release()
	if err := r.deadline(quiet); err != nil {
		return frame{}, err
	}
	n, err := r.conn.Read(r.header[:])
	if n == 0 && err != nil {
		if e := r.ended(); e != nil {
			return frame{}, e
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return frame{}, errQuiet
		}
		return frame{}, err
	}
	if err := r.deadline(frameTimeout); err != nil {
		return frame{}, err
	}
	return r.rest(n)
}

// rest reads what is left of a frame whose first n bytes have come.
func (r *flapReader) rest(n int) (frame, error) {
	m, err := io.ReadFull(r.conn, r.header[n:])
	if err != nil {
		// To clients that do not know several sessions, servers say goodbye
		// with a frame that has no length.
		if n+m == 4 && r.header[0] == flapMarker && r.header[1] == wire.FLAPFrameSignoff {
			return frame{kind: wire.FLAPFrameSignoff}, nil
		}
		return frame{}, fmt.Errorf("read the header of a FLAP frame: %w", err)
	}
	if r.header[0] != flapMarker {
		return frame{}, errors.New("read a FLAP frame: this is not the OSCAR protocol")
	}
	f := frame{kind: r.header[1], payload: r.borrow(int(binary.BigEndian.Uint16(r.header[4:])))}
	if _, err := io.ReadFull(r.conn, f.payload); err != nil {
		return frame{}, fmt.Errorf("read the payload of a FLAP frame: %w", err)
	}
	return f, nil
}

// deadline sets how long the next read may take. It fails when reading has to
// end: who wants that sets a deadline in the past, which this one would undo.
func (r *flapReader) deadline(d time.Duration) error {
	if err := r.conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		return err
	}
	return r.ended()
}

func (r *flapReader) borrow(n int) []byte {
	if n == 0 {
		return nil
	}
	r.lent = buffers.Get().(*[]byte)
	if cap(*r.lent) < n {
		*r.lent = make([]byte, 0, n)
	}
	return (*r.lent)[:n]
}

// appendFrame appends a FLAP frame to b.
func appendFrame(b []byte, kind uint8, seq uint16, payload []byte) []byte {
	b = append(b, flapMarker, kind)
	b = binary.BigEndian.AppendUint16(b, seq)
	b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
	return append(b, payload...)
}
