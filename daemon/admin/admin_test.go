// SPDX-License-Identifier: GPL-2.0-or-later

package admin_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/admin"
	"spectrum.im/spectrum2/daemon/register"
)

// instance is a running instance with two backends.
type instance struct{ reload error }

func (instance) Uptime() time.Duration { return 90 * time.Second }
func (instance) OnlineUsers() []string { return []string{"a@x", "b@x", "c@x"} }
func (instance) Backends() []admin.Backend {
	return []admin.Backend{
		{ID: 1, PID: 100, Users: 2, Resident: 3000, Initial: 1000, Shared: 500},
		{ID: 2, PID: 101, Users: 1, Resident: 2000, Initial: 1700, Shared: 400},
	}
}
func (instance) CrashedBackends() []string      { return []string{"7"} }
func (instance) Memory() (resident, shared int) { return 10000, 4000 }
func (instance) Messages() (from, to uint64)    { return 5, 6 }
func (i instance) Reload(context.Context) ([]string, error) {
	return []string{"service.port"}, i.reload
}

// accounts keeps registrations in a map, as the real ones do in a database.
type accounts struct {
	names    map[string]string
	settings map[string]string
	answers  []string
}

func newAccounts() *accounts {
	return &accounts{names: map[string]string{}, settings: map[string]string{}}
}

func (a *accounts) Add(_ context.Context, jid, name, _ string) error {
	if a.names[jid] != "" {
		return register.Refused("conflict", "User is already registered")
	}
	a.names[jid] = name
	return nil
}
func (a *accounts) Register(ctx context.Context, jid string, answers map[string]string) error {
	return a.Add(ctx, jid, answers["username"], answers["password"])
}
func (a *accounts) Unregister(_ context.Context, jid string) error {
	if a.names[jid] == "" {
		return register.Refused("registration-required", "You are not registered with this transport.")
	}
	delete(a.names, jid)
	return nil
}
func (a *accounts) Login(context.Context, string) error  { return nil }
func (a *accounts) Logout(context.Context, string) error { return nil }
func (a *accounts) Describe(_ context.Context, jid string) (string, error) {
	return jid + " is online", nil
}
func (a *accounts) Answer(_ context.Context, _, answer string) error {
	a.answers = append(a.answers, answer)
	return nil
}
func (a *accounts) Setting(_ context.Context, jid, name string) (string, error) {
	return a.settings[jid+name], nil
}
func (a *accounts) SetSetting(_ context.Context, jid, name, value string) error {
	a.settings[jid+name] = value
	return nil
}
func (a *accounts) Network(_ context.Context, _, name string, args []string) (string, bool, error) {
	if name != "whois" {
		return "", false, nil
	}
	return "about " + strings.Join(args, ","), true, nil
}

func table(i instance, a *accounts) *admin.Table {
	return admin.New(i, a, func(err error) string { return register.RefusalOf(err).Text })
}

var (
	root = admin.Caller{JID: "root@x", Admin: true}
	user = admin.Caller{JID: "u@x"}
	tool = admin.Caller{Admin: true}
)

func TestAnswersThatExistingToolsRead(t *testing.T) {
	tests := []struct {
		caller admin.Caller
		line   string
		want   string
		failed bool
	}{
		{root, "status", "Running (3 users connected using 2 backends)", false},
		{tool, "get status", "Running (3 users connected using 2 backends)", false},
		{tool, "uptime", "90", false},
		{tool, "online_users", "a@x\nb@x\nc@x", false},
		{tool, "online_users_count", "3", false},
		{tool, "has_online_user b@x", "1", false},
		{tool, "has_online_user z@x", "0", false},
		{tool, "has_online_user", "Error: Missing user name as an argument", true},
		{tool, "online_users_per_backend", "Backend 1 (ID=100): 2\nBackend 2 (ID=101): 1", false},
		{tool, "backends_count", "2", false},
		{tool, "res_memory", "15000", false},
		{tool, "shr_memory", "4900", false},
		{tool, "used_memory", "10100", false},
		{tool, "average_memory_per_user", "766", false},
		{tool, "average_memory_per_user_per_backend", "Backend 1 (ID=100): 1000\nBackend 2 (ID=101): 300", false},
		{tool, "crashed_backends", "7", false},
		{tool, "crashed_backends_count", "1", false},
		{tool, "messages_from_xmpp", "5", false},
		{tool, "messages_to_xmpp", "6", false},
		{tool, "reload", "Config reloaded, needs restart: service.port", false},
		{tool, "register n@x 1000 secret", "User registered", false},
		{tool, "register n@x 1000 secret", "Error: User is already registered", true},
		{tool, "register n@x", "Error: Missing user name as an argument", true},
		{tool, "unregister n@x", "User 'n@x' unregistered.", false},
		{tool, "unregister n@x", "Error: User 'n@x' is not registered", true},
		{tool, "nonsense", "Error: Unknown variable or command", true},
		{tool, "get reload", "Error: Unknown variable or command", true},
		{tool, "", "Error: Unknown variable or command", true},
		{tool, "set status 1", "Error: The variable is read-only", true},
		{tool, `register "open`, "Error: A quotation mark is not closed", true},
		{tool, "args has_online_user", `jid - "User's JID" Example: "user@example.org" Type: "String"`, false},
		{user, "status", "u@x is online", false},
		{user, "reload", "Error: You need to be an administrator to use this", true},
		{user, "online_users", "Error: You need to be an administrator to use this", true},
		{user, "unregister root@x", "Error: You need to be an administrator to use this", true},
		{user, "register my name", "You are registered.", false},
		{user, "unregister", "You are not registered any more.", false},
		{user, "whois bob", "about bob", false},
		{user, "set stay_connected 1", "Variable 'stay_connected' is set to 1", false},
		{user, "stay_connected", "1", false},
		{user, "set stay_connected perhaps", "Error: The value is 0 or 1", true},
		{tool, "stay_connected", "Error: This is for a user of the transport, give it in a chat with the transport", true},
		{user, "answer 12 34", "Thank you.", false},
	}
	tab := table(instance{}, newAccounts())
	for _, tt := range tests {
		got, failed := tab.Query(t.Context(), tt.caller, tt.line)
		if got != tt.want || failed != tt.failed {
			t.Errorf("%+v says %q: got %q, failed %t; want %q, %t", tt.caller, tt.line, got, failed, tt.want, tt.failed)
		}
	}
}

func TestHelpShowsWhatTheCallerMayUse(t *testing.T) {
	tab := table(instance{}, newAccounts())
	full, _ := tab.Query(t.Context(), root, "help")
	for _, want := range []string{"General:\n", "   CMD   reload - Reloads config file.", "   VAR   status - ", "Memory:\n", "Users:\n"} {
		if !strings.Contains(full, want) {
			t.Errorf("help of an administrator lacks %q:\n%s", want, full)
		}
	}
	own, _ := tab.Query(t.Context(), user, "help")
	if strings.Contains(own, "reload") || strings.Contains(own, "Memory:") {
		t.Errorf("help of a user shows an administrator's entries:\n%s", own)
	}
	if !strings.Contains(own, "   CMD   register - ") {
		t.Errorf("help of a user lacks register:\n%s", own)
	}
}

func TestReloadFailureIsTheReply(t *testing.T) {
	tab := table(instance{reload: register.Refused("x", "irc.cfg:3: service.port: not a number")}, newAccounts())
	got, failed := tab.Query(t.Context(), tool, "reload")
	if !failed || got != "Error: irc.cfg:3: service.port: not a number" {
		t.Errorf("got %q, failed %t", got, failed)
	}
}

func TestInternalErrorsAreNotShown(t *testing.T) {
	tab := table(instance{reload: errors.New("password=hunter2 refused")}, newAccounts())
	if got, _ := tab.Query(t.Context(), tool, "reload"); strings.Contains(got, "hunter2") {
		t.Errorf("the reply leaks the error: %q", got)
	}
}

func TestFormsRunTheSameTable(t *testing.T) {
	a := newAccounts()
	tab := table(instance{}, a)
	got, failed := tab.Execute(t.Context(), tab.Entry("register"), root, map[string]string{"jid": "f@x", "uin": "42"})
	if failed || got != "User registered" || a.names["f@x"] != "42" {
		t.Errorf("register by form: %q, failed %t, registered %v", got, failed, a.names)
	}
	got, failed = tab.Execute(t.Context(), tab.Entry("has_online_user"), root, nil)
	if !failed || !strings.Contains(got, "User's JID is missing") {
		t.Errorf("a form without its argument: %q, failed %t", got, failed)
	}
	if got, failed = tab.Execute(t.Context(), tab.Entry("reload"), user, nil); !failed {
		t.Errorf("a user reloads by form: %q", got)
	}
}

func TestSplit(t *testing.T) {
	tests := map[string][]string{
		`a  b`:                  {"a", "b"},
		`say "two words" 'x y'`: {"say", "two words", "x y"},
		`e "" f`:                {"e", "", "f"},
		`q "a\"b"`:              {"q", `a"b`},
		`it's fine`:             {"it's", "fine"},
		"":                      nil,
	}
	for line, want := range tests {
		if got, err := admin.Split(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("Split(%q) = %q, %v; want %q", line, got, err, want)
		}
	}
}

func FuzzQueryNeverPanics(f *testing.F) {
	f.Add("register \"a b\" c")
	f.Add("set stay_connected 1")
	tab := table(instance{}, newAccounts())
	f.Fuzz(func(t *testing.T, line string) {
		if text, failed := tab.Query(t.Context(), user, line); failed && !strings.HasPrefix(text, "Error: ") {
			t.Errorf("%q fails with %q", line, text)
		}
	})
}
