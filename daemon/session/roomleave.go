// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/muc"
)

// farewellGap is how close together the goodbyes of a client that disconnects
// come: its server says them to each room and to the transport one by one.
const farewellGap = 2 * time.Second

// userLeaves: a client says goodbye to a room, or (not politely) cannot be
// reached any more.
func (s *Session) userLeaves(ctx context.Context, r *chatRoom, c *roomClient, politely bool) {
	if politely && c.shown {
		s.showSelfGone(ctx, r, c, departure{})
	}
	x := s.clients.list[c.resource]
	mayStay := s.stayConnected() && x != nil && x.direct
	s.dropFromRoom(r, c)
	if len(r.clients) == 0 {
		if mayStay {
			s.timers.after(farewellGap, roomDeserted{r, c.resource})
		} else {
			s.leaveRoom(ctx, r)
		}
	}
	s.dropVisitor(c.resource)
	s.maybeLeave(ctx)
}

func (s *Session) dropFromRoom(r *chatRoom, c *roomClient) {
	for i := range r.clients {
		if r.clients[i] == c {
			r.clients = append(r.clients[:i:i], r.clients[i+1:]...)
			return
		}
	}
}

// roomDeserted: the last client left a room some moments ago. If it has gone
// altogether since, the user, who stays connected, did not mean the room.
type roomDeserted struct {
	room     *chatRoom
	resource string
}

func (e roomDeserted) apply(ctx context.Context, s *Session) {
	r := e.room
	if s.rooms.byLocal[r.local] != r || len(r.clients) > 0 {
		return
	}
	if s.stayConnected() && s.clients.list[e.resource] == nil {
		return
	}
	s.leaveRoom(ctx, r)
}

// clientLeavesRooms: a client has gone altogether.
func (s *Session) clientLeavesRooms(ctx context.Context, resource string) {
	for _, r := range s.rooms.sorted() {
		if c := r.client(resource); c != nil {
			s.dropFromRoom(r, c)
			if len(r.clients) == 0 && !s.stayConnected() {
				s.leaveRoom(ctx, r)
			}
		}
	}
}

// leaveRoom leaves on the network too.
func (s *Session) leaveRoom(ctx context.Context, r *chatRoom) {
	s.leaveFrame(ctx, r)
	s.removeRoom(ctx, r, true)
}

func (s *Session) leaveFrame(ctx context.Context, r *chatRoom) {
	if s.online() {
		nick := r.state.Nick
		s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_LEAVE_ROOM,
			&pbnetwork.Room{UserName: &s.user, Room: &r.name, Nickname: &nick})
	}
}

// closeRooms: the legacy session ends, and its rooms with it.
func (s *Session) closeRooms(ctx context.Context, reason string) { s.shutRooms(ctx, reason, true) }

func (s *Session) shutRooms(ctx context.Context, reason string, forget bool) {
	for _, r := range s.rooms.sorted() {
		for _, c := range r.clients {
			if c.shown {
				s.showSelfGone(ctx, r, c, departure{codes: []int{muc.StatusShutdown}, reason: reason})
			} else {
				s.send(ctx, muc.JoinError(c.join, xmpp.ServiceUnavailable, orDefault(reason, "You were logged out")))
			}
		}
		s.removeRoom(ctx, r, forget)
	}
}

// roomsInterrupted: the legacy session broke and will be made again. The
// clients stay; who is really there is compared after the next join.
func (s *Session) roomsInterrupted(ctx context.Context) {
	for _, r := range s.rooms.sorted() {
		s.timers.stop(r.timer)
		r.nickBy = nil
		if r.phase == settling {
			s.settled(ctx, r)
		}
		if r.entered() {
			r.phase = rejoining
		} else {
			r.phase = waiting
		}
	}
}

// rejoinRooms joins after a login what waited for it, and for a user who stays
// connected what he was in before a restart.
func (s *Session) rejoinRooms(ctx context.Context) {
	s.restoreRooms(ctx)
	for _, r := range s.rooms.sorted() {
		s.joinRoom(ctx, r)
	}
}
