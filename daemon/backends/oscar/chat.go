// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// chats are the session's rooms, by the names that the main process uses.
type chats struct {
	mu    sync.Mutex
	rooms map[string]*room
}

// room is a chat room that the user is in, or on his way into. Each has a
// connection of its own. Its fields are below chats.mu.
type room struct {
	name  string
	venue venue
	// nick is what the user wants to be called; the network calls him by his
	// screen name.
	nick string
	link *link
	// info is what the server said about the room.
	info roomInfo
	// in: the server has told who is there.
	in bool
	// occupants are the screen names as the server shows them, by normal name.
	occupants map[string]string
	// longest is how many bytes one message may have.
	longest int
}

// Bounds of one user's rooms.
const (
	maxRooms     = 30
	maxOccupants = 2000
)

// room is the room of that name that the user is in or on his way into.
func (s *session) room(name string) *room {
	s.chats.mu.Lock()
	defer s.chats.mu.Unlock()
	return s.chats.rooms[name]
}

// JoinRoom enters a room; a goroutine of its own finds it and answers.
func (s *session) JoinRoom(ctx context.Context, name, nick, _ string) error {
	if _, err := s.online(ctx); err != nil {
		return err
	}
	p, ok := venueOf(name)
	switch {
	case !ok:
		s.user.JoinFailed(name, nick, "item-not-found", "This cannot be a room's name.")
		return nil
	case plainRoom(name) && s.listed(normal(name)):
		s.user.JoinFailed(name, nick, "not-allowed", "A contact of yours has this name: the room is called "+p.String()+".")
		return nil
	}
	r := &room{name: name, venue: p, nick: nick, occupants: make(map[string]string), longest: defaultRoomMessage}
	s.chats.mu.Lock()
	old := s.chats.rooms[name]
	full := len(s.chats.rooms) >= maxRooms
	if old == nil && !full {
		if s.chats.rooms == nil {
			s.chats.rooms = make(map[string]*room)
		}
		s.chats.rooms[name] = r
	}
	s.chats.mu.Unlock()
	switch {
	case old != nil:
		s.showRoom(old)
	case full:
		s.user.JoinFailed(name, nick, "not-allowed", "You are in too many rooms.")
	default:
		s.user.Go(func() { s.enter(r) })
	}
	return nil
}

// listed reports whether somebody is on the user's list.
func (s *session) listed(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bag.has(name)
}

// showRoom tells the user all about a room that he is in: who is there, himself
// last. Nothing is told before the server has.
func (s *session) showRoom(r *room) {
	s.chats.mu.Lock()
	in, occupants, nick := r.in, maps.Clone(r.occupants), r.nick
	s.chats.mu.Unlock()
	if !in {
		return
	}
	me := occupants[s.name]
	if me != nick {
		s.user.RoomNick(r.name, me)
	}
	for _, name := range slices.Sorted(maps.Keys(occupants)) {
		if name != s.name {
			s.user.Participant(participant(r.name, occupants[name]))
		}
	}
	self := participant(r.name, me)
	self.Me = true
	s.user.Participant(self)
	s.user.Subject(r.name, "", "", time.Time{})
}

// participant is an occupant: in AIM's rooms all are alike.
func participant(room, shown string) backend.Participant {
	return backend.Participant{
		Room: room, Nickname: shown, Role: pbnetwork.Role_ROLE_PARTICIPANT,
		Affiliation: pbnetwork.Affiliation_AFFILIATION_NONE, Status: backend.Status{Type: statusOnline},
	}
}

// forget takes a room off the list, and reports whether it was there.
func (s *session) forget(r *room) bool {
	s.chats.mu.Lock()
	defer s.chats.mu.Unlock()
	if s.chats.rooms[r.name] != r {
		return false
	}
	delete(s.chats.rooms, r.name)
	return true
}

// LeaveRoom leaves a room.
func (s *session) LeaveRoom(_ context.Context, name string) error {
	r := s.room(name)
	if r == nil || !s.forget(r) {
		return nil
	}
	s.chats.mu.Lock()
	l := r.link
	s.chats.mu.Unlock()
	if l != nil {
		s.user.Go(l.close)
	}
	return nil
}

// SetSubject always fails.
func (s *session) SetSubject(context.Context, string, string) error {
	return errors.New("the rooms of this network have no subject")
}

// ChangeNick always fails, and says what the user is called.
func (s *session) ChangeNick(_ context.Context, name, _ string) error {
	if r := s.room(name); r != nil {
		s.chats.mu.Lock()
		me := r.occupants[s.name]
		s.chats.mu.Unlock()
		s.user.RoomNick(name, me)
	}
	return errors.New("in the rooms of this network everybody has his screen name")
}
