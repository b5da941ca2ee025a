// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"time"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/room"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/delay"
	"spectrum.im/spectrum2/daemon/xmpp/muc"
	"spectrum.im/spectrum2/daemon/xmpp/oob"
)

// nsSID names messages by whoever handles them (XEP-0359).
const nsSID = "urn:xmpp:sid:0"

// roomMessage is a groupchat message of a client to a room.
func (s *Session) roomMessage(ctx context.Context, from jid.JID, t target, st *xmpp.Element) {
	if t.room == nil || t.room.client(from.Resourcepart()) == nil {
		s.refuse(ctx, st, xmpp.NotAcceptable, "You are not in this room; join it again")
		return
	}
	if t.nick() != "" {
		s.refuse(ctx, st, xmpp.BadRequest, "A message to the room goes to "+t.room.bare)
		return
	}
	if subject, ok := muc.Subject(st); ok {
		s.setSubject(ctx, t.room, subject, st)
		return
	}
	m := s.outgoing(t.name, st)
	if m.GetMessage() == "" {
		return // chat states and markers: no network passes them on in rooms
	}
	if s.transmit(ctx, st, m, t.room) && s.account.link.Level() == 0 {
		s.awaitEcho(ctx, t.room, st, m.GetMessage())
	}
}

// setSubject passes a new subject on; the network's own message shows it.
func (s *Session) setSubject(ctx context.Context, r *chatRoom, subject string, st *xmpp.Element) {
	if !s.online() {
		s.refuse(ctx, st, xmpp.ServiceUnavailable, "The subject was not changed: "+s.whyOffline())
		return
	}
	nick := r.state.Nick
	s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_ROOM_SUBJECT_CHANGED,
		&pbnetwork.ConversationMessage{UserName: &s.user, BuddyName: &r.name, Message: &subject, Nickname: &nick})
}

// reflect shows the user's own message to all his clients in the room, as the
// room does for everybody (XEP-0045 §7.4), once the network took it.
func (s *Session) reflect(ctx context.Context, r *chatRoom, st *xmpp.Element, remoteID string) {
	if s.rooms.byLocal[r.local] != r {
		return // he left meanwhile
	}
	m := room.Message{Nick: r.state.Nick, Text: xmpp.Body(st), ID: st.Get("id"), RemoteID: remoteID, At: time.Now()}
	if html := st.Child(nsXHTMLIM, "html").Child(nsXHTML, "body"); html != nil {
		m.XHTML = inner(html)
	}
	if !r.state.Said(m) {
		return // the network echoed it first
	}
	echo := xmpp.New(xmpp.NSClient, "message").Set("from", r.occupantJID(s, m.Nick)).Set("type", "groupchat").Set("id", m.ID)
	for c := range st.Children() {
		// What only a room may say is not passed on for a client.
		if c.Space != muc.NSUser && c.Space != delay.NS && !c.Is(nsSID, "stanza-id") {
			echo.Add(c)
		}
	}
	s.toRoomClients(ctx, r, echo.Add(stanzaID(r, remoteID)))
}

// stanzaID is the network's name for a message, nil where it has none.
func stanzaID(r *chatRoom, remoteID string) *xmpp.Element {
	if remoteID == "" {
		return nil
	}
	return xmpp.New(nsSID, "stanza-id").Set("by", r.bare).Set("id", remoteID)
}

// saidInRoom is a message of an occupant, or of the room itself. Before the
// user is in, it is history; while the subject is waited for it waits too.
func (s *Session) saidInRoom(ctx context.Context, r *chatRoom, m *pbnetwork.ConversationMessage) {
	at := stamp(m)
	if r.phase == settling && at.IsZero() {
		r.held = append(r.held, m)
		return
	}
	if s.isEcho(ctx, r, m) {
		return
	}
	text := m.GetMessage()
	for _, a := range m.GetAttachment() {
		if text == "" {
			text = a.GetUrl()
		}
	}
	line := room.Message{
		Nick: m.GetNickname(), Text: text, XHTML: m.GetXhtml(), ID: xmpp.NewID(), RemoteID: m.GetRemoteId(), At: at,
	}
	if at.IsZero() {
		line.At = time.Now()
	}
	if !r.state.Said(line) || !r.entered() || r.phase == settling {
		return
	}
	st := s.roomLine(r, line)
	if !at.IsZero() {
		st.Add(delay.Element(r.bare, at, ""))
	}
	for _, a := range m.GetAttachment() {
		st.Add(oob.OOB{URL: a.GetUrl(), Desc: a.GetDescription()}.Element())
	}
	s.toRoomClients(ctx, r, st)
}

// roomLine is a message as the room sends it, without receiver.
func (s *Session) roomLine(r *chatRoom, m room.Message) *xmpp.Element {
	st := xmpp.New(xmpp.NSClient, "message").Set("from", r.occupantJID(s, m.Nick)).Set("type", "groupchat").Set("id", m.ID)
	st.Add(xmpp.NewText(xmpp.NSClient, "body", m.Text), s.markup(m.XHTML))
	return st.Add(stanzaID(r, m.RemoteID))
}

// messageBounced: a message to a client came back. In a room that means that
// the client is not there any more (XEP-0045 §7.14).
func (s *Session) messageBounced(ctx context.Context, from jid.JID, t target, st *xmpp.Element) {
	cond, _ := xmpp.ErrorOf(st)
	if t.room == nil {
		s.log.Debug("message bounced", "condition", cond)
		return
	}
	switch cond {
	case xmpp.Gone, xmpp.InternalServerError, xmpp.ItemNotFound, xmpp.JIDMalformed, xmpp.RecipientUnavailable, xmpp.Redirect,
		xmpp.RemoteServerNotFound, xmpp.RemoteServerTimeout, xmpp.ServiceUnavailable:
		if c := t.room.client(from.Resourcepart()); c != nil {
			s.userLeaves(ctx, t.room, c, false)
		}
	}
}
