// SPDX-License-Identifier: GPL-2.0-or-later

package admin

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"spectrum.im/spectrum2/daemon/register"
)

// users are the administrator's commands about users, and what a user without
// registration forms does about himself. `register` is both: an administrator
// names somebody, a user gives his own name on the network.
func (t *Table) users() []*Entry {
	return []*Entry{
		{Name: "register", Text: "Registers the new user.", Category: "Users", Label: "Register", Access: ForUser, Scope: Global,
			Args: []Arg{
				{Name: "jid", Label: "User's JID", Example: "user@example.org", Type: "String"},
				{Name: "uin", Label: "Legacy network username", Example: "100001", Type: "String", Optional: true},
				{Name: "password", Label: "Legacy network password", Example: "", Type: "Password", Optional: true},
			}, Run: t.register},
		{Name: "unregister", Text: "Unregisters the user.", Category: "Users", Label: "Unregister", Access: ForUser, Scope: Global,
			Args: []Arg{{Name: "jid", Label: "User's JID", Example: "user@example.org", Type: "String", Optional: true}}, Run: t.unregister},
		{Name: "online_users", Text: "Shows all online users.", Category: "Users", Label: "Online users", Access: ForAdmin, Scope: Global,
			Run: func(context.Context, Caller, []string) (string, error) {
				return strings.Join(t.instance.OnlineUsers(), "\n"), nil
			}},
		{Name: "has_online_user", Text: "Returns 1 if user is online.", Category: "Users", Label: "Has online user", Access: ForAdmin, Scope: Global,
			Args: []Arg{{Name: "jid", Label: "User's JID", Example: "user@example.org", Type: "String"}}, Run: t.hasOnline},
		{Name: "online_users_count", Text: "Shows number of online users.", Category: "Users", Label: "Online users count", Access: ForAdmin, Scope: Global,
			Get: func(context.Context, Caller) (string, error) {
				return strconv.Itoa(len(t.instance.OnlineUsers())), nil
			}},
	}
}

// account are a user's own commands.
func (t *Table) account() []*Entry {
	return []*Entry{
		{Name: "login", Text: "Logs you in to the legacy network.", Category: "Users", Label: "Log in", Access: ForUser, Scope: PerUser,
			Run: func(ctx context.Context, c Caller, _ []string) (string, error) {
				return "Logging in.", t.accounts.Login(ctx, c.JID)
			}},
		{Name: "logout", Text: "Logs you out of the legacy network.", Category: "Users", Label: "Log out", Access: ForUser, Scope: PerUser,
			Run: func(ctx context.Context, c Caller, _ []string) (string, error) {
				return "Logged out.", t.accounts.Logout(ctx, c.JID)
			}},
		{Name: "answer", Text: "Answers what the legacy network asked you.", Category: "Users", Label: "Answer the network", Access: ForUser, Scope: PerUser,
			Args: []Arg{{Name: "answer", Label: "Your answer", Example: "123456", Type: "String"}}, Run: t.answer},
	}
}

func (t *Table) register(ctx context.Context, c Caller, args []string) (string, error) {
	if !c.Admin {
		return t.registerSelf(ctx, c, args)
	}
	if len(args) < 2 {
		return "", ErrMissingName
	}
	password := ""
	if len(args) > 2 {
		password = args[2]
	}
	if err := t.accounts.Add(ctx, args[0], args[1], password); err != nil {
		return "", err
	}
	return "User registered", nil
}

// registerSelf is `register NAME [PASSWORD]`. The form of arguments that an
// ad-hoc client fills in has the user's own JID first.
func (t *Table) registerSelf(ctx context.Context, c Caller, args []string) (string, error) {
	if len(args) > 1 && args[0] == c.JID {
		args = args[1:]
	}
	if len(args) == 0 || len(args) > 2 {
		return "", Error("Error: Give your name on the legacy network and your password there, like: register NAME PASSWORD")
	}
	answers := map[string]string{"username": args[0]}
	if len(args) == 2 {
		answers["password"] = args[1]
	}
	if err := t.accounts.Register(ctx, c.JID, answers); err != nil {
		return "", err
	}
	return "You are registered.", nil
}

func (t *Table) unregister(ctx context.Context, c Caller, args []string) (string, error) {
	if !c.Admin {
		if len(args) > 0 && args[0] != c.JID {
			return "", ErrNotAdmin
		}
		return "You are not registered any more.", t.accounts.Unregister(ctx, c.JID)
	}
	if len(args) != 1 {
		return "", ErrMissingName
	}
	err := t.accounts.Unregister(ctx, args[0])
	if err != nil && register.RefusalOf(err).Condition == "registration-required" {
		return "", Error("Error: User '" + args[0] + "' is not registered")
	}
	if err != nil {
		return "", err
	}
	return "User '" + args[0] + "' unregistered.", nil
}

func (t *Table) hasOnline(_ context.Context, _ Caller, args []string) (string, error) {
	if len(args) != 1 {
		return "", ErrMissingName
	}
	if slices.Contains(t.instance.OnlineUsers(), args[0]) {
		return "1", nil
	}
	return "0", nil
}

func (t *Table) answer(ctx context.Context, c Caller, args []string) (string, error) {
	if len(args) == 0 {
		return "", Error("Error: Give your answer, like: answer 123456")
	}
	return "Thank you.", t.accounts.Answer(ctx, c.JID, strings.Join(args, " "))
}

// Setting names one of a user's own settings, with its text for people.
type Setting struct{ Name, Text, Label string }

// Settings are a user's own settings, booleans all.
var Settings = []Setting{
	{"enable_transport", "If 1, presence logs you in; if 0, the transport leaves you alone.", "Enable transport"},
	{"send_headlines", "If 1, messages of servers and services are passed on.", "Allow sending messages as headlines"},
	{"stay_connected", "If 1, you stay on the legacy network when your XMPP clients are offline, and messages wait for you.", "Stay connected to the legacy network when offline on XMPP"},
}

func (t *Table) settings() []*Entry {
	var out []*Entry
	for _, s := range Settings {
		out = append(out, &Entry{Name: s.Name, Text: s.Text, Category: "Users", Label: s.Label, Access: ForUser, Scope: PerUser,
			Args: []Arg{{Name: "value", Label: s.Label, Example: "1", Type: "Boolean"}},
			Get: func(ctx context.Context, c Caller) (string, error) {
				return t.accounts.Setting(ctx, c.JID, s.Name)
			},
			Set: func(ctx context.Context, c Caller, value string) error {
				if value != "0" && value != "1" {
					return Error("Error: The value is 0 or 1")
				}
				return t.accounts.SetSetting(ctx, c.JID, s.Name, value)
			}})
	}
	return out
}
