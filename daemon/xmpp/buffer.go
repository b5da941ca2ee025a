// SPDX-License-Identifier: GPL-2.0-or-later

package xmpp

import (
	"io"
	"sync"
)

// fill reads more behind what is in the buffer, making room first. It returns
// nil only if at least one byte came.
func (d *Decoder) fill() error {
	if d.at == d.end {
		d.at, d.end = 0, 0
		if d.limits.Frugal {
			d.rest()
		}
	}
	if d.end == len(d.buf) {
		d.makeRoom()
	}
	for range 100 {
		n, err := d.r.Read(d.buf[d.end:])
		if n > 0 {
			d.end += n
			switch {
			case len(d.buf) == len(d.small):
				d.resize(firstBuffer)
			case d.end == len(d.buf) && d.at == 0 && len(d.buf) < idleBuffer:
				d.resize(2 * len(d.buf)) // the peer is sending more than fits
			}
			return nil
		}
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

func (d *Decoder) makeRoom() {
	if d.at >= len(d.buf)/2 {
		copy(d.buf, d.buf[d.at:d.end])
		d.end -= d.at
		d.at = 0
		return
	}
	d.resize(2 * len(d.buf))
}

// resize moves what is in the buffer to the start of a new one.
func (d *Decoder) resize(size int) {
	var b []byte
	if size == firstBuffer {
		b = buffers.Get().(*[firstBuffer]byte)[:]
	} else {
		b = make([]byte, size)
	}
	d.end = copy(b, d.buf[d.at:d.end])
	d.recycle()
	d.at, d.buf = 0, b
}

// buffers are those of firstBuffer that no stream needs just now.
var buffers = sync.Pool{New: func() any { return new([firstBuffer]byte) }}

// recycle gives the buffer away, which must be replaced then.
func (d *Decoder) recycle() {
	if len(d.buf) == firstBuffer {
		buffers.Put((*[firstBuffer]byte)(d.buf))
	}
	d.buf = nil
}

// rest keeps next to nothing while the peer is silent.
func (d *Decoder) rest() {
	if len(d.buf) == len(d.small) {
		return
	}
	d.recycle()
	d.buf = d.small[:]
	d.p.raw, d.p.open, d.p.joined = nil, nil, nil
}

// shrink gives the buffer of a large stanza back.
func (d *Decoder) shrink() {
	if len(d.buf) > idleBuffer && d.end-d.at <= firstBuffer {
		d.resize(firstBuffer)
	}
}
