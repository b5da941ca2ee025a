// SPDX-License-Identifier: GPL-2.0-or-later

package admin

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// The categories, in the order in which help shows them.
var categories = []string{"General", "Users", "Messages", "Frontend", "Backends", "Memory"}

// general are the commands about the table and the instance as a whole.
func (t *Table) general() []*Entry {
	return []*Entry{
		{Name: "help", Text: "Shows help message.", Category: "General", Label: "Help", Access: ForUser, Scope: Global, Run: t.help},
		{Name: "commands", Text: "Shows all the available commands with extended information.", Category: "General", Label: "Commands", Access: ForUser, Scope: Global, Run: t.commands},
		{Name: "variables", Text: "Shows all the available variables.", Category: "General", Label: "Variables", Access: ForUser, Scope: Global, Run: t.variables},
		{Name: "args", Text: "Shows descripton of arguments for command.", Category: "General", Label: "Command's arguments", Access: ForUser, Scope: Global,
			Args: []Arg{{Name: "name", Label: "Command's name", Example: "register", Type: "String"}}, Run: t.args},
		{Name: "reload", Text: "Reloads config file.", Category: "General", Label: "Reload transport", Access: ForAdmin, Scope: Global, Run: t.reload},
		{Name: "status", Text: "Shows instance status.", Category: "General", Label: "Instance status", Access: ForUser, Scope: Global, Get: t.status},
		{Name: "uptime", Text: "Shows for how long the instance has been running, in seconds.", Category: "General", Label: "Uptime", Access: ForAdmin, Scope: Global,
			Get: func(context.Context, Caller) (string, error) {
				return strconv.Itoa(int(t.instance.Uptime().Seconds())), nil
			}},
	}
}

func (t *Table) help(_ context.Context, c Caller, _ []string) (string, error) {
	var b strings.Builder
	for _, category := range categories {
		first := true
		for _, e := range t.Visible(c) {
			if e.Category != category {
				continue
			}
			if first {
				b.WriteString(category + ":\n")
				first = false
			}
			kind := "CMD"
			if e.Variable() {
				kind = "VAR"
			}
			fmt.Fprintf(&b, "   %s   %s - %s\n", kind, e.Name, e.Text)
		}
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

func (t *Table) commands(_ context.Context, c Caller, _ []string) (string, error) {
	var lines []string
	for _, e := range t.Visible(c) {
		if !e.Variable() {
			lines = append(lines, fmt.Sprintf("%s - %q Category: %s AccesMode: %s Context: %s Label: %q",
				e.Name, e.Text, e.Category, e.Access, e.Scope, e.Label))
		}
	}
	return strings.Join(lines, "\n"), nil
}

func (t *Table) variables(ctx context.Context, c Caller, _ []string) (string, error) {
	var lines []string
	for _, e := range t.Visible(c) {
		if !e.Variable() {
			continue
		}
		value, err := e.Get(ctx, c)
		if err != nil {
			value = ""
		}
		lines = append(lines, fmt.Sprintf("%s - %q Value: %q Read-only: %t Category: %s AccesMode: %s Context: %s",
			e.Name, e.Text, value, e.Set == nil, e.Category, e.Access, e.Scope))
	}
	return strings.Join(lines, "\n"), nil
}

func (t *Table) args(_ context.Context, c Caller, args []string) (string, error) {
	if len(args) != 1 {
		return "", Error("Error: Missing command name as an argument")
	}
	e := t.byName[args[0]]
	if e == nil || e.Variable() || permitted(e, c) != nil {
		return "", ErrUnknown
	}
	var lines []string
	for _, a := range e.Args {
		lines = append(lines, fmt.Sprintf("%s - %q Example: %q Type: %q", a.Name, a.Label, a.Example, a.Type))
	}
	return strings.Join(lines, "\n"), nil
}

func (t *Table) reload(ctx context.Context, _ Caller, _ []string) (string, error) {
	restart, err := t.instance.Reload(ctx)
	if err != nil {
		return "", err
	}
	if len(restart) > 0 {
		return "Config reloaded, needs restart: " + strings.Join(restart, ", "), nil
	}
	return "Config reloaded", nil
}

// status is the instance's for an administrator; a user gets his own account's.
func (t *Table) status(ctx context.Context, c Caller) (string, error) {
	if !c.Admin && c.JID != "" {
		return t.accounts.Describe(ctx, c.JID)
	}
	return fmt.Sprintf("Running (%d users connected using %d backends)",
		len(t.instance.OnlineUsers()), len(t.instance.Backends())), nil
}
