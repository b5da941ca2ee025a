// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"strings"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/register"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// errNoRegistration: in server mode the account is the network's, and no
// password is kept.
var errNoRegistration = register.Refused(xmpp.NotAllowed, "There is nothing to register here: your account is the one on the network.")

// chatLine answers a message to the transport's own address: a command, or the
// answer to the question of a registration. Whoever asks for a receipt or only
// types gets nothing.
func (r *router) chatLine(ctx context.Context, from jid.JID, st *xmpp.Element) {
	line := strings.TrimSpace(xmpp.Body(st))
	if t := st.Get("type"); t == "error" || t == "groupchat" || line == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, registerTimeout)
	defer cancel()
	r.awaitBackend(ctx)
	text := r.chatReply(ctx, from, line)
	reply := xmpp.NewMessage("chat", r.jid, from.String())
	if thread := st.Child(xmpp.NSClient, "thread"); thread != nil {
		reply.Add(thread)
	}
	r.send(ctx, reply.Add(xmpp.NewText(xmpp.NSClient, "body", text)))
}

func (r *router) chatReply(ctx context.Context, from jid.JID, line string) string {
	caller := r.caller(from)
	verb, _, _ := strings.Cut(line, " ")
	var text string
	var err error
	switch {
	case r.stepWaits(caller.JID) && r.table.Entry(verb) == nil:
		text, err = "Thank you.", (own{r.Instance}).Answer(ctx, caller.JID, line)
	case line == "register" && r.side != nil:
		err = errNoRegistration
	case line == "register" && !caller.Admin:
		text, err = r.chat.Start(ctx, caller.JID)
	case r.chat.Open(caller.JID) && verb != "answer":
		text, err = r.chat.Answer(ctx, caller.JID, line)
	default:
		text, _ = r.table.Query(ctx, caller, line)
		if text == "" {
			text = "(nothing)"
		}
		return text
	}
	if err != nil {
		return "Error: " + r.explain(err)
	}
	return text
}

// stepWaits reports whether the network waits for an answer of the user.
func (r *router) stepWaits(user string) bool {
	s := r.sessions.get(user)
	return s != nil && s.PendingStep() != nil
}
