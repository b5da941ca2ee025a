// SPDX-License-Identifier: GPL-2.0-or-later

// Package backend is the SDK of a Spectrum 2 backend: what the author of a
// program for one legacy network imports. He implements Network and Session;
// the package speaks the backend protocol with the main process, keeps the
// users apart and in order, and acknowledges what was done. It knows nothing
// of XMPP or of any one network.
package backend

import (
	"context"
	"log/slog"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// Network is one legacy network as its author implements it.
type Network interface {
	// Describe is called once, before the backend says what it can.
	Describe() Description
	// NewSession is called at each login and must return at once; the work is
	// done in the session's Run. u stays valid until Run has returned.
	NewSession(u *User, login Login) Session
}

// Description is what a backend says about itself.
type Description struct {
	// Program and Version for people: "spectrum2_irc_backend", "2.1.0".
	Program, Version string
	// Features as BACKEND_CONFIG carries them.
	Features pbnetwork.Features
	// Search is what SearchSession can search for; nil without a directory.
	Search *SearchForm
	// Commands are those of CommandSession's commands that have a form, for
	// the user to find in his client.
	Commands []CommandSpec
}

// SearchForm is what a directory can be searched for. Fields called first,
// last, nick and email are known to all clients.
type SearchForm struct {
	Instructions string
	Fields       []*pbnetwork.StepField
}

// CommandSpec is a command with a form: its arguments are the values of Fields,
// in order, "" where one was not filled in.
type CommandSpec struct {
	Name, Label string
	Fields      []*pbnetwork.StepField
}

// Login is what a user logs in with.
type Login struct {
	// User is the XMPP user's bare JID, for logs only.
	User string
	// LegacyName is the name he registered on the legacy network.
	LegacyName string
	Password   string
	// Extra are the registration's further fields, in the order of
	// Features.ExtraFields.
	Extra []string
	// Settings are the user's own settings.
	Settings map[string]string
	// Status is what the user's clients show.
	Status Status
}

// Session is one user's connection with the network. Run is called in a
// goroutine of its own. All other methods, of this interface and of the ones
// below, are called in the order in which the user acted, one at a time, in a
// second goroutine, from NewSession until ctx of Run ends: possibly before the
// login is complete. They should return soon; ctx ends with the session. An
// error they return is logged and told to the user as a message from the
// network. VCard, Command and Search, which wait for the network's answer, begin
// in that order too but run in goroutines of their own, a few at a time, within
// a minute.
type Session interface {
	// Run logs in, calls User.Connected, and lives until ctx is cancelled (the
	// user logged out: log out in an orderly way and return nil) or the
	// network ends the session. The error should be (or wrap) an *Error; any
	// other counts as a network error, after which the main process retries.
	Run(ctx context.Context) error
	// Message sends a message to a contact, or to a room, or to an occupant.
	// Exactly one of m.Delivered, m.Failed and m.Unknown has to be called,
	// then or later; what is left when the session ends counts as Unknown.
	Message(ctx context.Context, m *Message)
}

// RoomSession is a Session whose network has rooms.
type RoomSession interface {
	// JoinRoom answers with occupants (User.Participant; the user himself
	// last, with Me) and the subject, or with User.JoinFailed. Joining a room
	// that the user is in already sends the same again.
	JoinRoom(ctx context.Context, room, nickname, password string) error
	LeaveRoom(ctx context.Context, room string) error
	SetSubject(ctx context.Context, room, subject string) error
	// ChangeNick changes the user's nick in a room.
	ChangeNick(ctx context.Context, room, nickname string) error
}

// StatusSession is told when the user's status changes.
type StatusSession interface {
	SetStatus(ctx context.Context, s Status) error
}

// TypingSession is told when the user types to a contact.
type TypingSession interface {
	Typing(ctx context.Context, contact string, t Typing) error
}

// ContactSession has a contact list that the user can edit.
type ContactSession interface {
	// UpdateContact adds c, or changes its alias, groups or blocked state.
	UpdateContact(ctx context.Context, c Contact) error
	RemoveContact(ctx context.Context, name string) error
}

// RosterSession is given the XMPP side's list at login, when the features say
// SendBuddiesOnLogin.
type RosterSession interface {
	Roster(ctx context.Context, contacts []Contact) error
}

// BlockSession can block a contact, and names that are not on the list. Without
// it UpdateContact is called.
type BlockSession interface {
	Block(ctx context.Context, name string, blocked bool) error
}

// AuthSession is given the user's answers to User.AuthRequest, when the features
// say Authorization. text, which may be empty, is what he says with it. Without
// the feature a grant is an UpdateContact and a refusal a RemoveContact.
type AuthSession interface {
	Authorize(ctx context.Context, contact string, grant bool, text string) error
}

// SearchSession can search the network's directory, by the fields of
// Description.Search that the user filled in. Search may be called several
// times at once. The error is for the user.
type SearchSession interface {
	Search(ctx context.Context, fields map[string]string) (SearchResult, error)
}

// VCardSession can look a contact up. VCard may be called several times at
// once. Its error is only logged; the user gets an empty vCard.
type VCardSession interface {
	VCard(ctx context.Context, contact string) (VCard, error)
}

// AvatarSession can change the user's own avatar; an empty photo removes it.
type AvatarSession interface {
	SetAvatar(ctx context.Context, photo []byte) error
}

// AttentionSession can call for a contact's attention.
type AttentionSession interface {
	Attention(ctx context.Context, contact, text string) error
}

// RawSession takes stanzas as they are, when the features say RawXML.
type RawSession interface {
	RawXML(ctx context.Context, stanza []byte) error
}

// CommandSession runs commands of the network's own; text, or the error's, is
// the answer for the user. room is where it was typed, "" elsewhere. Command
// may be called several times at once.
type CommandSession interface {
	Command(ctx context.Context, room, name string, args []string) (text string, err error)
}

// Status is a presence with its text.
type Status struct {
	Type pbnetwork.StatusType
	Text string
}

// Typing is what a user or contact does in a conversation.
type Typing int

// The states of typing, after XEP-0085.
const (
	TypingStopped Typing = iota // active: not typing
	TypingActive                // composing
	TypingPaused                // paused
)

// Contact is an entry of the contact list. Empty Alias and Groups mean
// "unchanged".
type Contact struct {
	Name   string
	Alias  string
	Groups []string
	Status Status
	// IconHash is the SHA-1 of the picture that VCard gives, in hexadecimal.
	IconHash string
	Blocked  bool
	// Auth, towards the user: ASKED, his request to see the contact is
	// unanswered; GRANTED or DENIED, it is answered. In UpdateContact: ASKED,
	// he asks (again), with AuthText; where nobody need be asked the answer is
	// GRANTED at once.
	Auth     pbnetwork.Authorization
	AuthText string
	// Exact, in UpdateContact: Alias and Groups are to be as they are here, also
	// where they are empty.
	Exact bool
}

// VCard is what is known about a contact; all but the picture is for people to
// read.
type VCard struct {
	FullName, Nickname, Given, Family         string
	Email, Phone, Mobile, URL                 string
	Birthday                                  string // 2006-01-02, or what is known of it
	Gender                                    string
	Street, City, Region, PostalCode, Country string
	Organisation, Title, Description          string
	// Photo is an image file's bytes.
	Photo []byte
}

// SearchResult is a table of people: Rows have a value for each column.
type SearchResult struct {
	Columns []SearchColumn
	Rows    []SearchRow
	// More: there are others, which the network does not show.
	More bool
}

// SearchColumn is one thing told about everybody found.
type SearchColumn struct{ Name, Label string }

// SearchRow is one of them; Contact is his name on the network.
type SearchRow struct {
	Contact string
	Values  []string
}

// Participant is an occupant of a room, or what happened to him.
type Participant struct {
	Room, Nickname string
	Role           pbnetwork.Role
	Affiliation    pbnetwork.Affiliation
	// Me: the user himself.
	Me bool
	// Status; Type STATUS_NONE means he is gone, and Text is why.
	Status Status
	// NewName: he changes his nick to this.
	NewName string
	// Kicked, Banned: he is gone because Actor removed him.
	Kicked, Banned bool
	Actor          string
	IconHash       string
	// RealName is what the room knows about who he is, "" where nothing.
	RealName string
}

// Step is a question to the user during login or later.
type Step struct {
	Kind                pbnetwork.Step_Kind
	Title, Instructions string
	Fields              []*pbnetwork.StepField
	URI                 string
	// Expires is how long the answer is waited for; 0 means five minutes.
	Expires time.Duration
}

// Error ends a session. Text is for the user.
type Error struct {
	Code pbnetwork.ConnectionError
	Text string
	// Err is the cause, for the log; may be nil.
	Err error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Text + ": " + e.Err.Error()
	}
	return e.Text
}

func (e *Error) Unwrap() error { return e.Err }

// Options is what a backend was started with, beside its users.
type Options struct {
	// Config is the instance's configuration without its secrets.
	Config *config.Config
	// ID is the backend's number within its instance.
	ID int
	// Log is for what concerns the network as a whole; User.Log is for one
	// user's.
	Log *slog.Logger
}
