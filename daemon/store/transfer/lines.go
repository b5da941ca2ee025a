// SPDX-License-Identifier: GPL-2.0-or-later

package transfer

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
)

// maxLine bounds one line: more than any item or message may have.
const maxLine = 64 << 20

// ErrCut is the error of a file whose end is missing.
var ErrCut = errors.New("the file was cut off: its last line is missing")

// writer writes lines and sums them up. Its first error stays.
type writer struct {
	json *json.Encoder
	hash hash.Hash
	err  error
}

func newWriter(w io.Writer) *writer {
	h := sha256.New()
	e := json.NewEncoder(io.MultiWriter(w, h))
	e.SetEscapeHTML(false)
	return &writer{json: e, hash: h}
}

func (w *writer) put(r record) {
	if w.err == nil {
		w.err = w.json.Encode(r)
	}
}

func (w *writer) sum() string { return hex.EncodeToString(w.hash.Sum(nil)) }

// reader reads lines, and holds the last one against those before it.
type reader struct {
	in     *bufio.Reader
	hash   hash.Hash
	line   int
	header Header
	counts Counts
}

func newReader(r io.Reader) (*reader, error) {
	in := &reader{in: bufio.NewReaderSize(r, 64<<10), hash: sha256.New()}
	rec, err := in.next()
	switch {
	case errors.Is(err, ErrCut), err == nil && rec.Header == nil, err != nil && in.line <= 1:
		return nil, errors.New("this is not an export of spectrumctl")
	case err != nil:
		return nil, err
	case rec.Header.Format < 1 || rec.Header.Format > Format:
		return nil, fmt.Errorf("the export has format %d and this version of Spectrum 2 knows those up to %d", rec.Header.Format, Format)
	}
	in.header = *rec.Header
	return in, nil
}

// next returns the next record, and io.EOF after a good last line.
func (r *reader) next() (record, error) {
	b, err := r.read()
	if err != nil {
		return record{}, err
	}
	r.line++
	var rec record
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&rec); err != nil {
		return record{}, fmt.Errorf("line %d of the export: %w", r.line, err)
	}
	if rec.End != nil {
		return record{}, r.finish(rec.End)
	}
	r.hash.Write(b)
	r.count(rec)
	return rec, nil
}

// read returns a line with its end.
func (r *reader) read() ([]byte, error) {
	var line []byte
	for {
		part, err := r.in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("line %d of the export: %w", r.line+1, ErrCut)
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("read export: %w", err)
		case len(line) > maxLine:
			return nil, fmt.Errorf("line %d of the export is too long", r.line+1)
		}
	}
}

func (r *reader) count(rec record) {
	c := &r.counts
	for n, there := range map[*int]bool{
		&c.Users: rec.User != nil, &c.Contacts: rec.Contact != nil, &c.Waiting: rec.Waiting != nil,
		&c.Rooms: rec.Room != nil, &c.Archived: rec.Archived != nil, &c.Personal: rec.Personal != nil,
	} {
		if there {
			*n++
		}
	}
}

// finish is io.EOF if the file is whole and unchanged.
func (r *reader) finish(e *end) error {
	if sum := hex.EncodeToString(r.hash.Sum(nil)); sum != e.SHA256 || r.counts != e.Counts {
		return fmt.Errorf("line %d of the export: a line before it was changed: they do not have the checksum that this last one names", r.line)
	}
	if _, err := r.in.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("line %d of the export: there is something after the last line", r.line+1)
	}
	return io.EOF
}

// Check reads a whole file, without doing anything with it.
func Check(r io.Reader) (Header, Counts, error) {
	in, err := newReader(r)
	if err != nil {
		return Header{}, Counts{}, err
	}
	for {
		if _, err := in.next(); errors.Is(err, io.EOF) {
			return in.header, in.counts, nil
		} else if err != nil {
			return in.header, in.counts, err
		}
	}
}
