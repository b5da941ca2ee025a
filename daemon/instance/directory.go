// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"errors"
	"slices"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/register"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/commands"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
	"spectrum.im/spectrum2/daemon/xmpp/search"
)

// search answers jabber:iq:search (XEP-0055): the form is the network's, and so
// is the answer, for which the user has to be logged in.
func (r *router) search(ctx context.Context, from jid.JID, iq *xmpp.Element) *xmpp.Element {
	f := r.features().Search
	if f == nil {
		return xmpp.ErrorReply(iq, "", xmpp.ServiceUnavailable, "This network has no directory to search.")
	}
	user := from.Bare().String()
	return search.Reply(ctx, iq, session.FormOf(f), func(ctx context.Context, fields map[string]string) (search.Result, error) {
		s := r.sessions.get(user)
		if s == nil {
			return search.Result{}, &search.Error{Condition: xmpp.RegistrationRequired, Text: "Log in to the network first: its directory is for its users."}
		}
		return s.Search(ctx, fields)
	})
}

// networkCommand is the network's own command with this name, nil without one.
func (r *router) networkCommand(name string) *pbnetwork.CommandSpec {
	for _, c := range r.features().Commands {
		if c.GetName() == name {
			return c
		}
	}
	return nil
}

// runNetworkCommand answers an ad-hoc command of the network's own (XEP-0050):
// the form, if it has one, and then what the network says.
func (r *router) runNetworkCommand(ctx context.Context, from jid.JID, spec *pbnetwork.CommandSpec, cmd *commands.Command) (commands.Command, error) {
	reply := commands.Command{Node: cmd.Node, SessionID: cmd.SessionID}
	if reply.SessionID == "" {
		reply.SessionID = xmpp.NewID()
	}
	switch {
	case cmd.Action == commands.Cancel:
		reply.Status = commands.Canceled
		return reply, nil
	case cmd.Form == nil && len(spec.GetField()) > 0:
		reply.Status, reply.Form = commands.Executing, formOf(spec)
		reply.Actions, reply.Default = []string{commands.Complete}, commands.Complete
		return reply, nil
	}
	s := r.sessions.get(from.Bare().String())
	if s == nil {
		return reply, register.Refused(xmpp.RegistrationRequired, "Log in to the network first.")
	}
	values := map[string]string{}
	if cmd.Form != nil {
		values = cmd.Form.Values()
	}
	args, err := session.CommandArguments(spec, values)
	if err != nil {
		return reply, register.Refused(xmpp.NotAcceptable, "%v.", err)
	}
	text, err := s.Command(ctx, "", spec.GetName(), args)
	note := commands.Info
	var refused *session.CommandError
	switch {
	case errors.As(err, &refused):
		note, text = commands.Error, refused.Text
	case errors.Is(err, session.ErrOffline), errors.Is(err, session.ErrEnded), errors.Is(err, session.ErrNoCommands):
		return reply, register.Refused(xmpp.RecipientUnavailable, "You are not logged in to the network.")
	case err != nil:
		return reply, err
	case text == "":
		text = "Done."
	}
	reply.Status, reply.Notes = commands.Completed, []commands.Note{{Type: note, Text: text}}
	return reply, nil
}

// formOf asks for a command's fields.
func formOf(spec *pbnetwork.CommandSpec) *dataform.Form {
	f := dataform.New(dataform.TypeForm, "")
	f.Title = spec.GetLabel()
	for _, s := range session.CommandFields(spec) {
		field := dataform.Field{Var: s.Name, Label: s.Label, Required: s.Required, Type: dataform.TextSingle}
		switch {
		case s.Secret:
			field.Type = dataform.TextPrivate
		case len(s.Options) > 0:
			field.Type = dataform.ListSingle
			for _, o := range s.Options {
				field.Options = append(field.Options, dataform.Option{Value: o})
			}
		}
		if s.Value != "" {
			field.Values = []string{s.Value}
		}
		f.Add(field)
	}
	return f
}

// nodes are the ad-hoc commands for a user: the transport's and the network's.
func (r *router) nodes(from jid.JID) []commandNode {
	var out []commandNode
	for _, n := range r.table.Nodes(r.caller(from)) {
		out = append(out, commandNode{n.Name, n.Label})
	}
	for _, c := range r.features().Commands {
		if !slices.ContainsFunc(out, func(n commandNode) bool { return n.name == c.GetName() }) {
			out = append(out, commandNode{c.GetName(), c.GetLabel()})
		}
	}
	return out
}

type commandNode struct{ name, label string }
