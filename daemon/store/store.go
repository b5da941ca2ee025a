// SPDX-License-Identifier: GPL-2.0-or-later

// Package store is what an instance keeps: users with their credentials and
// settings, their contacts, the messages that wait for them, their rooms, their
// archives, and what their clients keep on the server.
// It declares the interface; store/sqlite and its siblings implement it, and
// store/storetest is the suite that each of them passes. It knows nothing of
// XMPP streams or backends; JIDs are bare JIDs in their normal form.
package store

import (
	"context"
	"errors"
	"time"
)

// Errors that callers branch on.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("exists already")
	// ErrFenced: the write's token is not the user's owner's any more.
	ErrFenced = errors.New("owned by another main process")
	// ErrUnavailable wraps every error of a database that is away.
	ErrUnavailable = errors.New("database unavailable")
)

// Token is the fencing token of a claimed user; every write that is about one
// user carries his. The zero Token is for administration while no instance
// runs; on SQLite, with its one writer, every token is good.
type Token int64

// User is a registered user.
type User struct {
	// ID is the database's key.
	ID int64
	// JID is the bare JID.
	JID string
	// Name is the name on the legacy network (the column uin).
	Name string
	// Password is readable here, whatever form it has at rest.
	Password string
	Language string
	Encoding string
	// LastLogin in UTC, zero when never.
	LastLogin time.Time
	VIP       bool
	// Online: was logged in when the instance last wrote it.
	Online bool
	// Settings by name ("stay_connected" → "1").
	Settings map[string]string
}

// Setting types as the tables of the C++ version number them.
const (
	SettingBoolean = 0
	SettingInteger = 1
	SettingString  = 2
)

// SettingType is the type that the C++ version writes a user's setting with.
func SettingType(name string) int {
	switch name {
	case "enable_transport", "send_headlines", "stay_connected":
		return SettingBoolean
	}
	return SettingString
}

// Contact is an entry of a user's roster.
type Contact struct {
	ID     int64
	UserID int64
	// Name is the contact's name on the legacy network.
	Name string
	// Subscription is to, from, both, ask or none.
	Subscription string
	Nickname     string
	Groups       []string
	Flags        int64
	// Settings by name ("icon_hash").
	Settings map[string]string
}

// Waiting is a message that waits for a user who is away.
type Waiting struct {
	ID     int64
	UserID int64
	// Key makes it unique for the user: keeping it twice is keeping it once.
	Key string
	// Stanza is the message as it will be delivered, serialised XML.
	Stanza []byte
	At     time.Time
}

// Room is a room that a user is in and wants to be in again.
type Room struct {
	UserID   int64
	Name     string
	Nickname string
	Password string
}

// Status describes the database, for people.
type Status struct {
	Type     string
	Location string
	// Version is the schema's, Latest what this program migrates to.
	Version, Latest int
	Pending         []Migration
	Users           int
}

// Migration is one numbered step of our own schema.
type Migration struct {
	Number int
	Name   string
}

// Store is one instance's database. All methods may be called concurrently;
// errors wrap ErrNotFound, ErrExists, ErrFenced or ErrUnavailable where those
// fit. What a method returned nil for is durable.
type Store interface {
	Users
	Contacts
	Queue
	Rooms
	Archive
	Personal
	// Status reads what Open found; it works before Migrate too.
	Status(ctx context.Context) (Status, error)
	// Migrate brings the schema to the latest version, in one transaction,
	// with a backup first where there is something to lose. It returns the
	// backup's path, "" if none was needed.
	Migrate(ctx context.Context) (backup string, err error)
	// Backup writes a consistent copy to path, which must not exist.
	Backup(ctx context.Context, path string) error
	Close() error
}

// Users keeps users.
type Users interface {
	// CreateUser sets u.ID; ErrExists if the JID is registered. The settings
	// have the types of SettingType.
	CreateUser(ctx context.Context, u *User) error
	User(ctx context.Context, jid string) (*User, error)
	// UpdateUser writes name, password, language, encoding and VIP.
	UpdateUser(ctx context.Context, t Token, u *User) error
	// DeleteUser removes every trace of the user.
	DeleteUser(ctx context.Context, t Token, id int64) error
	// ListUsers returns JIDs in order after the given one, at most limit.
	ListUsers(ctx context.Context, after string, limit int) ([]string, error)
	// OnlineUsers returns the JIDs marked online.
	OnlineUsers(ctx context.Context) ([]string, error)
	SetOnline(ctx context.Context, t Token, id int64, online bool) error
	// SetSetting keeps one setting; typ is a Setting constant.
	SetSetting(ctx context.Context, t Token, id int64, name string, typ int, value string) error
	// Claim takes ownership of the user for this main process.
	Claim(ctx context.Context, jid string) (Token, error)
	Unclaim(ctx context.Context, jid string, t Token) error
}

// Contacts keeps rosters.
type Contacts interface {
	Contacts(ctx context.Context, userID int64) ([]Contact, error)
	// PutContact adds or replaces by (UserID, Name) and sets c.ID.
	PutContact(ctx context.Context, t Token, c *Contact) error
	// PutContacts is PutContact for many of one user's at once, all of them or
	// none. No two have the same Name.
	PutContacts(ctx context.Context, t Token, userID int64, c []Contact) error
	DeleteContact(ctx context.Context, t Token, userID int64, name string) error
}

// Queue keeps the messages that wait for users.
type Queue interface {
	// Enqueue keeps w, once per Key, and reports whether it was new. A queue
	// longer than limit loses nothing: it answers ErrFull.
	Enqueue(ctx context.Context, t Token, w *Waiting, limit int) (bool, error)
	// Waiting returns the oldest messages in order, at most limit.
	Waiting(ctx context.Context, userID int64, limit int) ([]Waiting, error)
	// Delivered forgets the messages with these IDs.
	Delivered(ctx context.Context, t Token, userID int64, ids []int64) error
}

// NewerError is Migrate's where a newer version of Spectrum 2 has changed the
// database: nothing but another version or another database helps.
type NewerError string

func (e NewerError) Error() string { return string(e) }

// ErrFull is Enqueue's answer when the user's queue is at its limit.
var ErrFull = errors.New("queue full")

// Rooms keeps the rooms users are in.
type Rooms interface {
	Rooms(ctx context.Context, userID int64) ([]Room, error)
	PutRoom(ctx context.Context, t Token, r Room) error
	DeleteRoom(ctx context.Context, t Token, userID int64, name string) error
}
