// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"log/slog"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// Front is the way to the user's clients. Send must not keep the session
// waiting for the peer; any error but ctx's means that the stanza did not
// leave and that there is no link (the session then keeps messages and sends
// presence again at LinkUp).
type Front interface {
	Send(ctx context.Context, st *xmpp.Element) error
}

// Backends assigns backends to users. Acquire waits until one has room; its
// error's text is shown to the user. One user holds at most one link: the
// session releases the old one first.
type Backends interface {
	Acquire(ctx context.Context, user string, r Receiver) (Link, error)
}

// Link is the user's part of the connection with his backend. Send's error
// means that the frame did not leave; Lost follows where the backend is gone.
type Link interface {
	Send(ctx context.Context, f pbnetwork.Frame) error
	// Backend is the backend's number.
	Backend() int
	// Level of the extension, 0 for a version 1 backend.
	Level() int
	Features() pbnetwork.Features
	// Release gives the user up; nothing is received afterwards.
	Release()
}

// Receiver takes what a backend sends for one user. Frame blocks until the
// session took it or is gone; Lost comes at most once, after the last Frame.
type Receiver interface {
	Frame(ctx context.Context, f pbnetwork.Frame)
	Lost(reason error)
}

// Store is the part of store.Store that a session uses.
type Store interface {
	Contacts(ctx context.Context, userID int64) ([]store.Contact, error)
	PutContact(ctx context.Context, t store.Token, c *store.Contact) error
	DeleteContact(ctx context.Context, t store.Token, userID int64, name string) error
	store.Queue
	store.Rooms
	SetOnline(ctx context.Context, t store.Token, id int64, online bool) error
	SetSetting(ctx context.Context, t store.Token, id int64, name string, typ int, value string) error
}

// Limiter paces logins over all users: Wait returns when the next one may
// start.
type Limiter interface {
	Wait(ctx context.Context) error
}

// Settings are the instance's, as a session sees them; a reload gives new ones.
type Settings struct {
	Addresses Addresses
	// Name of the transport for people, identity.name.
	Name string
	// Version of the program, for jabber:iq:version of contacts and rooms.
	Version string
	// RoomFeatures are what disco#info of a room says beside its own, for users
	// who are kept: the features of its archive.
	RoomFeatures []string
	// Caps is the <c/> (XEP-0115) of the transport's own presence; nil: none.
	Caps *xmpp.Element
	// The keys of [service] that concern one user.
	XHTML          bool
	RemoveBuddy    bool
	OOBReplaceBody bool
	OOBSplit       bool
	VIPOnly        bool
	VIPMessage     string
	// Defaults of the user's own settings.
	SendHeadlines bool
	StayConnected bool
	// ServerMode: the transport is the user's server. His roster is the
	// network's list (Options.Roster) instead of something that he is asked
	// about, every contact that is there is shown to each new client, and his
	// clients are known by Attached and Detached.
	ServerMode bool
	// Queue is how many messages are kept for a user who is away; 0 means
	// DefaultQueue.
	Queue int
}

// DefaultQueue is how many messages wait for a user at most.
const DefaultQueue = 1000

// Options make a Session.
type Options struct {
	// User is owned by the session from New on; ChangeAccount replaces it.
	// With Trial, its ID may be 0: nothing is written until it has one.
	User  *store.User
	Token store.Token
	Store Store
	// Inherited: another main process had the user before. What it showed him
	// and is not so any more is corrected after the login.
	Inherited bool
	// Shared: another main process may have the user after this session.
	Shared   bool
	Front    Front
	Backends Backends
	Settings func() Settings
	// Limiter may be nil: no pacing.
	Limiter Limiter
	// Log carries the user's name already.
	Log *slog.Logger
	// Trial, if set, makes the session log in at once, without any presence,
	// and is called once, from the session's goroutine, with what came of it:
	// nil, or an error (a *LoginError where the network answered). After an
	// error the session ends; after nil it waits a minute for the user's
	// presence (its caller probes), Attached or Login before it logs out
	// again. It must not wait for the session.
	Trial func(error)
	// Caps is shared by the sessions of an instance; nil: one of its own.
	Caps *CapsCache
	// Roster takes the contact list in server mode; nil otherwise.
	Roster RosterPusher
	// Refused, if set, is called once when the network refuses credentials
	// that it had taken before (a password that was changed elsewhere), from
	// the session's goroutine. It must not wait for the session.
	Refused func(error)
	// Writers is shared by the sessions of an instance; nil: no bound.
	Writers *Writers
	// Stored, if set, is called with what came of each use of the store, nil
	// or an error, from any goroutine. It must not wait. Without it the
	// session logs that the database is away.
	Stored func(error)
}
