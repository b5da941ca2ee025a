// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"time"

	"spectrum.im/spectrum2/daemon/store"
)

// roomsAgain is when the stored rooms are looked for again after they could
// not be read.
const roomsAgain = 30 * time.Second

// restoreRooms takes over the stored rooms, once. Where the user does not stay
// connected his clients were told that they left: those are forgotten.
func (s *Session) restoreRooms(ctx context.Context) {
	if !s.kept() || s.account.restored {
		return
	}
	s.account.restored = true
	id := s.account.user.ID
	s.task(func() {
		var rows []store.Room
		err := s.read(ctx, "rooms", func(ctx context.Context) (err error) {
			rows, err = s.o.Store.Rooms(ctx, id)
			return err
		})
		_ = s.box.put(ctx, roomsRead{rows, err}) // an ended session needs none
	})
}

// roomsRead: the stored rooms are there, or cannot be read.
type roomsRead struct {
	rows []store.Room
	err  error
}

func (e roomsRead) apply(ctx context.Context, s *Session) {
	if e.err != nil {
		s.account.restored = false
		s.timers.after(roomsAgain, roomsDue{})
		return
	}
	for _, row := range e.rows {
		if s.findRoom(row.Name) != nil {
			continue
		}
		j, err := s.set.Addresses.JID(row.Name, "")
		if err != nil || !s.stayConnected() {
			s.dropRoom(row.Name)
			continue
		}
		r := s.newRoom(row.Name, j.String(), j.Localpart(), row.Nickname, row.Password)
		r.kept = true
		if s.online() {
			s.joinRoom(ctx, r)
		}
	}
}

// roomsDue looks for the stored rooms once more.
type roomsDue struct{}

func (roomsDue) apply(ctx context.Context, s *Session) {
	if s.online() {
		s.restoreRooms(ctx)
	}
}
