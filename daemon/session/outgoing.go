// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"strings"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/attention"
	"spectrum.im/spectrum2/daemon/xmpp/chatstate"
	"spectrum.im/spectrum2/daemon/xmpp/oob"
	"spectrum.im/spectrum2/daemon/xmpp/receipts"
)

// Namespaces of XHTML-IM (XEP-0071).
const (
	nsXHTMLIM = "http://jabber.org/protocol/xhtml-im"
	nsXHTML   = "http://www.w3.org/1999/xhtml"
)

// messageTo is a message of the user's to a contact, a room or an occupant.
func (s *Session) messageTo(ctx context.Context, from jid.JID, t target, st *xmpp.Element) {
	switch typ := st.Get("type"); {
	case typ == "error":
		s.messageBounced(ctx, from, t, st)
	case typ == "groupchat":
		s.roomMessage(ctx, from, t, st)
	case t.room != nil && t.nick() == "":
		s.refuse(ctx, st, xmpp.FeatureNotImplemented, "A room takes group messages only; it cannot invite for you")
	case t.room != nil:
		s.privateMessage(ctx, from, t, st)
	case s.holds(st):
	default:
		s.contactMessage(ctx, t, st)
	}
}

// refuse sends a stanza back with the reason.
func (s *Session) refuse(ctx context.Context, st *xmpp.Element, condition, text string) {
	s.reply(ctx, xmpp.ErrorReply(st, "", condition, text))
}

// contactMessage is a message to a contact: text, or only a sign of typing.
func (s *Session) contactMessage(ctx context.Context, t target, st *xmpp.Element) {
	if attention.Is(st) {
		s.callAttention(ctx, t, st)
		return
	}
	m := s.outgoing(t.name, st)
	if m.GetMessage() == "" {
		s.userTypes(ctx, t, chatstate.Of(st))
		return
	}
	if t.contact != nil {
		t.contact.typing = false
	}
	s.transmit(ctx, st, m, nil)
}

// privateMessage is a message to an occupant of a room (XEP-0045 §7.5).
func (s *Session) privateMessage(ctx context.Context, from jid.JID, t target, st *xmpp.Element) {
	m := s.outgoing(t.name, st)
	switch _, here := t.room.state.Occupant(t.nick()); {
	case m.GetMessage() == "":
		return // nobody tells an occupant that the user types
	case t.room.client(from.Resourcepart()) == nil:
		s.refuse(ctx, st, xmpp.NotAcceptable, "You are not in this room")
		return
	case !here && s.online():
		s.refuse(ctx, st, xmpp.ItemNotFound, t.nick()+" is not in the room")
		return
	}
	nick := t.nick()
	if s.linked() && s.account.link.Level() == 0 {
		name := t.name + "/" + nick
		m.BuddyName = &name
	} else {
		pm := true
		m.Nickname, m.Pm = &nick, &pm
	}
	s.transmit(ctx, st, m, nil)
}

// outgoing is the frame of a message; its text is empty where there is nothing
// to say.
func (s *Session) outgoing(name string, st *xmpp.Element) *pbnetwork.ConversationMessage {
	text := xmpp.Body(st)
	if url := oob.Of(st).URL; text == "" {
		text = url
	}
	m := &pbnetwork.ConversationMessage{UserName: &s.user, BuddyName: &name, Message: &text}
	if s.set.XHTML {
		if html := st.Child(nsXHTMLIM, "html").Child(nsXHTML, "body"); html != nil {
			x := inner(html)
			m.Xhtml = &x
		}
	}
	return m
}

// inner is the markup inside an XHTML body, as the backend protocol carries it.
func inner(body *xmpp.Element) string {
	var b strings.Builder
	for _, n := range body.Nodes {
		if n.Element == nil {
			// The encoder escapes text only inside an element.
			t := xmpp.NewText("", "t", n.Text).String()
			b.WriteString(strings.TrimSuffix(strings.TrimPrefix(t, "<t>"), "</t>"))
		} else {
			b.Write(xmpp.Append(nil, n.Element, nsXHTML))
		}
	}
	return b.String()
}

// transmit hands a message to the backend. Whatever becomes of it, the user
// hears: at once if it does not leave, otherwise by its result.
func (s *Session) transmit(ctx context.Context, st *xmpp.Element, m *pbnetwork.ConversationMessage, room *chatRoom) bool {
	if !s.online() {
		s.refuse(ctx, st, xmpp.ServiceUnavailable, "Not delivered: "+s.whyOffline())
		return false
	}
	link := s.account.link
	if link.Level() > 0 {
		if s.inflight.full() {
			s.refuse(ctx, st, xmpp.ResourceConstraint, "Not delivered: the network does not keep up with your messages; try again later")
			return false
		}
		id := xmpp.NewID()
		m.MessageId = &id
	}
	if id := st.Get("id"); link.Features().Receipts && receipts.Requested(st) {
		m.Id = &id
		s.receipts.expect(id, st)
	}
	if !s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, m) {
		s.refuse(ctx, st, xmpp.ServiceUnavailable, "Not delivered: the connection with the network was lost")
		return false
	}
	if m.MessageId != nil {
		s.inflight.add(m.GetMessageId(), st, room)
	}
	return true
}

// whyOffline is the end of the sentence why something cannot be done now.
func (s *Session) whyOffline() string {
	a := &s.account
	switch a.state {
	case Connecting:
		return "you are not logged in to the network yet; try again in a moment"
	case Reconnecting:
		return "the connection with the network was lost and is being made again"
	case Unreachable:
		return withText("the network cannot be reached", a.text)
	case BadCredentials:
		return withText("the network refused your login", a.text)
	case WaitingForYou:
		return "the login waits for your answer"
	case Disabled:
		return withText("your account is switched off", a.text)
	}
	return "you are not logged in to the network; send presence to " + s.set.Addresses.Transport + " first"
}

// callAttention is XEP-0224.
func (s *Session) callAttention(ctx context.Context, t target, st *xmpp.Element) {
	text := xmpp.Body(st)
	if !s.online() {
		s.refuse(ctx, st, xmpp.ServiceUnavailable, "Not delivered: "+s.whyOffline())
		return
	}
	s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_ATTENTION,
		&pbnetwork.ConversationMessage{UserName: &s.user, BuddyName: &t.name, Message: &text})
}

// userTypes passes a chat state on.
func (s *Session) userTypes(ctx context.Context, t target, state string) {
	if !s.online() || state == "" {
		return
	}
	typ := pbnetwork.WrapperMessage_TYPE_BUDDY_STOPPED_TYPING
	typing := false
	switch state {
	case chatstate.Composing:
		typ, typing = pbnetwork.WrapperMessage_TYPE_BUDDY_TYPING, true
	case chatstate.Paused:
		typ, typing = pbnetwork.WrapperMessage_TYPE_BUDDY_TYPED, true
	}
	if c := t.contact; c != nil {
		if !typing && !c.typing {
			return // he never started
		}
		c.typing = typing
	}
	s.toBackend(ctx, typ, &pbnetwork.Buddy{UserName: &s.user, BuddyName: &t.name})
}
