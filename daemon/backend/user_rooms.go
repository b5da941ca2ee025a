// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// roomState is what the SDK remembers of a room to tell a join from a change
// of nick: version 1 has one frame for both.
type roomState struct {
	nick string
	in   bool
}

// Participant adds an occupant to a room, or says what happened to him. After
// a join the user himself comes last, with Me.
func (u *User) Participant(p Participant) {
	u.rememberParticipant(p)
	m := &pbnetwork.Participant{
		UserName: &u.jid, Room: &p.Room, Nickname: &p.Nickname, Flag: flags(p),
		Status: p.Status.Type.Enum(), StatusMessage: text(p.Status.Text),
		Newname: text(p.NewName), IconHash: text(p.IconHash), Alias: text(p.RealName),
	}
	if u.extended() {
		m.Role, m.Affiliation, m.Actor = p.Role.Enum(), p.Affiliation.Enum(), text(p.Actor)
	}
	u.send(pbnetwork.WrapperMessage_TYPE_PARTICIPANT_CHANGED, m)
}

func flags(p Participant) *int32 {
	var f pbnetwork.ParticipantFlag
	for _, bit := range []struct {
		set  bool
		flag pbnetwork.ParticipantFlag
	}{
		{p.Role == pbnetwork.Role_ROLE_MODERATOR, pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_MODERATOR},
		{p.Me, pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_ME},
		{p.Kicked, pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_KICKED},
		{p.Banned, pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_BANNED},
	} {
		if bit.set {
			f |= bit.flag
		}
	}
	n := int32(f)
	return &n
}

// Subject says what a room's subject is, who set it and when; a zero at means
// that nobody knows.
func (u *User) Subject(room, occupant, subject string, at time.Time) {
	u.send(pbnetwork.WrapperMessage_TYPE_ROOM_SUBJECT_CHANGED, &pbnetwork.ConversationMessage{
		UserName: &u.jid, BuddyName: &room, Message: &subject,
		Nickname: text(occupant), Timestamp: timestamp(at),
	})
}

// RoomNick says that the user's own nick in a room is another than he asked
// for.
func (u *User) RoomNick(room, nick string) {
	u.mu.Lock()
	if r := u.rooms[room]; r != nil {
		r.nick = nick
	}
	u.mu.Unlock()
	u.send(pbnetwork.WrapperMessage_TYPE_ROOM_NICKNAME_CHANGED, &pbnetwork.Room{
		UserName: &u.jid, Room: &room, Nickname: &nick,
	})
}

// RoomList says which rooms the network has for this user; names[i] is what
// rooms[i] is called.
func (u *User) RoomList(rooms, names []string) {
	u.send(pbnetwork.WrapperMessage_TYPE_ROOM_LIST, &pbnetwork.RoomList{User: &u.jid, Room: rooms, Name: names})
}

// JoinFailed answers a JoinRoom that did not succeed. condition is the XMPP
// error condition of XEP-0045 §7.2: not-authorized (a password is wanted),
// forbidden (banned), item-not-found, not-allowed, not-acceptable,
// registration-required, conflict (the nick is taken), service-unavailable
// (full), remote-server-timeout. reason is the network's own text.
func (u *User) JoinFailed(room, nick, condition, reason string) {
	u.mu.Lock()
	delete(u.rooms, room)
	u.mu.Unlock()
	if !u.extended() {
		u.joinFailedVersion1(room, nick, condition, reason)
		return
	}
	u.send(pbnetwork.WrapperMessage_TYPE_JOIN_FAILED, &pbnetwork.JoinFailed{
		User: &u.jid, Room: &room, Nickname: &nick, Condition: &condition, Text: text(reason),
	})
}

// joinFailedVersion1 says it with the flags of version 1, which knows four
// reasons.
func (u *User) joinFailedVersion1(room, nick, condition, reason string) {
	f := pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_ROOM_NOT_FOUND
	switch condition {
	case "conflict":
		f = pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_CONFLICT
	case "forbidden":
		f = pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_BANNED
	case "not-authorized", "registration-required":
		f = pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_NOT_AUTHORIZED
	}
	n := int32(f)
	u.send(pbnetwork.WrapperMessage_TYPE_PARTICIPANT_CHANGED, &pbnetwork.Participant{
		UserName: &u.jid, Room: &room, Nickname: &nick, Flag: &n,
		Status: pbnetwork.StatusType_STATUS_NONE.Enum(), StatusMessage: text(reason),
	})
}

// rememberParticipant follows the user himself through his rooms.
func (u *User) rememberParticipant(p Participant) {
	if !p.Me {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case p.NewName != "":
		u.rooms[p.Room] = &roomState{nick: p.NewName, in: true}
	case p.Status.Type == pbnetwork.StatusType_STATUS_NONE:
		delete(u.rooms, p.Room)
	default:
		u.rooms[p.Room] = &roomState{nick: p.Nickname, in: true}
	}
}

// rememberJoin notes that the user asks for a room, and reports whether that
// is a change of nick in a room he is in.
func (u *User) rememberJoin(room, nick string) (change bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	r := u.rooms[room]
	if r == nil {
		u.rooms[room] = &roomState{nick: nick}
		return false
	}
	return r.in && r.nick != nick
}

func (u *User) forgetRoom(room string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.rooms, room)
}

// splitOccupant takes version 1's name of an occupant, room/nick, apart, for
// rooms that the user is in.
func (u *User) splitOccupant(name string) (room, occupant string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	room = name
	for r := range u.rooms {
		nick, ok := strings.CutPrefix(name, r+"/")
		if ok && nick != "" && (occupant == "" || len(r) > len(room)) {
			room, occupant = r, nick
		}
	}
	return room, occupant
}

// timestamp is a time in the protocol's form; unset when zero.
func timestamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return text(t.UTC().Format("20060102T150405"))
}
