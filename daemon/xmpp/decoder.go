// SPDX-License-Identifier: GPL-2.0-or-later

package xmpp

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// Sizes of a decoder's buffer: it grows from the first as the peer sends more,
// up to the second, and beyond only for a large stanza.
const (
	firstBuffer = 4096
	idleBuffer  = 64 << 10
	maxHeader   = 16 << 10
)

// Decoder reads a stream (RFC 6120 §4): the header, then stanza after stanza,
// in memory bounded by its limits. It is for one goroutine. An element that it
// returned is the caller's and shares nothing with later ones.
type Decoder struct {
	r      io.Reader
	limits Limits
	buf    []byte
	at     int      // start of what was not consumed
	end    int      // end of what was read
	small  [32]byte // buf of a silent stream, with Frugal

	p      parser
	header string // the header's tag as written, which the end tag repeats
	space  string // the header's default namespace, as p names it
	err    error  // ends the stream; every later call returns it
}

// NewDecoder makes a decoder of the stream that r carries.
func NewDecoder(r io.Reader, limits Limits) *Decoder {
	d := &Decoder{r: r}
	d.SetLimits(limits)
	if d.buf = d.small[:]; !d.limits.Frugal {
		d.buf = make([]byte, firstBuffer)
	}
	return d
}

// SetLimits changes the limits, from the next child of the stream on.
func (d *Decoder) SetLimits(limits Limits) {
	d.limits = limits.withDefaults()
	d.p.limits = d.limits
}

// Content is the content namespace of the header that was read last: what the
// peer calls the namespace of its stanzas.
func (d *Decoder) Content() string { return d.p.content }

// Wait returns when something other than space has come that was not consumed.
// Its error is the reader's, or io.ErrUnexpectedEOF, and ends nothing here.
func (d *Decoder) Wait() error {
	if d.err != nil {
		return d.err
	}
	return d.skipSpace()
}

// Buffered is what was read but not consumed yet, without the white space that
// it begins with.
func (d *Decoder) Buffered() int {
	return len(bytes.TrimLeft(d.buf[d.at:d.end], " \t\r\n"))
}

// Restart expects a new header, as after SASL (RFC 6120 §6.4.6); bytes that
// were read already belong to it.
func (d *Decoder) Restart() {
	d.header, d.space, d.p.content = "", "", ""
	d.p.scope = nil
}

// Next returns the next child of the stream. Errors: *BadStanza for one that
// was skipped (the next call reads on), io.EOF for the end of the stream,
// *StreamError for what the peer must be told before the connection is closed,
// io.ErrUnexpectedEOF where the connection ends without the stream's end, and
// those of the reader.
func (d *Decoder) Next() (*Element, error) {
	if d.err != nil {
		return nil, d.err
	}
	e, err := d.next()
	var bad *BadStanza
	if err != nil && !errors.As(err, &bad) {
		d.err = streamError(err)
		return nil, d.err
	}
	return e, err
}

func streamError(err error) error {
	var f *fault
	if errors.As(err, &f) {
		return &StreamError{Condition: f.condition, Text: f.text}
	}
	return err
}

func (d *Decoder) next() (*Element, error) {
	if err := d.skipSpace(); err != nil {
		return nil, err
	}
	if err := d.need(2); err != nil {
		return nil, err
	}
	if d.buf[d.at] != '<' {
		return nil, &fault{condition: BadFormat, text: "text between stanzas"}
	}
	if d.buf[d.at+1] == '/' {
		return nil, d.footer()
	}
	var f framer
	n, fl, err := d.frame(&f)
	switch {
	case err != nil:
		return nil, err
	case fl != nil:
		return nil, d.skip(&f, n, fl)
	}
	raw := d.buf[d.at : d.at+n]
	d.at += n
	return d.parse(raw, &f)
}

// frame reads until the element at d.at is complete and returns its length; or
// a fault that skips, with what was scanned so far.
func (d *Decoder) frame(f *framer) (int, *fault, error) {
	n := 0
	for {
		// Not further than the limit, so that how the bytes are cut into reads
		// makes no difference.
		more, done, fl := f.scan(d.buf[d.at+n : min(d.end, d.at+d.limits.Bytes+1)])
		n += more
		switch {
		case f.deepest > d.limits.Depth:
			return n, excess("elements nested too deep"), nil
		case f.elements > d.limits.Elements:
			return n, excess("too many elements"), nil
		case n > d.limits.Bytes:
			return n, excess("stanza too large"), nil
		case fl != nil:
			return 0, nil, fl
		case done:
			return n, nil, nil
		}
		if err := d.fill(); err != nil {
			return 0, nil, err
		}
	}
}

func (d *Decoder) parse(raw []byte, f *framer) (*Element, error) {
	d.p.reset(string(raw), f)
	e, fl := d.p.element(1, d.space)
	d.p.release()
	d.shrink()
	switch {
	case fl == nil:
		return e, nil
	case fl.skips && d.limits.Skip:
		return nil, d.badStanza(raw, fl)
	}
	return nil, fl
}

// skip reads on to the end of an element of which the first n bytes are in the
// buffer, keeping nothing but its start tag.
func (d *Decoder) skip(f *framer, n int, fl *fault) error {
	if !d.limits.Skip {
		return fl
	}
	bad := d.badStanza(d.buf[d.at:d.at+n], fl)
	d.at += n
	for done := f.depth == 0 && f.state == inText; !done; {
		if d.at == d.end {
			if err := d.fill(); err != nil {
				return err
			}
		}
		more, end, fl := f.scan(d.buf[d.at:d.end])
		if fl != nil {
			return fl
		}
		d.at += more
		done = end
	}
	d.shrink()
	return bad
}

// badStanza makes the report from the stanza's beginning.
func (d *Decoder) badStanza(raw []byte, fl *fault) error {
	p := parser{limits: d.limits, content: d.p.content, lenient: true, short: true, scope: d.p.scope}
	p.s = string(raw)
	p.scope = p.scope[:len(p.scope):len(p.scope)]
	e, _, _, _, err := p.startTag(d.space)
	if err != nil {
		e = nil
	}
	return &BadStanza{Stanza: e, Condition: fl.stanza, Text: fl.text}
}

// footer reads </stream:stream>.
func (d *Decoder) footer() error {
	for {
		b := d.buf[d.at:d.end]
		if i := bytes.IndexByte(b, '>'); i >= 0 {
			name := strings.TrimRight(string(b[2:i]), " \t\r\n")
			if name != d.header {
				return malformed("end tag does not match the stream's")
			}
			d.at += i + 1
			return io.EOF
		}
		if len(b) > maxHeader {
			return malformed("end tag too long")
		}
		if err := d.fill(); err != nil {
			return err
		}
	}
}

func (d *Decoder) skipSpace() error {
	for {
		for d.at < d.end {
			if !isSpace(d.buf[d.at]) {
				return nil
			}
			d.at++
		}
		if err := d.fill(); err != nil {
			return err
		}
	}
}

// need reads until n bytes are there.
func (d *Decoder) need(n int) error {
	for d.end-d.at < n {
		if err := d.fill(); err != nil {
			return err
		}
	}
	return nil
}
