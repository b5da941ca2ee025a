// SPDX-License-Identifier: GPL-2.0-or-later

package irc

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
	Message(m backend.Incoming)
	Participant(p backend.Participant)
	Subject(room, occupant, text string, at time.Time)
	RoomNick(room, nick string)
	RoomList(rooms, names []string)
	JoinFailed(room, nick, condition, text string)
}

var _ User = (*backend.User)(nil)

// result is where the fate of a user's message is reported, once;
// *backend.Message is one.
type result interface {
	Delivered(remoteID string)
	Refused(condition, reason string)
	Unknown(reason string)
}

var _ result = (*backend.Message)(nil)
