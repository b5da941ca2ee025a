// SPDX-License-Identifier: GPL-2.0-or-later

package register

import (
	"context"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/commands"
)

// Node is the ad-hoc command that renders the flow.
const Node = "register"

// Command answers the ad-hoc command Node (XEP-0050) of the user jid: the form
// first, then what came of the answers.
func (r *Registrar) Command(ctx context.Context, jid string, c *commands.Command) (commands.Command, error) {
	reply := commands.Command{Node: c.Node, SessionID: c.SessionID}
	if reply.SessionID == "" {
		reply.SessionID = xmpp.NewID()
	}
	if c.Action == commands.Cancel {
		reply.Status = commands.Canceled
		return reply, nil
	}
	if c.Form == nil {
		step, _, err := r.FirstFor(ctx, jid)
		if err != nil {
			return reply, err
		}
		reply.Status, reply.Form = commands.Executing, step.Form("")
		reply.Actions, reply.Default = []string{commands.Complete}, commands.Complete
		return reply, nil
	}
	if err := r.Submit(ctx, jid, c.Form.Values()); err != nil {
		return reply, err
	}
	reply.Status = commands.Completed
	reply.Notes = []commands.Note{{Type: commands.Info, Text: "You are registered."}}
	return reply, nil
}
