// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// receiver takes one link's frames. Each link has its own, so that what comes
// late from a backend that was given up is told apart.
type receiver struct{ box *mailbox }

func (r *receiver) Frame(ctx context.Context, f pbnetwork.Frame) {
	// An ended session has no use for it, and ctx is the backend's.
	_ = r.box.put(ctx, frameCame{r, f})
}

func (r *receiver) Lost(reason error) {
	_ = r.box.put(context.Background(), backendLost{r, reason})
}

// frameCame: the backend sent something.
type frameCame struct {
	receiver *receiver
	frame    pbnetwork.Frame
}

func (e frameCame) apply(ctx context.Context, s *Session) {
	if s.account.receiver != e.receiver {
		s.log.Debug("late frame dropped", "type", e.frame.Type.String())
		return
	}
	handle, known := frameHandlers[e.frame.Type]
	if !known {
		s.log.Debug("frame of no use here", "type", e.frame.Type.String())
		return
	}
	handle(ctx, s, e.frame.Message)
}

// frameHandlers says what each type of frame does.
var frameHandlers = map[pbnetwork.Type]func(context.Context, *Session, proto.Message){
	pbnetwork.WrapperMessage_TYPE_CONNECTED:             on(onConnected),
	pbnetwork.WrapperMessage_TYPE_DISCONNECTED:          on(onDisconnected),
	pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED:         on(onBuddyChanged),
	pbnetwork.WrapperMessage_TYPE_BUDDIES:               on(onBuddies),
	pbnetwork.WrapperMessage_TYPE_BUDDY_REMOVED:         on(onBuddyRemoved),
	pbnetwork.WrapperMessage_TYPE_AUTH_REQUEST:          on(onAuthRequest),
	pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE:          on(onMessage),
	pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE_ACK:      on(onReceipt),
	pbnetwork.WrapperMessage_TYPE_MESSAGE_RESULT:        on(onMessageResult),
	pbnetwork.WrapperMessage_TYPE_ATTENTION:             on(onAttention),
	pbnetwork.WrapperMessage_TYPE_BUDDY_TYPING:          on(onTyping),
	pbnetwork.WrapperMessage_TYPE_BUDDY_TYPED:           on(onPaused),
	pbnetwork.WrapperMessage_TYPE_BUDDY_STOPPED_TYPING:  on(onStoppedTyping),
	pbnetwork.WrapperMessage_TYPE_PARTICIPANT_CHANGED:   on(onParticipant),
	pbnetwork.WrapperMessage_TYPE_ROOM_NICKNAME_CHANGED: on(onRoomNick),
	pbnetwork.WrapperMessage_TYPE_ROOM_SUBJECT_CHANGED:  on(onSubject),
	pbnetwork.WrapperMessage_TYPE_JOIN_FAILED:           on(onJoinFailed),
	pbnetwork.WrapperMessage_TYPE_ROOM_LIST:             on(onRoomList),
	pbnetwork.WrapperMessage_TYPE_VCARD:                 on(onVCard),
	pbnetwork.WrapperMessage_TYPE_STEP:                  on(onStep),
	pbnetwork.WrapperMessage_TYPE_COMMAND_RESULT:        on(onCommandResult),
	pbnetwork.WrapperMessage_TYPE_SEARCH_RESULT:         on(onSearchResult),
	pbnetwork.WrapperMessage_TYPE_LOGGED_OUT:            on(onLoggedOut),
}

// on makes a handler of one message type fit the table.
func on[M proto.Message](f func(context.Context, *Session, M)) func(context.Context, *Session, proto.Message) {
	return func(ctx context.Context, s *Session, m proto.Message) {
		if typed, ok := m.(M); ok {
			f(ctx, s, typed)
		}
	}
}

// toBackend sends a frame and reports whether it left. Where it did not, the
// backend is gone: Lost follows, and until then nothing can be sent.
func (s *Session) toBackend(ctx context.Context, t pbnetwork.Type, m proto.Message) bool {
	if s.account.link == nil {
		return false
	}
	if err := s.account.link.Send(ctx, pbnetwork.Frame{Type: t, Message: m}); err != nil {
		s.log.Debug("frame not sent", "type", t.String(), "err", err)
		return false
	}
	return true
}
