// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"context"
	"errors"
	"log/slog"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
	"spectrum.im/spectrum2/daemon/xmpp/server"
)

// Conn is a bound connection. Send never blocks and calls nobody back; its
// error says that the connection has ended. Close sends a stream error and ends
// the connection, whose Client then hears Ended.
type Conn interface {
	JID() jid.JID
	Send(st *xmpp.Element) error
	Close(condition, text string)
	Info() server.Info
}

// Session is the user's legacy session as his clients need it. Its methods may
// wait for the session, never for Send or PushRoster. An *Error is what the
// client is told; any other error is told as recipient-unavailable.
type Session interface {
	// Stanza takes what a client sent to a contact or room, and presence to
	// the domain. from is a full JID, or bare for subscriptions.
	Stanza(ctx context.Context, st *xmpp.Element) error
	// Attached and Detached say that a client is bound or gone. A connection
	// that replaces another one under the same resource is not told.
	Attached(ctx context.Context, resource string) error
	Detached(ctx context.Context, resource string) error
	Roster(ctx context.Context) ([]rosteritem.Item, error)
	EditContact(ctx context.Context, jid, name string, groups []string) error
	RemoveContact(ctx context.Context, jid string) error
	Block(ctx context.Context, jid string, blocked bool) error
	// Undelivered takes a message that no client took.
	Undelivered(ctx context.Context, st *xmpp.Element) error
	// SetAvatar gives the user a new picture; nil takes it away.
	SetAvatar(ctx context.Context, photo []byte) error
}

// Services are what is kept for the user.
type Services interface {
	// Features are what disco#info of the account adds.
	Features() []string
	// IQ answers a request to the account, or to a room's archive. handled is
	// false for what it does not know; a nil reply to what it handled is
	// none. It may wait for the database, and send to the asking client.
	IQ(ctx context.Context, iq *xmpp.Element) (reply *xmpp.Element, handled bool)
	// Record archives a message and returns it with its stanza-id, or as it
	// was. It never blocks and does not change st.
	Record(st *xmpp.Element, sent bool) *xmpp.Element
	// Blocked never blocks.
	Blocked(jid string) bool
	// Subscribe tells the PEP nodes that a client wants to hear of; it may
	// wait for the database.
	Subscribe(resource string, interests []string)
	Gone(resource string)
}

// Settings are the instance's, as a user's clients see them; a reload gives new
// ones.
type Settings struct {
	// MoreResources: a further client does not replace the one that is there.
	MoreResources bool
	// MaxPerAccount bounds the clients of one user; 0 means DefaultClients.
	MaxPerAccount int
	// Name and Version of the server, for jabber:iq:version.
	Name, Version string
}

// DefaultClients is how many clients one user has at most.
const DefaultClients = 32

// Options make a User.
type Options struct {
	// User is the bare JID; Domain, the server's, is its domain part and may
	// be left out.
	User   jid.JID
	Domain string
	// Session may be nil until SetSession.
	Session Session
	// Services is nil where nothing is kept.
	Services Services
	Settings func() Settings
	// Transport takes messages and IQs to the domain; it may wait.
	Transport func(ctx context.Context, st *xmpp.Element)
	// Caps remembers what clients' programs can, for all users together; nil
	// means that every client is asked.
	Caps *Caps
	Log  *slog.Logger
}

// ErrClosed answers a User that was closed or retired.
var ErrClosed = errors.New("the user's clients are closed")

// Error is a refusal: a stanza error, or what Bind is refused with.
type Error struct{ Condition, Text string }

func (e *Error) Error() string {
	if e.Text == "" {
		return e.Condition
	}
	return e.Condition + ": " + e.Text
}
