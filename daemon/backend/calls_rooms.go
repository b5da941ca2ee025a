// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"context"
	"errors"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

var errNoRooms = errors.New("this network has no rooms")

// joinCall is a join, or, in a room that the user is in, a change of nick. An
// error is the answer to the join, so that nobody waits for it in vain.
func joinCall(u *User, f pbnetwork.Frame) call {
	m := f.Message.(*pbnetwork.Room)
	room, nick := m.GetRoom(), m.GetNickname()
	failed := func(condition, reason string) { u.JoinFailed(room, nick, condition, reason) }
	return call{
		name: "join",
		run: func(ctx context.Context, s Session) {
			r, ok := s.(RoomSession)
			if !ok {
				failed("not-allowed", errNoRooms.Error())
				return
			}
			if u.rememberJoin(room, nick) {
				u.tell(room, "change of nick", r.ChangeNick(ctx, room, nick))
				return
			}
			if err := r.JoinRoom(ctx, room, nick, m.GetPassword()); err != nil {
				u.log.Info("a call failed", "call", "join", "err", err)
				failed("service-unavailable", sentence(err))
			}
		},
		refuse: func(reason string) { failed("service-unavailable", reason) },
	}
}

func leaveCall(u *User, f pbnetwork.Frame) call {
	room := f.Message.(*pbnetwork.Room).GetRoom()
	return u.simple(room, "leave", func(ctx context.Context, s Session) error {
		u.forgetRoom(room)
		if r, ok := s.(RoomSession); ok {
			return r.LeaveRoom(ctx, room)
		}
		return nil
	})
}

func subjectCall(u *User, f pbnetwork.Frame) call {
	m := f.Message.(*pbnetwork.ConversationMessage)
	room := m.GetBuddyName()
	return u.simple(room, "subject", func(ctx context.Context, s Session) error {
		if r, ok := s.(RoomSession); ok {
			return r.SetSubject(ctx, room, m.GetMessage())
		}
		return errNoRooms
	})
}
