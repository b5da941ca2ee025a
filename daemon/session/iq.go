// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"time"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/avatar"
	"spectrum.im/spectrum2/daemon/xmpp/disco"
	"spectrum.im/spectrum2/daemon/xmpp/last"
	"spectrum.im/spectrum2/daemon/xmpp/ping"
	"spectrum.im/spectrum2/daemon/xmpp/vcard"
	"spectrum.im/spectrum2/daemon/xmpp/version"
)

// question is an IQ get to a contact, a room or an occupant.
type question struct {
	from    jid.JID
	target  target
	iq      *xmpp.Element
	payload *xmpp.Element
}

// iqHandlers says what contacts and rooms answer, by the payload's namespace.
var iqHandlers = map[string]func(context.Context, *Session, question){
	disco.NSInfo:  answerInfo,
	disco.NSItems: answerItems,
	ping.NS:       answerPing,
	version.NS:    answerVersion,
	last.NS:       answerLast,
	vcard.NS:      answerVCard,

	avatar.NSPubSub: answerPubSub,
}

// iqTo is an IQ to a contact or room.
func (s *Session) iqTo(ctx context.Context, from jid.JID, t target, iq *xmpp.Element) {
	if !xmpp.IsRequest(iq) {
		return // nothing was asked from these addresses
	}
	q := question{from, t, iq, iq.First()}
	if q.payload == nil {
		s.refuse(ctx, iq, xmpp.BadRequest, "This request is empty")
		return
	}
	answer := iqHandlers[q.payload.Space]
	if answer == nil || iq.Get("type") != "get" {
		s.refuse(ctx, iq, xmpp.ServiceUnavailable, "This is not served here")
		return
	}
	answer(ctx, s, q)
}

// inRoom reports whether the question is about a room or an occupant.
func (q question) inRoom(s *Session) bool { return s.isRoom(q.target) }

// answerPing is XEP-0199, and in rooms XEP-0410: a client asks for its own
// occupant to find out whether it is still in.
func answerPing(ctx context.Context, s *Session, q question) {
	t := q.target
	if !q.inRoom(s) || t.nick() == "" {
		s.send(ctx, xmpp.Result(q.iq))
		return
	}
	switch r := t.room; {
	case r == nil || r.client(q.from.Resourcepart()) == nil || !r.entered():
		s.refuse(ctx, q.iq, xmpp.NotAcceptable, "You are not in this room; join it again")
	case t.jid.String() == r.occupantJID(s, r.state.Nick):
		s.send(ctx, xmpp.Result(q.iq))
	default:
		if _, here := r.state.Occupant(t.nick()); here {
			s.refuse(ctx, q.iq, xmpp.ServiceUnavailable, "Others cannot be pinged through this network")
		} else {
			s.refuse(ctx, q.iq, xmpp.ItemNotFound, t.nick()+" is not in the room")
		}
	}
}

// answerVersion is XEP-0092: what answers for contacts and rooms is we.
func answerVersion(ctx context.Context, s *Session, q question) {
	v := version.Version{Name: "Spectrum 2", Version: s.set.Version}
	s.send(ctx, xmpp.Result(q.iq).Add(v.Element()))
}

// answerLast is XEP-0012: since when a contact is not there.
func answerLast(ctx context.Context, s *Session, q question) {
	c := q.target.contact
	if c == nil {
		s.refuse(ctx, q.iq, xmpp.ItemNotFound, "Nothing is known about "+q.target.name)
		return
	}
	var ago time.Duration
	if !c.mood.available() {
		ago = time.Since(c.since)
	}
	s.send(ctx, xmpp.Result(q.iq).Add(last.Element(ago, c.mood.text)))
}
