// SPDX-License-Identifier: GPL-2.0-or-later

package template

import (
	"context"
	"fmt"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// room is echoroom as one user sees it; nick is "" while he is not in it.
type room struct {
	nick    string
	subject subject
}

type subject struct {
	text, by string
	at       time.Time
}

// JoinRoom answers with the occupants, the user himself last, and the subject.
// It is called again when a further client of the user's joins: the same
// answer, then.
func (s *session) JoinRoom(_ context.Context, name, nickname, _ string) error {
	switch {
	case name != echoRoom:
		s.user.JoinFailed(name, nickname, "item-not-found", "The template network has only the room "+echoRoom+".")
		return nil
	case nickname == echoBot:
		s.user.JoinFailed(name, nickname, "conflict", "That nickname is "+echoBot+"'s.")
		return nil
	}
	s.room.nick = nickname
	s.user.Participant(backend.Participant{
		Room: echoRoom, Nickname: echoBot,
		Role:        pbnetwork.Role_ROLE_MODERATOR,
		Affiliation: pbnetwork.Affiliation_AFFILIATION_OWNER,
		IconHash:    photoHash(),
	})
	s.user.Participant(s.me())
	if s.room.subject.text == "" {
		s.room.subject = subject{text: "Whatever you say comes back", by: echoBot, at: time.Now()}
	}
	s.showSubject()
	return nil
}

// me is the user as an occupant.
func (s *session) me() backend.Participant {
	return backend.Participant{
		Room: echoRoom, Nickname: s.room.nick, Me: true,
		Role:        pbnetwork.Role_ROLE_PARTICIPANT,
		Affiliation: pbnetwork.Affiliation_AFFILIATION_MEMBER,
	}
}

func (s *session) showSubject() {
	s.user.Subject(echoRoom, s.room.subject.by, s.room.subject.text, s.room.subject.at)
}

// LeaveRoom needs no answer.
func (s *session) LeaveRoom(context.Context, string) error {
	s.room.nick = ""
	return nil
}

// SetSubject: an error here reaches the user as a message from the room.
func (s *session) SetSubject(_ context.Context, name, text string) error {
	if err := s.inside(name); err != nil {
		return err
	}
	s.room.subject = subject{text: text, by: s.room.nick, at: time.Now()}
	s.showSubject()
	return nil
}

// ChangeNick tells the change as what happened to the occupant with the old
// nick.
func (s *session) ChangeNick(_ context.Context, name, nickname string) error {
	if err := s.inside(name); err != nil {
		return err
	}
	if nickname == echoBot {
		return fmt.Errorf("the nickname %s is taken", nickname)
	}
	p := s.me()
	p.NewName = nickname
	s.user.Participant(p)
	s.room.nick = nickname
	return nil
}

// inside is the error of who is not in the room.
func (s *session) inside(name string) error {
	if name != echoRoom || s.room.nick == "" {
		return fmt.Errorf("you are not in the room %s", name)
	}
	return nil
}

// roomMessage reflects a message to the room, as the sender has to see it
// there, and lets echobot say it again; a private one stays between the two.
func (s *session) roomMessage(m *backend.Message) {
	if err := s.inside(m.To); err != nil {
		m.Refused("not-acceptable", err.Error())
		return
	}
	if m.Occupant != "" && m.Occupant != echoBot {
		m.Refused("item-not-found", fmt.Sprintf("There is no %s in the room.", m.Occupant))
		return
	}
	id := s.nextID()
	m.Delivered(id)
	private := m.Occupant != ""
	if !private {
		s.user.Message(backend.Incoming{From: echoRoom, Occupant: s.room.nick, Text: m.Text, RemoteID: id})
	}
	s.user.Message(backend.Incoming{
		From: echoRoom, Occupant: echoBot, Private: private, Text: m.Text, RemoteID: s.nextID(),
	})
}
