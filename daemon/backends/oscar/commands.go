// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// command is something that the user can have done beside talking. Its
// arguments are the values of its fields, in order; missing ones are "".
type command struct {
	name, label string
	fields      []*pbnetwork.StepField
	run         func(s *session, ctx context.Context, args []string) (string, error)
}

// commands are all of them, in the order in which the user sees them.
func commands() []command {
	text := func(name, label string) *pbnetwork.StepField {
		return &pbnetwork.StepField{Name: proto.String(name), Label: proto.String(label)}
	}
	secret := func(name, label string) *pbnetwork.StepField {
		f := text(name, label)
		f.Secret, f.Required = proto.Bool(true), proto.Bool(true)
		return f
	}
	must := func(name, label string) *pbnetwork.StepField {
		f := text(name, label)
		f.Required = proto.Bool(true)
		return f
	}
	return []command{
		{"info", "Change what you tell about yourself", infoFields(text), (*session).changeInfo},
		{"profile", "Change your profile", []*pbnetwork.StepField{text("text", "Profile")}, (*session).changeProfile},
		{"password", "Change your password on the network", []*pbnetwork.StepField{
			secret("old", "Present password"), secret("new", "New password"), secret("again", "New password, again"),
		}, (*session).changePassword},
		{"email", "Change the e-mail address of your AIM account", []*pbnetwork.StepField{
			must("email", "E-mail"),
		}, (*session).changeEmail},
		{"screenname", "Change how your AIM name is written", []*pbnetwork.StepField{
			must("name", "Name, with other capitals and spaces"),
		}, (*session).changeScreenName},
		{"invite", "Invite somebody into a chat room", []*pbnetwork.StepField{
			must("contact", "Whom"), must("room", "Room"), text("text", "What to say"),
		}, (*session).invite},
	}
}

// commandSpecs are the commands' forms.
func commandSpecs() []backend.CommandSpec {
	var all []backend.CommandSpec
	for _, c := range commands() {
		all = append(all, backend.CommandSpec{Name: c.name, Label: c.label, Fields: c.fields})
	}
	return all
}

// Command runs a command; the error's text is for the user.
func (s *session) Command(ctx context.Context, room, name string, args []string) (string, error) {
	if _, err := s.online(ctx); err != nil {
		return "", err
	}
	for _, c := range commands() {
		if c.name != name {
			continue
		}
		if room != "" && name == "invite" && len(args) == 1 {
			args = append(args, room)
		}
		full := make([]string, len(c.fields))
		copy(full, args)
		for i, f := range c.fields {
			if f.GetRequired() && full[i] == "" {
				return "", fmt.Errorf("%s is missing", f.GetLabel())
			}
		}
		return c.run(s, ctx, full)
	}
	return "", fmt.Errorf("there is no command %q", name)
}
