// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"context"
	"fmt"
	"io"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// frame takes one frame from the backend's reader. An error ends the
// connection.
func (b *backend) frame(ctx context.Context, f pbnetwork.Frame) error {
	switch f.Type {
	case pbnetwork.WrapperMessage_TYPE_PONG:
		b.m.ponged(b)
	case pbnetwork.WrapperMessage_TYPE_PING:
		return b.answer(pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_PONG})
	case pbnetwork.WrapperMessage_TYPE_STATS:
		b.m.reported(b, f.Message.(*pbnetwork.Stats))
	case pbnetwork.WrapperMessage_TYPE_BACKEND_CONFIG:
		b.describe(f.Message.(*pbnetwork.BackendConfig))
	case pbnetwork.WrapperMessage_TYPE_QUERY:
		return b.refuseQuery()
	case pbnetwork.WrapperMessage_TYPE_EXIT:
		return io.EOF
	case pbnetwork.WrapperMessage_TYPE_HELLO:
		return fmt.Errorf("%w: HELLO in the middle of the connection", ErrProtocol)
	case pbnetwork.WrapperMessage_TYPE_ACK, pbnetwork.WrapperMessage_TYPE_API_VERSION:
	default:
		return b.userFrame(ctx, f)
	}
	return nil
}

// answer queues a frame of the connection's own. A connection that closes
// meanwhile is the reader's to notice.
func (b *backend) answer(f pbnetwork.Frame) error {
	err := b.m.connOf(b).out.control(f)
	if err != nil {
		b.m.o.Log.Debug("answer not sent", "backend", b.number, "type", f.Type.String(), "error", err)
	}
	return nil
}

func (b *backend) describe(m *pbnetwork.BackendConfig) {
	features, err := pbnetwork.FeaturesOf(m, b.m.connOf(b).level > 0)
	if err != nil {
		b.m.o.Log.Warn("what a backend says about itself is not understood", "backend", b.number, "error", err)
	}
	b.m.described(b, features)
}

// refuseQuery answers an administrator's line: a backend is none.
func (b *backend) refuseQuery() error {
	b.warn(pbnetwork.WrapperMessage_TYPE_QUERY, "backend asked for an administrator's command and was refused")
	text := "use spectrumctl"
	return b.answer(pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_QUERY, Message: &pbnetwork.BackendConfig{Config: &text}})
}

// warn logs about a type of frame, once per backend.
func (b *backend) warn(t pbnetwork.Type, msg string) {
	if !b.warned[t] {
		b.warned[t] = true
		b.m.o.Log.Warn(msg, "backend", b.number, "type", t.String())
	}
}

// userFrame hands a frame to the user it is for.
func (b *backend) userFrame(ctx context.Context, f pbnetwork.Frame) error {
	level := b.m.connOf(b).level
	if f.Type >= firstExtension && level == 0 {
		return fmt.Errorf("%w: %s without HELLO", ErrProtocol, f.Type)
	}
	if !fromBackend(f.Type) || f.Type == pbnetwork.WrapperMessage_TYPE_BUDDIES && level == 0 {
		b.warn(f.Type, "frame that is not a backend's to send is dropped")
		return nil
	}
	user := f.UserOf()
	if f.Type == pbnetwork.WrapperMessage_TYPE_RAW_XML {
		user = rawUser(f)
	}
	if f.Type == pbnetwork.WrapperMessage_TYPE_ROOM_LIST && user == "" {
		for _, l := range b.m.listed(b, f) {
			b.handTo(ctx, l, f)
		}
		return nil
	}
	l, known := b.m.linkFor(b, user)
	if l == nil {
		if known {
			b.m.o.Log.Debug("late frame is dropped", "backend", b.number, "user", user, "type", f.Type.String())
			return nil
		}
		return fmt.Errorf("%w: %s for %q, whom it never had", ErrProtocol, f.Type, user)
	}
	if f.Type == pbnetwork.WrapperMessage_TYPE_DISCONNECTED {
		b.m.loggedOut(l)
	}
	b.handTo(ctx, l, f)
	if f.Type == pbnetwork.WrapperMessage_TYPE_CONNECTED {
		if list := b.m.unlisted(b, l); list != nil {
			b.handTo(ctx, l, *list)
		}
	}
	return nil
}

// handTo hands one frame to one user, and drops him if he does not take it.
func (b *backend) handTo(ctx context.Context, l *Link, f pbnetwork.Frame) {
	select {
	case l.turn <- struct{}{}:
	default:
		return // lost meanwhile
	}
	inTime := b.hand.give(ctx, l.r, f)
	<-l.turn
	if !inTime {
		b.m.o.Log.Error("user does not take his frames and loses his backend", "backend", b.number, "user", l.user)
		b.m.loseUser(l, backendError(b.number, ErrStalled))
	}
}

// fromBackend reports whether a backend may send frames of a type about users.
func fromBackend(t pbnetwork.Type) bool {
	switch t {
	case pbnetwork.WrapperMessage_TYPE_CONNECTED, pbnetwork.WrapperMessage_TYPE_DISCONNECTED,
		pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED, pbnetwork.WrapperMessage_TYPE_BUDDY_REMOVED,
		pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE_ACK,
		pbnetwork.WrapperMessage_TYPE_ROOM_SUBJECT_CHANGED, pbnetwork.WrapperMessage_TYPE_PARTICIPANT_CHANGED,
		pbnetwork.WrapperMessage_TYPE_ROOM_NICKNAME_CHANGED, pbnetwork.WrapperMessage_TYPE_ROOM_LIST,
		pbnetwork.WrapperMessage_TYPE_VCARD, pbnetwork.WrapperMessage_TYPE_AUTH_REQUEST,
		pbnetwork.WrapperMessage_TYPE_BUDDY_TYPING, pbnetwork.WrapperMessage_TYPE_BUDDY_TYPED,
		pbnetwork.WrapperMessage_TYPE_BUDDY_STOPPED_TYPING, pbnetwork.WrapperMessage_TYPE_ATTENTION,
		pbnetwork.WrapperMessage_TYPE_RAW_XML,
		pbnetwork.WrapperMessage_TYPE_MESSAGE_RESULT, pbnetwork.WrapperMessage_TYPE_STEP,
		pbnetwork.WrapperMessage_TYPE_JOIN_FAILED, pbnetwork.WrapperMessage_TYPE_SESSION_SNAPSHOT,
		pbnetwork.WrapperMessage_TYPE_COMMAND_RESULT, pbnetwork.WrapperMessage_TYPE_SEARCH_RESULT,
		pbnetwork.WrapperMessage_TYPE_BUDDIES, pbnetwork.WrapperMessage_TYPE_LOGGED_OUT:
		return true
	}
	return false
}
