// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"context"
	"errors"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// calls makes, for each frame that is about a user, the call of his session.
// Types that are not here (and whatever a later version invents) are ignored.
var calls = map[pbnetwork.Type]func(*User, pbnetwork.Frame) call{
	pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE:         messageCall,
	pbnetwork.WrapperMessage_TYPE_JOIN_ROOM:            joinCall,
	pbnetwork.WrapperMessage_TYPE_LEAVE_ROOM:           leaveCall,
	pbnetwork.WrapperMessage_TYPE_ROOM_SUBJECT_CHANGED: subjectCall,
	pbnetwork.WrapperMessage_TYPE_STATUS_CHANGED:       statusCall,
	pbnetwork.WrapperMessage_TYPE_BUDDY_TYPING:         typingCall,
	pbnetwork.WrapperMessage_TYPE_BUDDY_TYPED:          typingCall,
	pbnetwork.WrapperMessage_TYPE_BUDDY_STOPPED_TYPING: typingCall,
	pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED:        contactCall,
	pbnetwork.WrapperMessage_TYPE_BUDDY_REMOVED:        contactRemovedCall,
	pbnetwork.WrapperMessage_TYPE_BUDDIES:              rosterCall,
	pbnetwork.WrapperMessage_TYPE_AUTH_REQUEST:         authCall,
	pbnetwork.WrapperMessage_TYPE_VCARD:                vcardCall,
	pbnetwork.WrapperMessage_TYPE_ATTENTION:            attentionCall,
	pbnetwork.WrapperMessage_TYPE_RAW_XML:              rawCall,
	pbnetwork.WrapperMessage_TYPE_COMMAND:              commandCall,
	pbnetwork.WrapperMessage_TYPE_SEARCH:               searchCall,
}

// call hands a frame to the session of its user.
func (p *process) call(f pbnetwork.Frame) {
	callOf := calls[f.Type]
	if callOf == nil {
		p.Log.Debug("a frame of a type that is not for backends is ignored", "type", f.Type.String())
		return
	}
	user := userOf(f)
	s := p.seat(user)
	if s == nil {
		p.Log.Debug("a frame for a user without a session", "type", f.Type.String(), "user", user)
		p.refuse(user, f)
		return
	}
	s.post(callOf(s.user, f))
}

// refuse answers a frame for a user who has no session, where an answer is
// owed.
func (p *process) refuse(user string, f pbnetwork.Frame) {
	if p.wire.level == 0 {
		return
	}
	var err error
	switch m := f.Message.(type) {
	case *pbnetwork.ConversationMessage:
		if f.Type == pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE && m.GetMessageId() != "" {
			err = p.wire.send(messageResult(user, m.GetMessageId(), outcome{
				Outcome: pbnetwork.MessageResult_FAILED, Reason: notLoggedIn,
			}))
		}
	case *pbnetwork.Command:
		err = p.wire.send(commandResult(m, notLoggedIn, true))
	case *pbnetwork.Search:
		err = p.wire.send(searchFailed(m, notLoggedIn))
	}
	if err != nil {
		p.Log.Warn("an answer was not sent", "type", f.Type.String(), "user", user, "err", err)
	}
}

// tell logs an error that a call returned and tells the user: as a message from
// whoever the call was about, or from the network itself ("").
func (u *User) tell(from, what string, err error) {
	if err == nil {
		return
	}
	u.log.Info("a call failed", "call", what, "err", err)
	if from == "" && !u.extended() {
		return // version 1 has nobody whom it could come from
	}
	u.Message(Incoming{From: from, Text: sentence(err), Headline: true})
}

// sentence is an error as its user reads it.
func sentence(err error) string {
	var ours *Error
	if errors.As(err, &ours) {
		return ours.Text
	}
	return err.Error()
}

// refusal tells a refused call's user.
func (u *User) refusal(from, what string) func(string) {
	return func(reason string) { u.tell(from, what, errors.New(reason)) }
}

func messageCall(u *User, f pbnetwork.Frame) call {
	m := u.accept(f.Message.(*pbnetwork.ConversationMessage))
	return call{
		name:   "message",
		run:    func(ctx context.Context, s Session) { s.Message(ctx, m) },
		refuse: m.Failed,
	}
}

func commandCall(u *User, f pbnetwork.Frame) call {
	m := f.Message.(*pbnetwork.Command)
	answer := func(text string, failed bool) { u.mustSend(commandResult(m, text, failed)) }
	return call{
		name: "command",
		asks: true,
		run: func(ctx context.Context, s Session) {
			answered := false
			defer func() {
				if !answered { // a panic
					answer(textPanic, true)
				}
			}()
			text, failed := runCommand(ctx, s, m)
			answered = true
			answer(text, failed)
		},
		refuse: func(reason string) { answer(reason, true) },
	}
}

func runCommand(ctx context.Context, s Session, m *pbnetwork.Command) (text string, failed bool) {
	c, ok := s.(CommandSession)
	if !ok {
		return "This network has no commands.", true
	}
	text, err := c.Command(ctx, m.GetRoom(), m.GetName(), m.GetArgument())
	if err != nil {
		return sentence(err), true
	}
	return text, false
}

func commandResult(m *pbnetwork.Command, answer string, failed bool) pbnetwork.Frame {
	return pbnetwork.Frame{
		Type: pbnetwork.WrapperMessage_TYPE_COMMAND_RESULT,
		Message: &pbnetwork.CommandResult{
			User: m.User, Id: m.Id, Text: text(answer), Failed: flag(failed),
		},
	}
}
