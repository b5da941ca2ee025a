// SPDX-License-Identifier: GPL-2.0-or-later

// Package pbnetwork is the backend protocol: the schema that a main process
// and its backends share, the generated messages, and the frames that carry
// them over a stream. It knows nothing of users, sessions or sockets.
package pbnetwork

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"
)

//go:generate protoc --go_out=. --go_opt=paths=source_relative spectrum.proto extension.proto

// Limits of one frame's WrapperMessage, in bytes.
const (
	MaxFrame      = 1 << 20
	MaxLargeFrame = 8 << 20
)

// Type is the number of a WrapperMessage.
type Type = WrapperMessage_Type

// LimitOf is the longest WrapperMessage of type t in bytes: 8 MiB for the types
// that carry whole lists or pictures, 1 MiB for all others.
func LimitOf(t Type) int {
	switch t {
	case WrapperMessage_TYPE_ROOM_LIST, WrapperMessage_TYPE_BUDDIES,
		WrapperMessage_TYPE_VCARD, WrapperMessage_TYPE_RAW_XML,
		WrapperMessage_TYPE_SESSION_SNAPSHOT:
		return MaxLargeFrame
	}
	return MaxFrame
}

// Numbered reports whether frames of type t carry a sequence number at level 1.
// The others belong to the connection itself and are never sent again.
func Numbered(t Type) bool {
	switch t {
	case WrapperMessage_TYPE_PING, WrapperMessage_TYPE_PONG, WrapperMessage_TYPE_STATS,
		WrapperMessage_TYPE_HELLO, WrapperMessage_TYPE_ACK:
		return false
	}
	return true
}

// ErrMalformed is the cause of every error of Reader that the peer's bytes are
// to blame for, as opposed to the connection.
var ErrMalformed = errors.New("malformed frame")

// Frame is one message as it travels: its type, the message, and the
// extension's numbers (0 towards and from a version 1 peer).
type Frame struct {
	Type Type
	// Message is nil for the types without a payload: PING, PONG, EXIT.
	Message proto.Message
	// Raw is the payload of a type without a message of its own: RAW_XML, and
	// types that this build does not know.
	Raw []byte
	Seq uint64
	Ack uint64
}

// newMessage makes the empty message that a type's payload decodes into, nil
// for types without one.
func newMessage(t Type) proto.Message {
	switch t {
	case WrapperMessage_TYPE_CONNECTED:
		return new(Connected)
	case WrapperMessage_TYPE_DISCONNECTED:
		return new(Disconnected)
	case WrapperMessage_TYPE_LOGIN:
		return new(Login)
	case WrapperMessage_TYPE_LOGOUT:
		return new(Logout)
	case WrapperMessage_TYPE_BUDDY_CHANGED, WrapperMessage_TYPE_BUDDY_REMOVED,
		WrapperMessage_TYPE_BUDDY_TYPING, WrapperMessage_TYPE_BUDDY_TYPED,
		WrapperMessage_TYPE_BUDDY_STOPPED_TYPING, WrapperMessage_TYPE_AUTH_REQUEST:
		return new(Buddy)
	case WrapperMessage_TYPE_CONV_MESSAGE, WrapperMessage_TYPE_CONV_MESSAGE_ACK,
		WrapperMessage_TYPE_ATTENTION, WrapperMessage_TYPE_ROOM_SUBJECT_CHANGED:
		return new(ConversationMessage)
	case WrapperMessage_TYPE_JOIN_ROOM, WrapperMessage_TYPE_LEAVE_ROOM,
		WrapperMessage_TYPE_ROOM_NICKNAME_CHANGED:
		return new(Room)
	case WrapperMessage_TYPE_PARTICIPANT_CHANGED:
		return new(Participant)
	case WrapperMessage_TYPE_VCARD:
		return new(VCard)
	case WrapperMessage_TYPE_STATUS_CHANGED:
		return new(Status)
	case WrapperMessage_TYPE_STATS:
		return new(Stats)
	case WrapperMessage_TYPE_BACKEND_CONFIG, WrapperMessage_TYPE_QUERY:
		return new(BackendConfig)
	case WrapperMessage_TYPE_ROOM_LIST:
		return new(RoomList)
	case WrapperMessage_TYPE_BUDDIES:
		return new(Buddies)
	case WrapperMessage_TYPE_API_VERSION:
		return new(APIVersion)
	case WrapperMessage_TYPE_HELLO:
		return new(Hello)
	case WrapperMessage_TYPE_ACK:
		return new(Ack)
	case WrapperMessage_TYPE_MESSAGE_RESULT:
		return new(MessageResult)
	case WrapperMessage_TYPE_STEP:
		return new(Step)
	case WrapperMessage_TYPE_STEP_ANSWER:
		return new(StepAnswer)
	case WrapperMessage_TYPE_JOIN_FAILED:
		return new(JoinFailed)
	case WrapperMessage_TYPE_SESSION_SNAPSHOT:
		return new(SessionSnapshot)
	case WrapperMessage_TYPE_COMMAND:
		return new(Command)
	case WrapperMessage_TYPE_COMMAND_RESULT:
		return new(CommandResult)
	case WrapperMessage_TYPE_SEARCH:
		return new(Search)
	case WrapperMessage_TYPE_SEARCH_RESULT:
		return new(SearchResult)
	case WrapperMessage_TYPE_LOGGED_OUT:
		return new(LoggedOut)
	}
	return nil
}

// Append appends the frame to dst: 4 bytes of big-endian length, then the
// WrapperMessage. It fails on a message that is missing, lacks a required field
// or makes the frame longer than LimitOf allows; dst comes back unchanged then.
func Append(dst []byte, f Frame) ([]byte, error) {
	payload := f.Raw
	switch {
	case f.Message != nil:
		var err error
		if payload, err = proto.Marshal(f.Message); err != nil {
			return dst, fmt.Errorf("encode %s: %w", f.Type, err)
		}
	case f.Raw == nil && newMessage(f.Type) != nil:
		return dst, fmt.Errorf("encode %s: it has no message", f.Type)
	}
	w := &WrapperMessage{Type: f.Type.Enum(), Payload: payload}
	if f.Seq != 0 {
		w.Seq = &f.Seq
	}
	if f.Ack != 0 {
		w.Ack = &f.Ack
	}
	size := proto.Size(w)
	if size > LimitOf(f.Type) {
		return dst, fmt.Errorf("encode %s: %d bytes are more than the %d a frame may have", f.Type, size, LimitOf(f.Type))
	}
	out := binary.BigEndian.AppendUint32(dst, uint32(size))
	out, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(out, w)
	if err != nil {
		return dst, fmt.Errorf("encode %s: %w", f.Type, err)
	}
	return out, nil
}

// Reader reads frames from a stream. It is not safe for concurrent use.
type Reader struct {
	r   *bufio.Reader
	buf []byte
}

// NewReader reads frames from r, which it buffers.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 32<<10)}
}

// Read returns the next frame. The error is io.EOF at a clean end between two
// frames, wraps ErrMalformed where the peer broke the protocol (the stream is
// unusable then), and is the stream's own otherwise. The memory a hostile
// length can claim is bounded by what really arrives.
func (r *Reader) Read() (Frame, error) {
	var head [4]byte
	if _, err := io.ReadFull(r.r, head[:1]); err != nil {
		return Frame{}, err
	}
	if _, err := io.ReadFull(r.r, head[1:]); err != nil {
		return Frame{}, fmt.Errorf("%w: the stream ends inside a length", ErrMalformed)
	}
	n := int(binary.BigEndian.Uint32(head[:]))
	if n == 0 || n > MaxLargeFrame {
		return Frame{}, fmt.Errorf("%w: length %d, allowed are 1 to %d", ErrMalformed, n, MaxLargeFrame)
	}
	if err := r.fill(n); err != nil {
		return Frame{}, err
	}
	return parse(r.buf)
}

// fill reads n bytes into r.buf, growing it only as bytes arrive.
func (r *Reader) fill(n int) error {
	if cap(r.buf) > MaxFrame && n <= MaxFrame {
		r.buf = nil // one large frame must not pin its memory for good
	}
	r.buf = r.buf[:0]
	for len(r.buf) < n {
		step := min(n-len(r.buf), 64<<10)
		start := len(r.buf)
		r.buf = append(r.buf, make([]byte, step)...)
		if _, err := io.ReadFull(r.r, r.buf[start:]); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return fmt.Errorf("%w: the stream ends inside a frame of %d bytes", ErrMalformed, n)
			}
			return err
		}
	}
	return nil
}

// parse decodes one WrapperMessage and the payload inside.
func parse(b []byte) (Frame, error) {
	var w WrapperMessage
	if err := proto.Unmarshal(b, &w); err != nil {
		return Frame{}, fmt.Errorf("%w: %d bytes that are no WrapperMessage: %v", ErrMalformed, len(b), err)
	}
	t := w.GetType()
	if len(b) > LimitOf(t) {
		return Frame{}, fmt.Errorf("%w: %s of %d bytes, allowed are %d", ErrMalformed, t, len(b), LimitOf(t))
	}
	f := Frame{Type: t, Seq: w.GetSeq(), Ack: w.GetAck()}
	f.Message = newMessage(t)
	if f.Message == nil {
		f.Raw = w.GetPayload()
		return f, nil
	}
	if err := proto.Unmarshal(w.GetPayload(), f.Message); err != nil {
		return Frame{}, fmt.Errorf("%w: payload of %s: %v", ErrMalformed, t, err)
	}
	return f, nil
}

// UserOf names the XMPP user (bare JID) whom the frame is about, "" for frames
// that are about nobody (PING, STATS, HELLO) or everybody.
func (f Frame) UserOf() string {
	switch m := f.Message.(type) {
	case *Buddies: // version 1 has no other way to say whose they are
		if len(m.Buddy) > 0 {
			return m.Buddy[0].GetUserName()
		}
		return m.GetUser()
	case interface{ GetUserName() string }:
		return m.GetUserName()
	case interface{ GetUser() string }:
		return m.GetUser()
	}
	return ""
}
