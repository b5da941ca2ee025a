// SPDX-License-Identifier: GPL-2.0-or-later

package personal

import (
	"context"
	"log/slog"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// Store is the part of store.Store that is used here.
type Store interface {
	store.Archive
	store.Personal
}

// Options say whose services they are.
type Options struct {
	// User is the bare JID, UserID his number in the database.
	User   jid.JID
	UserID int64
	// Token is asked for each write.
	Token func() store.Token
	Store Store
	// Days is how long messages stay in the archive; 0 is no archive at all.
	Days int
	// Rooms: what is said in rooms is archived too.
	Rooms bool
	// Send sends to one of the user's clients, by its full JID. It must not
	// wait for the client, and not call back.
	Send func(ctx context.Context, st *xmpp.Element) error
	// Block tells the network what is blocked and unblocked; nil is nobody.
	Block func(ctx context.Context, jid string, blocked bool) error
	// Avatar is given the picture that a client published (XEP-0084), nil
	// when it took it away; a nil Avatar is not told.
	Avatar func(ctx context.Context, photo []byte) error
	// Log gets what an operator should know; nil is nowhere.
	Log *slog.Logger
}

// Bounds of what one user may keep.
const (
	maxItem     = 64 << 10  // bytes of an item or document
	maxPicture  = 256 << 10 // bytes of an item of avatar data
	maxBytes    = 4 << 20   // of everything
	maxNodes    = 100
	maxItems    = 1000 // of one node
	maxDocs     = 100  // of private storage
	maxBlocked  = 1000
	maxArchived = 64 << 10 // bytes of a message that is archived
)
