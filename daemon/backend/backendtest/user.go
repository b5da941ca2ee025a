// SPDX-License-Identifier: GPL-2.0-or-later

package backendtest

import (
	"fmt"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// Login sends LOGIN and waits for nothing.
func (m *Main) Login(user, legacyName, password string, extra ...string) {
	m.t.Helper()
	m.Send(pbnetwork.WrapperMessage_TYPE_LOGIN, &pbnetwork.Login{
		User: &user, LegacyName: &legacyName, Password: &password, ExtraFields: extra,
	})
}

// MustLogin sends LOGIN and waits for CONNECTED.
func (m *Main) MustLogin(user, legacyName, password string, extra ...string) *pbnetwork.Connected {
	m.t.Helper()
	m.Login(user, legacyName, password, extra...)
	return m.Connected(user)
}

// Connected waits for the user's CONNECTED.
func (m *Main) Connected(user string) *pbnetwork.Connected {
	m.t.Helper()
	return Get(m, pbnetwork.WrapperMessage_TYPE_CONNECTED, func(c *pbnetwork.Connected) bool { return c.GetUser() == user })
}

// Disconnected waits for the user's DISCONNECTED.
func (m *Main) Disconnected(user string) *pbnetwork.Disconnected {
	m.t.Helper()
	return Get(m, pbnetwork.WrapperMessage_TYPE_DISCONNECTED, func(d *pbnetwork.Disconnected) bool { return d.GetUser() == user })
}

// Logout sends LOGOUT.
func (m *Main) Logout(user, legacyName string) {
	m.t.Helper()
	m.Send(pbnetwork.WrapperMessage_TYPE_LOGOUT, &pbnetwork.Logout{User: &user, LegacyName: &legacyName})
}

// LogoutAnswered sends LOGOUT and waits for the session's end: LOGGED_OUT in the
// extension, nothing in version 1.
func (m *Main) LogoutAnswered(user, legacyName string) {
	m.t.Helper()
	if m.level == 0 {
		m.Logout(user, legacyName)
		return
	}
	confirm := true
	m.Send(pbnetwork.WrapperMessage_TYPE_LOGOUT, &pbnetwork.Logout{User: &user, LegacyName: &legacyName, Confirm: &confirm})
	Get(m, pbnetwork.WrapperMessage_TYPE_LOGGED_OUT, func(l *pbnetwork.LoggedOut) bool { return l.GetUser() == user })
}

// Message sends a message to a contact or room and returns its id, which
// Result wants; with version 1 there is none, and the id is "".
func (m *Main) Message(user, to, text string) string {
	m.t.Helper()
	return m.message(&pbnetwork.ConversationMessage{UserName: &user, BuddyName: &to, Message: &text})
}

// PrivateMessage sends a message to an occupant of a room: in the extension's
// form, or in version 1's.
func (m *Main) PrivateMessage(user, room, occupant, text string) string {
	m.t.Helper()
	if m.level == 0 {
		return m.Message(user, room+"/"+occupant, text)
	}
	pm := true
	return m.message(&pbnetwork.ConversationMessage{
		UserName: &user, BuddyName: &room, Nickname: &occupant, Pm: &pm, Message: &text,
	})
}

func (m *Main) message(c *pbnetwork.ConversationMessage) string {
	m.t.Helper()
	if m.level > 0 {
		m.ids++
		id := fmt.Sprintf("m%d", m.ids)
		c.MessageId = &id
	}
	m.Send(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, c)
	return c.GetMessageId()
}

// Result waits for what became of a message.
func (m *Main) Result(id string) *pbnetwork.MessageResult {
	m.t.Helper()
	return Get(m, pbnetwork.WrapperMessage_TYPE_MESSAGE_RESULT, func(r *pbnetwork.MessageResult) bool { return r.GetMessageId() == id })
}

// Incoming waits for a message from a contact or room.
func (m *Main) Incoming(user, from string) *pbnetwork.ConversationMessage {
	m.t.Helper()
	return Get(m, pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, func(c *pbnetwork.ConversationMessage) bool {
		return c.GetUserName() == user && c.GetBuddyName() == from
	})
}

// Join asks for a room.
func (m *Main) Join(user, room, nick, password string) {
	m.t.Helper()
	r := &pbnetwork.Room{UserName: &user, Room: &room, Nickname: &nick}
	if password != "" {
		r.Password = &password
	}
	m.Send(pbnetwork.WrapperMessage_TYPE_JOIN_ROOM, r)
}

// Leave leaves a room.
func (m *Main) Leave(user, room, nick string) {
	m.t.Helper()
	m.Send(pbnetwork.WrapperMessage_TYPE_LEAVE_ROOM, &pbnetwork.Room{UserName: &user, Room: &room, Nickname: &nick})
}

// Occupants waits for a room's list and returns it: every PARTICIPANT_CHANGED
// of the room up to the user himself.
func (m *Main) Occupants(user, room string) []*pbnetwork.Participant {
	m.t.Helper()
	var all []*pbnetwork.Participant
	for {
		p := m.Participant(user, room)
		all = append(all, p)
		if p.GetFlag()&int32(pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_ME) != 0 {
			return all
		}
	}
}

// Participant waits for the next PARTICIPANT_CHANGED of a room.
func (m *Main) Participant(user, room string) *pbnetwork.Participant {
	m.t.Helper()
	return Get(m, pbnetwork.WrapperMessage_TYPE_PARTICIPANT_CHANGED, func(p *pbnetwork.Participant) bool {
		return p.GetUserName() == user && p.GetRoom() == room
	})
}

// Command runs a command of the network's and returns its result.
func (m *Main) Command(user, room, name string, args ...string) *pbnetwork.CommandResult {
	m.t.Helper()
	m.ids++
	id := fmt.Sprintf("c%d", m.ids)
	c := &pbnetwork.Command{User: &user, Id: &id, Name: &name, Argument: args}
	if room != "" {
		c.Room = &room
	}
	m.Send(pbnetwork.WrapperMessage_TYPE_COMMAND, c)
	return Get(m, pbnetwork.WrapperMessage_TYPE_COMMAND_RESULT, func(r *pbnetwork.CommandResult) bool { return r.GetId() == id })
}

// Search searches the network's directory and returns the result.
func (m *Main) Search(user string, fields map[string]string) *pbnetwork.SearchResult {
	m.t.Helper()
	m.ids++
	id := fmt.Sprintf("s%d", m.ids)
	s := &pbnetwork.Search{User: &user, Id: &id}
	for name, value := range fields {
		s.Field = append(s.Field, &pbnetwork.StepField{Name: &name, Value: &value})
	}
	m.Send(pbnetwork.WrapperMessage_TYPE_SEARCH, s)
	return Get(m, pbnetwork.WrapperMessage_TYPE_SEARCH_RESULT, func(r *pbnetwork.SearchResult) bool { return r.GetId() == id })
}

// Step waits for a question to the user.
func (m *Main) Step(user string) *pbnetwork.Step {
	m.t.Helper()
	return Get(m, pbnetwork.WrapperMessage_TYPE_STEP, func(s *pbnetwork.Step) bool { return s.GetUser() == user })
}

// Answer answers a question; nil fields refuse to.
func (m *Main) Answer(s *pbnetwork.Step, fields map[string]string) {
	m.t.Helper()
	a := &pbnetwork.StepAnswer{User: s.User, Id: s.Id}
	if fields == nil {
		cancelled := true
		a.Cancelled = &cancelled
	}
	for name, value := range fields {
		a.Field = append(a.Field, &pbnetwork.StepField{Name: &name, Value: &value})
	}
	m.Send(pbnetwork.WrapperMessage_TYPE_STEP_ANSWER, a)
}
