// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mk6i/open-oscar-server/wire"
)

// kind names a kind of SNAC: its food group and its subgroup.
type kind struct{ group, sub uint16 }

func (k kind) String() string {
	return wire.FoodGroupName(k.group) + " " + wire.SubGroupName(k.group, k.sub)
}

// subError is the subgroup of errors in each food group.
const subError = 0x01

// snac is a received SNAC. Its body is lent for the time of the handler's
// call; that of a reply that was waited for belongs to who waited.
type snac struct {
	kind
	flags uint16
	id    uint32
	body  []byte
}

const snacHeader = 10

var errShort = errors.New("shorter than it says")

// parseSNAC reads a data frame's payload.
func parseSNAC(b []byte) (snac, error) {
	if len(b) < snacHeader {
		return snac{}, fmt.Errorf("read a SNAC: %w", errShort)
	}
	p := snac{
		kind:  kind{binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])},
		flags: binary.BigEndian.Uint16(b[4:]),
		id:    binary.BigEndian.Uint32(b[6:]),
		body:  b[snacHeader:],
	}
	if p.flags&wire.SNACFlagsExtendedInfo == 0 {
		return p, nil
	}
	// A block about the SNAC comes before its body; nothing in it is for us.
	if len(p.body) < 2 || len(p.body)-2 < int(binary.BigEndian.Uint16(p.body)) {
		return snac{}, fmt.Errorf("read the extended information of %s: %w", p.kind, errShort)
	}
	p.body = p.body[2+int(binary.BigEndian.Uint16(p.body)):]
	return p, nil
}

// raw is the body of a SNAC that is encoded already.
type raw []byte

// appendSNAC appends a SNAC to b. body is nil, raw, or one of wire's types.
func appendSNAC(b []byte, k kind, id uint32, body any) ([]byte, error) {
	start := len(b)
	b = binary.BigEndian.AppendUint16(b, k.group)
	b = binary.BigEndian.AppendUint16(b, k.sub)
	b = binary.BigEndian.AppendUint16(b, 0)
	b = binary.BigEndian.AppendUint32(b, id)
	switch body := body.(type) {
	case nil:
	case raw:
		b = append(b, body...)
	default:
		buf := bytes.NewBuffer(b)
		if err := wire.MarshalBE(body, buf); err != nil {
			return nil, fmt.Errorf("encode %s: %w", k, err)
		}
		b = buf.Bytes()
	}
	if len(b)-start > flapMax {
		return nil, fmt.Errorf("encode %s: %d bytes do not fit in a frame", k, len(b)-start)
	}
	return b, nil
}

// snacError is the server's refusal of a request (subgroup 1 of its food
// group).
type snacError struct {
	kind
	code, subcode uint16
}

func (e *snacError) Error() string {
	return fmt.Sprintf("%s was refused with error 0x%02x (0x%02x)", wire.FoodGroupName(e.group), e.code, e.subcode)
}

// err is the error that p is, nil if it is none.
func (p snac) err() error {
	if p.sub != subError {
		return nil
	}
	e := &snacError{kind: p.kind}
	c := cursor{b: p.body}
	e.code = c.u16()
	for _, t := range c.tlvs() {
		if t.tag == wire.ErrorTLVErrorSubcode {
			e.subcode = t.u16()
		}
	}
	return e
}
