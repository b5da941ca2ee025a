// SPDX-License-Identifier: GPL-2.0-or-later

// Package admin is the one table of commands and variables behind chat lines
// to the transport, ad-hoc commands, the control socket and the help texts.
// The formats of its answers are those of the C++ version, which existing
// tools read. It knows neither streams nor processes: what it tells and does
// goes through Instance and Accounts.
package admin

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// Instance is what the table needs of the running instance.
type Instance interface {
	// Uptime since the start of the main process.
	Uptime() time.Duration
	// OnlineUsers are bare JIDs, sorted.
	OnlineUsers() []string
	Backends() []Backend
	// CrashedBackends are the numbers of those that ended unasked.
	CrashedBackends() []string
	// Memory is the main process's, in KiB.
	Memory() (resident, shared int)
	// Messages counts those from and to the XMPP side since the start.
	Messages() (from, to uint64)
	// Reload reads the configuration again; needRestart names what cannot
	// change in a running instance.
	Reload(ctx context.Context) (needRestart []string, err error)
}

// Backend is one backend as the table shows it. Memory is in KiB.
type Backend struct {
	ID    int
	PID   int
	Users int
	// Resident and Shared as the backend reports them, Initial before its
	// first user.
	Resident, Initial, Shared int
}

// Accounts is what the table needs of users' accounts. Errors that wrap a
// register.Refusal carry a sentence for whoever asked.
type Accounts interface {
	// Add registers on an administrator's word.
	Add(ctx context.Context, jid, name, password string) error
	Register(ctx context.Context, jid string, answers map[string]string) error
	Unregister(ctx context.Context, jid string) error
	Login(ctx context.Context, jid string) error
	Logout(ctx context.Context, jid string) error
	// Describe is one sentence about the user's account.
	Describe(ctx context.Context, jid string) (string, error)
	// Answer answers the step that the network asked for during a login.
	Answer(ctx context.Context, jid, answer string) error
	Setting(ctx context.Context, jid, name string) (string, error)
	SetSetting(ctx context.Context, jid, name, value string) error
	// Network runs a command of the legacy network's own; found is false if
	// it has none of that name or the user is not logged in.
	Network(ctx context.Context, jid, name string, args []string) (text string, found bool, err error)
}

// Caller is who gives a command.
type Caller struct {
	// JID is the user's bare JID, "" on the control socket.
	JID   string
	Admin bool
}

// Access says who may use an entry.
type Access string

// Scope says what an entry is about (the C++ version calls it context).
type Scope string

// The values of Access and Scope as they are printed.
const (
	ForAdmin Access = "Admin"
	ForUser  Access = "User"

	Global  Scope = "Global"
	PerUser Scope = "User"
)

// Arg is an argument of a command.
type Arg struct {
	Name, Label, Example string
	// Type is "String", "Password" or "Boolean".
	Type     string
	Optional bool
}

// Entry is a command, or a variable when Get is set.
type Entry struct {
	Name, Text string
	Category   string
	Label      string
	Access     Access
	Scope      Scope
	Args       []Arg
	// Run executes a command.
	Run func(ctx context.Context, c Caller, args []string) (string, error)
	// Get reads a variable, Set writes it (nil: read-only).
	Get func(ctx context.Context, c Caller) (string, error)
	Set func(ctx context.Context, c Caller, value string) error
}

// Variable reports whether the entry is a variable.
func (e *Entry) Variable() bool { return e.Get != nil }

// Error is an answer that begins with "Error: "; its text is part of the
// interface.
type Error string

func (e Error) Error() string { return string(e) }

// Errors that existing tools know by their text.
const (
	ErrUnknown     Error = "Error: Unknown variable or command"
	ErrMissingName Error = "Error: Missing user name as an argument"
	ErrNotAdmin    Error = "Error: You need to be an administrator to use this"
	ErrReadOnly    Error = "Error: The variable is read-only"
	ErrNoUser      Error = "Error: This is for a user of the transport, give it in a chat with the transport"
)

// Table is the table of one instance.
type Table struct {
	instance Instance
	accounts Accounts
	entries  []*Entry
	byName   map[string]*Entry
	// say turns any other error into what the caller may read.
	say func(error) string
}

// New makes the table; say turns an error that is not an Error into a sentence
// for the caller.
func New(i Instance, a Accounts, say func(error) string) *Table {
	t := &Table{instance: i, accounts: a, say: say, byName: map[string]*Entry{}}
	for _, list := range [][]*Entry{t.general(), t.users(), t.account(), t.settings(), t.counters(), t.memory()} {
		t.entries = append(t.entries, list...)
	}
	for _, e := range t.entries {
		t.byName[e.Name] = e
	}
	return t
}

// Without takes entries out of the table that mean nothing in an instance. It
// is called before the table is used.
func (t *Table) Without(names ...string) {
	t.entries = slices.DeleteFunc(t.entries, func(e *Entry) bool { return slices.Contains(names, e.Name) })
	for _, n := range names {
		delete(t.byName, n)
	}
}

// Visible returns the entries that c may use, in the table's order.
func (t *Table) Visible(c Caller) []*Entry {
	var out []*Entry
	for _, e := range t.entries {
		if permitted(e, c) == nil {
			out = append(out, e)
		}
	}
	return out
}

// Entry finds an entry by name, nil without one.
func (t *Table) Entry(name string) *Entry { return t.byName[name] }

func permitted(e *Entry, c Caller) error {
	if e.Access == ForAdmin && !c.Admin {
		return ErrNotAdmin
	}
	if e.Scope == PerUser && c.JID == "" {
		return ErrNoUser
	}
	return nil
}

// Query answers one line: `[get|set] NAME ARGUMENT…`. It always answers with
// text; failed says whether that is an error.
func (t *Table) Query(ctx context.Context, c Caller, line string) (text string, failed bool) {
	text, err := t.query(ctx, c, line)
	if err == nil {
		return text, false
	}
	var e Error
	if errors.As(err, &e) {
		return string(e), true
	}
	return "Error: " + t.say(err), true
}

func (t *Table) query(ctx context.Context, c Caller, line string) (string, error) {
	args, err := Split(line)
	if err != nil {
		return "", err
	}
	verb := ""
	if len(args) > 0 && (args[0] == "get" || args[0] == "set") {
		verb, args = args[0], args[1:]
	}
	if len(args) == 0 {
		return "", ErrUnknown
	}
	name, args := args[0], args[1:]
	e := t.byName[name]
	if e == nil || (verb != "" && !e.Variable()) {
		if e == nil && verb == "" && c.JID != "" {
			return t.network(ctx, c, name, args)
		}
		return "", ErrUnknown
	}
	if err := permitted(e, c); err != nil {
		return "", err
	}
	return t.execute(ctx, e, c, verb, args)
}

func (t *Table) execute(ctx context.Context, e *Entry, c Caller, verb string, args []string) (string, error) {
	if !e.Variable() {
		return e.Run(ctx, c, args)
	}
	if verb != "set" {
		return e.Get(ctx, c)
	}
	if e.Set == nil {
		return "", ErrReadOnly
	}
	if len(args) != 1 {
		return "", Error("Error: Give one value, like: set " + e.Name + " 1")
	}
	if err := e.Set(ctx, c, args[0]); err != nil {
		return "", err
	}
	return "Variable '" + e.Name + "' is set to " + args[0], nil
}

// Execute runs one entry with its arguments by name, as an ad-hoc form gives
// them.
func (t *Table) Execute(ctx context.Context, e *Entry, c Caller, values map[string]string) (string, bool) {
	text, err := t.executeForm(ctx, e, c, values)
	if err == nil {
		return text, false
	}
	var known Error
	if errors.As(err, &known) {
		return string(known), true
	}
	return "Error: " + t.say(err), true
}

func (t *Table) executeForm(ctx context.Context, e *Entry, c Caller, values map[string]string) (string, error) {
	if err := permitted(e, c); err != nil {
		return "", err
	}
	if e.Variable() {
		if v, ok := values["value"]; ok && e.Set != nil {
			return t.execute(ctx, e, c, "set", []string{v})
		}
		return e.Get(ctx, c)
	}
	var args []string
	for _, a := range e.Args {
		v := values[a.Name]
		if v == "" && !a.Optional {
			return "", Error("Error: " + a.Label + " is missing")
		}
		args = append(args, v)
	}
	for len(args) > 0 && args[len(args)-1] == "" {
		args = args[:len(args)-1]
	}
	return e.Run(ctx, c, args)
}

func (t *Table) network(ctx context.Context, c Caller, name string, args []string) (string, error) {
	text, found, err := t.accounts.Network(ctx, c.JID, name, args)
	if err != nil {
		return "", err
	}
	if !found {
		return "", ErrUnknown
	}
	if strings.TrimSpace(text) == "" {
		return "Done.", nil
	}
	return text, nil
}
