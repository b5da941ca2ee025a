// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"strconv"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/attention"
	"spectrum.im/spectrum2/daemon/xmpp/avatar"
	"spectrum.im/spectrum2/daemon/xmpp/chatstate"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
	"spectrum.im/spectrum2/daemon/xmpp/disco"
	"spectrum.im/spectrum2/daemon/xmpp/last"
	"spectrum.im/spectrum2/daemon/xmpp/muc"
	"spectrum.im/spectrum2/daemon/xmpp/ping"
	"spectrum.im/spectrum2/daemon/xmpp/receipts"
	"spectrum.im/spectrum2/daemon/xmpp/vcard"
	"spectrum.im/spectrum2/daemon/xmpp/version"
)

// capsNode names our software in the caps of contacts (XEP-0115).
const capsNode = "https://spectrum.im/"

// contactInfo is what a contact is and can. It is the same for all contacts of
// a backend, so that clients ask once.
func (s *Session) contactInfo() disco.Info {
	i := disco.Info{
		Identities: []disco.Identity{
			{Category: "client", Type: "pc", Name: s.networkName()},
			{Category: "pubsub", Type: "pep"}, // for their avatars
		},
		Features: []string{
			disco.NSInfo, disco.NSItems, disco.NSCaps, chatstate.NS, attention.NS, vcard.NS, vcard.NSUpdate,
			ping.NS, version.NS, last.NS, avatar.NSPubSub, avatar.NSPubSub + "#retrieve-items",
		},
	}
	if s.set.XHTML {
		i.Features = append(i.Features, nsXHTMLIM)
	}
	if s.linked() && s.account.link.Features().Receipts {
		i.Features = append(i.Features, receipts.NS)
	}
	return i
}

// contactCaps is <c/> of a contact's presence. The hash is made anew only when
// something changed.
func (s *Session) contactCaps() *xmpp.Element {
	key := capsKey{s.networkName(), s.set.XHTML, s.linked() && s.account.link.Features().Receipts}
	if s.contacts.caps == nil || s.contacts.capsKey != key {
		s.contacts.capsKey = key
		s.contacts.caps = disco.NewCaps(capsNode, s.contactInfo()).Element()
	}
	return s.contacts.caps
}

// capsKey is what contactInfo depends on.
type capsKey struct {
	name            string
	xhtml, receipts bool
}

// answerInfo is XEP-0030: what is at this address.
func answerInfo(ctx context.Context, s *Session, q question) {
	var i disco.Info
	switch t := q.target; {
	case q.inRoom(s) && t.nick() == "":
		i = s.roomInfo(t)
	case q.inRoom(s):
		if t.room != nil {
			if _, here := t.room.state.Occupant(t.nick()); !here {
				s.refuse(ctx, q.iq, xmpp.ItemNotFound, t.nick()+" is not in the room")
				return
			}
		}
		i = disco.Info{
			Identities: []disco.Identity{{Category: "client", Type: "pc", Name: t.nick()}},
			Features:   []string{disco.NSInfo, disco.NSItems, vcard.NS, version.NS},
		}
		if t.room != nil && t.nick() == t.room.state.Nick {
			i.Features = append(i.Features, ping.NS) // others cannot be pinged
		}
	default:
		i = s.contactInfo()
	}
	i.Node = q.payload.Get("node")
	s.send(ctx, xmpp.Result(q.iq).Add(i.Element()))
}

// roomInfo is what a room is (XEP-0045 §6.4).
func (s *Session) roomInfo(t target) disco.Info {
	title := s.rooms.titles[t.jid.Localpart()]
	i := disco.Info{
		Identities: []disco.Identity{{Category: "conference", Type: "text", Name: orDefault(title, t.name)}},
		Features: []string{
			disco.NSInfo, disco.NSItems, muc.NS, muc.FeatureSelfPing, "muc_public", "muc_open", "muc_unmoderated",
			"muc_semianonymous", "muc_persistent", vcard.NS, ping.NS, version.NS,
		},
	}
	if s.set.XHTML {
		i.Features = append(i.Features, nsXHTMLIM)
	}
	if s.kept() {
		i.Features = append(i.Features, s.set.RoomFeatures...)
	}
	if t.room == nil || !t.room.entered() {
		return i
	}
	subject, _ := t.room.state.Subject()
	i.Forms = []*dataform.Form{dataform.New(dataform.TypeResult, muc.NSRoomInfo).Add(
		dataform.Field{Var: "muc#roominfo_subject", Type: dataform.TextSingle, Values: []string{subject.Text}},
		dataform.Field{Var: "muc#roominfo_occupants", Type: dataform.TextSingle, Values: []string{strconv.Itoa(t.room.state.Len())}},
	)}
	return i
}

// answerItems lists a room's occupants; contacts have nothing below them.
func answerItems(ctx context.Context, s *Session, q question) {
	items := disco.Items{Node: q.payload.Get("node")}
	if r := q.target.room; r != nil && q.target.nick() == "" && items.Node == "" && r.entered() {
		for _, o := range r.state.Occupants() {
			items.Items = append(items.Items, disco.Item{JID: r.occupantJID(s, o.Nick), Name: o.Nick})
		}
	}
	s.send(ctx, xmpp.Result(q.iq).Add(items.Element()))
}
