// SPDX-License-Identifier: GPL-2.0-or-later

package xmpp

import (
	"bytes"
	"regexp"
)

// xmlDecl is the only XML declaration that a stream may begin with.
var xmlDecl = regexp.MustCompile(`^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*("1\.0"|'1\.0')` +
	`([ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*("(?i:utf-8)"|'(?i:utf-8)'))?` +
	`([ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*("(yes|no)"|'(yes|no)'))?[ \t\r\n]*\?>$`)

// ReadHeader reads the opening tag of the stream, with the XML declaration
// that may stand before it. It must come before the first Next.
func (d *Decoder) ReadHeader() (*Element, error) {
	if d.err != nil {
		return nil, d.err
	}
	e, err := d.readHeader()
	if err != nil {
		d.err = streamError(err)
		return nil, d.err
	}
	return e, nil
}

func (d *Decoder) readHeader() (*Element, error) {
	if err := d.declaration(); err != nil {
		return nil, err
	}
	n, err := d.headerTag()
	if err != nil {
		return nil, err
	}
	return d.parseHeader(n)
}

// headerTag reads until the tag at d.at is complete and returns its length. It
// goes byte by byte because what follows is not the tag's.
func (d *Decoder) headerTag() (int, error) {
	var f framer
	for n := 0; n < maxHeader; n++ {
		if err := d.need(n + 1); err != nil {
			return 0, err
		}
		_, done, fl := f.scan(d.buf[d.at+n : d.at+n+1])
		switch {
		case fl != nil:
			return 0, fl
		case done || f.depth > 0:
			return n + 1, nil
		}
	}
	return 0, excess("header too large")
}

// declaration reads <?xml …?> and the space behind it, if they are there.
func (d *Decoder) declaration() error {
	if err := d.need(2); err != nil {
		return err
	}
	if d.buf[d.at] == '<' && d.buf[d.at+1] == '?' {
		for {
			i := bytes.IndexByte(d.buf[d.at:d.end], '>')
			if i >= 0 {
				if !xmlDecl.Match(d.buf[d.at : d.at+i+1]) {
					return &fault{condition: BadFormat, text: "unsupported XML declaration"}
				}
				d.at += i + 1
				break
			}
			if d.end-d.at > maxHeader {
				return malformed("XML declaration too long")
			}
			if err := d.fill(); err != nil {
				return err
			}
		}
	}
	if err := d.skipSpace(); err != nil {
		return err
	}
	if d.buf[d.at] != '<' {
		return &fault{condition: BadFormat, text: "no stream header"}
	}
	return nil
}

// parseHeader parses the n bytes of the start tag at d.at.
func (d *Decoder) parseHeader(n int) (*Element, error) {
	d.p.s, d.p.i = string(d.buf[d.at:d.at+n]), 0
	e, tag, empty, space, fl := d.p.startTag("")
	if fl != nil {
		return nil, fl
	}
	switch {
	case !e.Is(NSStream, "stream"):
		return nil, &fault{condition: InvalidNamespace, text: "not a stream header"}
	case empty:
		return nil, malformed("empty stream")
	case !isContent(space):
		return nil, &fault{condition: InvalidNamespace, text: "unknown content namespace"}
	}
	d.at += n
	d.header, d.space, d.p.content = tag, NSClient, space
	for i := range d.p.scope {
		if d.p.scope[i].space == space {
			d.p.scope[i].space = NSClient
		}
	}
	d.p.release()
	return e, nil
}
