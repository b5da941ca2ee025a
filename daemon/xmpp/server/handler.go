// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"context"
	"net/netip"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// Login is what a client shows to be let in.
type Login struct {
	Node     string // the account's localpart, prepared (RFC 7622 §3.3)
	Password string // as it came: UTF-8 without NUL, never empty
	Addr     netip.AddrPort
}

// Handler knows the users. The stream before authentication is the server's
// own: a Handler sees nothing of a client until it shows a name and a password.
type Handler interface {
	// Authenticate decides on credentials; it may take as long as a legacy login
	// does. ctx ends with the connection or with Limits.Login. An *AuthError is
	// what the client is told; any other error is told as
	// temporary-auth-failure, without its text.
	Authenticate(ctx context.Context, l Login) (Account, error)
}

// Account is an authenticated user. Its methods are called by one goroutine at
// a time. What ends it is a Bind without error, or Close.
type Account interface {
	// User is his bare JID.
	User() jid.JID
	// Resumable reports whether the network authenticated this login: only then
	// can a session be resumed, be it this one later or an earlier one now.
	Resumable() bool
	// Bind gives the connection its place. wish is the resource that the client
	// wants, prepared; "" leaves it to Bind. With an error, which may be a
	// *BindError, the client may try again. c takes stanzas from now on; they
	// come behind the answer to the client.
	Bind(ctx context.Context, c *Conn, wish string) (resource string, cl Client, err error)
	// Close is called once where no Bind succeeded: the connection ended before,
	// or it resumed an earlier session.
	Close()
}

// Client is the user's side of a bound connection. Its methods are never called
// two at once.
type Client interface {
	// Stanza takes a stanza from the client, in order. from is the full JID; to
	// is valid or absent. It may block a little: nothing more is read from this
	// client meanwhile.
	Stanza(ctx context.Context, st *xmpp.Element)
	// Detached: the stream broke, and the client has Limits.Resume to come back.
	// Conn.Send queues meanwhile.
	Detached()
	// Resumed: it came back.
	Resumed()
	// Ended is called exactly once, last. unsent are the stanzas handed to Send
	// that the client did not acknowledge, or that were not written where it does
	// not acknowledge, oldest first.
	Ended(unsent []*xmpp.Element)
}

// AuthError refuses a login.
type AuthError struct {
	Condition string // RFC 6120 §6.5: one of the constants here
	Text      string // for the user; may be empty
}

// Conditions of SASL failures (RFC 6120 §6.5).
const (
	Aborted              = "aborted"
	AccountDisabled      = "account-disabled"
	CredentialsExpired   = "credentials-expired"
	EncryptionRequired   = "encryption-required"
	IncorrectEncoding    = "incorrect-encoding"
	InvalidAuthzid       = "invalid-authzid"
	InvalidMechanism     = "invalid-mechanism"
	MalformedRequest     = "malformed-request"
	NotAuthorized        = "not-authorized"
	TemporaryAuthFailure = "temporary-auth-failure"
)

func (e *AuthError) Error() string { return withText("login refused: "+e.Condition, e.Text) }

// BindError refuses a resource with a stanza error (RFC 6120 §7.7.2).
type BindError struct {
	Condition string // xmpp.Conflict, xmpp.ResourceConstraint, xmpp.NotAllowed, …
	Text      string
}

func (e *BindError) Error() string { return withText("resource refused: "+e.Condition, e.Text) }

func withText(s, text string) string {
	if text == "" {
		return s
	}
	return s + ": " + text
}
