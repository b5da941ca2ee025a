// SPDX-License-Identifier: GPL-2.0-or-later

package admin

import (
	"context"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/commands"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
)

// settingsNode is the ad-hoc command that shows a user's settings in one form.
const settingsNode = "settings"

// standard are nodes of XEP-0133 by the entry that answers them.
var standard = map[string]string{
	"http://jabber.org/protocol/admin#get-online-users-num":  "online_users_count",
	"http://jabber.org/protocol/admin#get-online-users-list": "online_users",
}

// Node is an ad-hoc command as a list shows it.
type Node struct{ Name, Label string }

// Nodes are the ad-hoc commands that c may use.
func (t *Table) Nodes(c Caller) []Node {
	var out []Node
	for _, e := range t.Visible(c) {
		if e.Scope == PerUser && e.Variable() {
			continue // they are the form of settingsNode
		}
		out = append(out, Node{e.Name, e.Label})
	}
	if c.JID != "" {
		out = append(out, Node{settingsNode, "Your settings"})
	}
	return out
}

// Command answers an ad-hoc command (XEP-0050); found is false where there is
// none of that node for c.
func (t *Table) Command(ctx context.Context, c Caller, cmd *commands.Command) (reply commands.Command, found bool) {
	reply = commands.Command{Node: cmd.Node, SessionID: cmd.SessionID}
	if reply.SessionID == "" {
		reply.SessionID = xmpp.NewID()
	}
	name := cmd.Node
	if n, ok := standard[name]; ok {
		name = n
	}
	var e *Entry
	if name == settingsNode && c.JID != "" {
		e = t.settingsEntry()
	} else if e = t.byName[name]; e == nil || permitted(e, c) != nil {
		return reply, false
	}
	switch {
	case cmd.Action == commands.Cancel:
		reply.Status = commands.Canceled
	case len(e.Args) > 0 && cmd.Form == nil:
		reply.Status, reply.Form = commands.Executing, t.form(ctx, c, e)
		reply.Actions, reply.Default = []string{commands.Complete}, commands.Complete
	default:
		t.complete(ctx, c, e, cmd, &reply)
	}
	return reply, true
}

func (t *Table) complete(ctx context.Context, c Caller, e *Entry, cmd *commands.Command, reply *commands.Command) {
	values := map[string]string{}
	if cmd.Form != nil {
		values = cmd.Form.Values()
	}
	text, failed := t.Execute(ctx, e, c, values)
	note := commands.Info
	if failed {
		note = commands.Error
	}
	reply.Status = commands.Completed
	reply.Notes = []commands.Note{{Type: note, Text: text}}
}

// form asks for an entry's arguments.
func (t *Table) form(ctx context.Context, c Caller, e *Entry) *dataform.Form {
	f := dataform.New(dataform.TypeForm, "")
	f.Title, f.Instructions = e.Label, e.Text
	for _, a := range e.Args {
		field := dataform.Field{Var: a.Name, Label: a.Label, Type: dataform.TextSingle, Required: !a.Optional}
		switch a.Type {
		case "Password":
			field.Type = dataform.TextPrivate
		case "Boolean":
			field.Type = dataform.Boolean
			if s := t.byName[a.Name]; s != nil && s.Variable() {
				if v, err := s.Get(ctx, c); err == nil {
					field.Values = []string{v}
				}
			}
		}
		f.Add(field)
	}
	return f
}

// settingsEntry is all settings as one command.
func (t *Table) settingsEntry() *Entry {
	e := &Entry{Name: settingsNode, Text: "How the transport treats you.", Label: "Your settings", Access: ForUser, Scope: PerUser}
	for _, s := range Settings {
		e.Args = append(e.Args, Arg{Name: s.Name, Label: s.Label, Type: "Boolean", Optional: true})
	}
	e.Run = func(ctx context.Context, c Caller, args []string) (string, error) {
		for i, v := range args {
			switch v {
			case "":
				continue
			case "true":
				v = "1"
			case "false":
				v = "0"
			}
			if _, err := t.execute(ctx, t.byName[e.Args[i].Name], c, "set", []string{v}); err != nil {
				return "", err
			}
		}
		return "Your settings are kept.", nil
	}
	return e
}
