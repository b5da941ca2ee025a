// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"strconv"
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/attention"
	"spectrum.im/spectrum2/daemon/xmpp/chatstate"
	"spectrum.im/spectrum2/daemon/xmpp/delay"
	"spectrum.im/spectrum2/daemon/xmpp/muc"
	"spectrum.im/spectrum2/daemon/xmpp/oob"
)

// onMessage: a message from the network, from a contact, an occupant, or a
// room.
func onMessage(ctx context.Context, s *Session, m *pbnetwork.ConversationMessage) {
	name, nick := m.GetBuddyName(), m.GetNickname()
	r := s.findRoom(name)
	if r == nil && nick == "" {
		// Version 1 backends also write an occupant as room/nick.
		if room, occupant, ok := strings.Cut(name, "/"); ok && s.findRoom(room) != nil {
			s.fromOccupant(ctx, s.findRoom(room), occupant, m)
			return
		}
	}
	switch {
	case r != nil && m.GetPm():
		s.fromOccupant(ctx, r, nick, m)
	case r != nil:
		s.saidInRoom(ctx, r, m)
	case nick != "" && !m.GetPm():
		s.log.Debug("message from a room that the user is not in", "room", name)
	default:
		s.fromContact(ctx, m)
	}
}

// fromContact is a message from a contact, or of the user's own to him.
func (s *Session) fromContact(ctx context.Context, m *pbnetwork.ConversationMessage) {
	from := s.contactAddress(m.GetBuddyName())
	if from == "" {
		return
	}
	if m.GetCarbon() && s.set.ServerMode {
		s.ownMessage(ctx, from, false, m)
		return
	}
	if m.GetCarbon() {
		// What the user wrote with another client of the legacy network. To
		// show it as his own needs a privileged component (XEP-0356): as a
		// message from the contact it would put words into his mouth.
		s.log.Debug("the user's own message from elsewhere not shown: not privileged")
		return
	}
	typ := "chat"
	if m.GetHeadline() && s.setting("send_headlines", s.set.SendHeadlines) {
		typ = "headline"
	}
	for i, st := range s.messages(typ, from, s.user, m) {
		if typ == "chat" {
			st.Add(chatstate.Element(chatstate.Active))
		}
		s.deliver(ctx, st, remoteKey(m, i))
	}
}

// fromOccupant is a private message in a room.
func (s *Session) fromOccupant(ctx context.Context, r *chatRoom, nick string, m *pbnetwork.ConversationMessage) {
	if m.GetCarbon() && s.set.ServerMode {
		s.ownMessage(ctx, r.occupantJID(s, nick), true, m)
		return
	}
	if m.GetCarbon() {
		s.log.Debug("the user's own private message from elsewhere not shown: not privileged")
		return
	}
	from := r.occupantJID(s, nick)
	for i, st := range s.messages("chat", from, s.user, m) {
		st.Add(muc.Private())
		s.deliver(ctx, st, remoteKey(m, i))
	}
}

// ownMessage is what the user wrote with another client of the legacy network:
// as his server we may say that it is from him.
func (s *Session) ownMessage(ctx context.Context, to string, private bool, m *pbnetwork.ConversationMessage) {
	if !private {
		to, _, _ = strings.Cut(to, "/")
	}
	for i, st := range s.messages("chat", s.user, to, m) {
		if private {
			st.Add(muc.Private())
		}
		s.deliver(ctx, st, remoteKey(m, i))
	}
}

// remoteKey names part i of a message by the network's own id, "" without one.
func remoteKey(m *pbnetwork.ConversationMessage, i int) string {
	if m.GetRemoteId() == "" {
		return ""
	}
	return m.GetBuddyName() + "\x00" + m.GetRemoteId() + "\x00" + strconv.Itoa(i)
}

// contactAddress is the full JID of whoever is called so on the network, "" if
// there can be none.
func (s *Session) contactAddress(name string) string {
	if name == "" {
		return s.set.Addresses.Transport // the network itself
	}
	if c := s.findContact(name); c != nil {
		return c.full
	}
	j, err := s.set.Addresses.JID(name, ContactResource)
	if err != nil {
		s.log.Warn("message from a name without an address dropped", "name", name, "err", err)
		return ""
	}
	return j.String()
}

// messages are the stanzas of one message: one, or with oob_split one for each
// attachment.
func (s *Session) messages(typ, from, to string, m *pbnetwork.ConversationMessage) []*xmpp.Element {
	st := xmpp.NewMessage(typ, from, to)
	if len(m.GetAttachment()) == 0 {
		return []*xmpp.Element{s.fill(st, m.GetMessage(), m.GetXhtml(), m)}
	}
	if !s.set.OOBSplit && !(s.set.OOBReplaceBody && len(m.GetAttachment()) == 1) {
		s.fill(st, m.GetMessage(), m.GetXhtml(), m)
		for _, a := range m.GetAttachment() {
			st.Add(oob.OOB{URL: a.GetUrl(), Desc: a.GetDescription()}.Element())
		}
		return []*xmpp.Element{st}
	}
	var parts []*xmpp.Element
	if s.set.OOBSplit && m.GetMessage() != "" {
		parts = append(parts, s.fill(st, m.GetMessage(), m.GetXhtml(), m))
	}
	for _, a := range m.GetAttachment() {
		part := s.fill(xmpp.NewMessage(typ, from, to), a.GetUrl(), "", m)
		parts = append(parts, part.Add(oob.OOB{URL: a.GetUrl(), Desc: a.GetDescription()}.Element()))
	}
	return parts
}

// fill adds what every message has.
func (s *Session) fill(st *xmpp.Element, body, xhtml string, m *pbnetwork.ConversationMessage) *xmpp.Element {
	st.Add(xmpp.NewText(xmpp.NSClient, "body", body))
	if html := s.markup(xhtml); html != nil {
		st.Add(html)
	}
	if at := stamp(m); !at.IsZero() {
		st.Add(delay.Element(s.set.Addresses.Transport, at, ""))
	}
	return st
}

// markup is <html/> of XHTML-IM, nil where there is none or it is not well-formed.
func (s *Session) markup(xhtml string) *xmpp.Element {
	if xhtml == "" || !s.set.XHTML {
		return nil
	}
	text := xhtml
	if !strings.HasPrefix(strings.TrimSpace(text), "<body") {
		text = "<body xmlns='" + nsXHTML + "'>" + text + "</body>"
	}
	body, err := xmpp.Parse([]byte(text))
	if err != nil || body.Name != "body" {
		s.log.Debug("markup left out", "err", err)
		return nil
	}
	if body.Space == "" {
		adopt(body)
	}
	return xmpp.New(nsXHTMLIM, "html").Add(body)
}

// adopt puts elements without namespace into XHTML's.
func adopt(e *xmpp.Element) {
	if e.Space == "" {
		e.Space = nsXHTML
	}
	for c := range e.Children() {
		adopt(c)
	}
}

// stamp is when the message was sent, zero if the network did not say.
func stamp(m *pbnetwork.ConversationMessage) time.Time {
	if m.GetTimestamp() == "" {
		return time.Time{}
	}
	t, err := time.Parse("20060102T150405", m.GetTimestamp())
	if err != nil {
		return time.Time{}
	}
	return t
}

// onAttention: a contact calls for the user's attention (XEP-0224).
func onAttention(ctx context.Context, s *Session, m *pbnetwork.ConversationMessage) {
	from := s.contactAddress(m.GetBuddyName())
	if from == "" {
		return
	}
	st := xmpp.NewMessage("headline", from, s.user)
	if m.GetMessage() != "" {
		st.Add(xmpp.NewText(xmpp.NSClient, "body", m.GetMessage()))
	}
	s.deliver(ctx, st.Add(attention.Element()), remoteKey(m, 0))
}

// Signs of typing are worth nothing later: they are sent or forgotten.

func onTyping(ctx context.Context, s *Session, b *pbnetwork.Buddy) {
	s.contactTypes(ctx, b, chatstate.Composing)
}
func onPaused(ctx context.Context, s *Session, b *pbnetwork.Buddy) {
	s.contactTypes(ctx, b, chatstate.Paused)
}
func onStoppedTyping(ctx context.Context, s *Session, b *pbnetwork.Buddy) {
	s.contactTypes(ctx, b, chatstate.Active)
}

func (s *Session) contactTypes(ctx context.Context, b *pbnetwork.Buddy, state string) {
	if !s.reachable() {
		return
	}
	if from := s.contactAddress(b.GetBuddyName()); from != "" {
		s.send(ctx, xmpp.NewMessage("chat", from, s.user).Add(chatstate.Element(state)))
	}
}
