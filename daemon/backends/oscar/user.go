// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"log/slog"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// User is what this package needs of the main process's side of a session;
// *backend.User is one. None of the methods waits for the network or for the
// main process.
type User interface {
	Log() *slog.Logger
	Config() *config.Config
	Go(f func())
	Connected(legacyName string, c pbnetwork.Confirmation)
	Contact(c backend.Contact)
	ContactList(list []backend.Contact)
	ContactRemoved(name string)
	AuthRequest(contact, message string)
	Typing(contact string, t backend.Typing)
	Message(m backend.Incoming)
	Receipt(m *backend.Message)
	Participant(p backend.Participant)
	Subject(room, occupant, text string, at time.Time)
	RoomNick(room, nick string)
	RoomList(rooms, names []string)
	JoinFailed(room, nick, condition, text string)
}

var _ User = (*backend.User)(nil)
