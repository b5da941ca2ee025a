// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/room"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/muc"
)

// rooms are the rooms the user is in or about to be, and those that the network
// lists.
type rooms struct {
	byLocal map[string]*chatRoom
	// listed and titles are by the local part of the JID.
	listed map[string]string
	titles map[string]string
}

func newRooms() rooms { return rooms{byLocal: make(map[string]*chatRoom)} }

// phase is how far the user is in a room.
type phase int

const (
	// waiting: for the login.
	waiting phase = iota
	// joining: JOIN_ROOM left; the occupants come, the user last.
	joining
	// settling: the user is in; the subject may follow.
	settling
	inside
	// rejoining: was inside when the legacy session broke; the clients still
	// think that they are.
	rejoining
)

// chatRoom is one room, for all the user's clients in it: they share one nick.
type chatRoom struct {
	name  string // legacy
	local string
	bare  string
	state room.Room
	phase phase
	// wanted is the nick asked for.
	wanted, password string
	clients          []*roomClient // in the order in which they came
	timer            *timer
	held             []*pbnetwork.ConversationMessage // came while settling
	nickBy           *xmpp.Element                    // the presence that asked for a new nick
	kept             bool                             // in the store
	unechoed         []*unechoed                      // the user's words, see awaitEcho
}

// roomClient is one of the user's clients in a room.
type roomClient struct {
	resource, full string
	join           *xmpp.Element // what it entered with
	history        muc.History
	shown          bool // it was sent the occupants
	// backlog is what happened while there was no link, in order.
	backlog []*xmpp.Element
}

func (r *chatRoom) client(resource string) *roomClient {
	for _, c := range r.clients {
		if c.resource == resource {
			return c
		}
	}
	return nil
}

// entered reports whether the clients that were shown the room believe to be in
// it.
func (r *chatRoom) entered() bool {
	return r.phase == settling || r.phase == inside || r.phase == rejoining
}

// count is how many rooms the user is in.
func (rs *rooms) count() int {
	n := 0
	for _, r := range rs.byLocal {
		if r.entered() {
			n++
		}
	}
	return n
}

func (rs *rooms) sorted() []*chatRoom {
	var list []*chatRoom
	for _, r := range rs.byLocal {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *chatRoom) int { return cmp.Compare(a.name, b.name) })
	return list
}

// findRoom is the room with this legacy name, or one with the same address.
func (s *Session) findRoom(name string) *chatRoom {
	if len(s.rooms.byLocal) == 0 {
		return nil
	}
	for _, r := range s.rooms.byLocal { // few, and this is the way of every line
		if r.name == name {
			return r
		}
	}
	j, err := s.set.Addresses.JID(name, "")
	if err != nil {
		return nil
	}
	return s.rooms.byLocal[j.Localpart()]
}

// isRoom guesses whether an address that no contact has is a room's: it is
// listed, or begins as channels do on the networks that have them.
func (s *Session) isRoom(t target) bool {
	if t.room != nil {
		return true
	}
	if _, listed := s.rooms.listed[t.jid.Localpart()]; listed {
		return true
	}
	return t.contact == nil && strings.ContainsRune("#&+!", rune((t.name + " ")[0]))
}

// occupantJID is an occupant's address; what a resource cannot carry is left
// out of the nick.
func (r *chatRoom) occupantJID(s *Session, nick string) string {
	if nick == "" {
		return r.bare
	}
	if j, err := xmpp.ParseJID(r.bare + "/" + nick); err == nil {
		return j.String()
	}
	plain := strings.Map(func(c rune) rune {
		if c <= ' ' || c >= 0x7f {
			return '_'
		}
		return c
	}, nick)
	if j, err := xmpp.ParseJID(r.bare + "/" + plain); err == nil {
		return j.String()
	}
	s.log.Debug("occupant without an address", "room", r.name)
	return r.bare
}

// newRoom makes the entry of a room that is about to be joined.
func (s *Session) newRoom(name, bare, local, nick, password string) *chatRoom {
	r := &chatRoom{name: name, bare: bare, local: local, wanted: nick, password: password}
	r.state.Nick = nick
	s.rooms.byLocal[local] = r
	return r
}

// removeRoom forgets a room; with forget it is not joined again after a
// restart either.
func (s *Session) removeRoom(ctx context.Context, r *chatRoom, forget bool) {
	s.timers.stop(r.timer)
	delete(s.rooms.byLocal, r.local)
	clients := r.clients
	r.clients = nil
	if forget && r.kept && s.kept() {
		s.dropRoom(r.name)
	}
	for _, c := range clients {
		s.dropVisitor(c.resource)
	}
}

// keepRoom remembers a room for the time after a restart.
func (s *Session) keepRoom(r *chatRoom) {
	if !s.kept() {
		return
	}
	row := store.Room{UserID: s.account.user.ID, Name: r.name, Nickname: r.wanted, Password: r.password}
	r.kept = true
	s.later(&write{what: "room", key: "room " + r.name, run: func(ctx context.Context, t store.Token) error {
		return s.o.Store.PutRoom(ctx, t, row)
	}})
}

// dropRoom lets the store forget a room.
func (s *Session) dropRoom(name string) {
	id := s.account.user.ID
	s.later(&write{what: "left room", key: "room " + name, run: func(ctx context.Context, t store.Token) error {
		return s.o.Store.DeleteRoom(ctx, t, id, name)
	}})
}

// dropVisitor forgets a client that was there for a room only and is in none
// any more.
func (s *Session) dropVisitor(resource string) {
	x := s.clients.list[resource]
	if x == nil || x.direct {
		return
	}
	for _, r := range s.rooms.byLocal {
		if r.client(resource) != nil {
			return
		}
	}
	delete(s.clients.list, resource)
}

// onRoomList: the network's rooms, for disco and for people.
func onRoomList(_ context.Context, s *Session, l *pbnetwork.RoomList) {
	list := make([]RoomInfo, 0, len(l.GetRoom()))
	s.rooms.listed, s.rooms.titles = make(map[string]string, len(l.GetRoom())), make(map[string]string)
	for i, name := range l.GetRoom() {
		info := RoomInfo{Name: name, Title: name}
		if i < len(l.GetName()) && l.GetName()[i] != "" {
			info.Title = l.GetName()[i]
		}
		j, err := s.set.Addresses.JID(name, "")
		if err != nil {
			continue // nobody could join it
		}
		s.rooms.listed[j.Localpart()], s.rooms.titles[j.Localpart()] = name, info.Title
		list = append(list, info)
	}
	s.roomList.Store(&list)
}
