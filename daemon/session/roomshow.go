// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/room"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/delay"
	"spectrum.im/spectrum2/daemon/xmpp/muc"
	"spectrum.im/spectrum2/daemon/xmpp/vcard"
)

// showRoom sends a client all of a room in the order of XEP-0045 §7.1:
// occupants, the user himself, history, subject.
func (s *Session) showRoom(ctx context.Context, r *chatRoom, c *roomClient) {
	s.showOccupants(ctx, r, c)
	s.showPast(ctx, r, c)
}

func (s *Session) showOccupants(ctx context.Context, r *chatRoom, c *roomClient) {
	for _, o := range r.state.Occupants() {
		var codes []int
		if o.Nick == r.state.Nick {
			codes = append(codes, muc.StatusSelf)
			if j, err := xmpp.ParseJID(c.join.Get("to")); err == nil && j.String() != r.occupantJID(s, o.Nick) {
				codes = append(codes, muc.StatusNickAssigned)
			}
		}
		s.send(ctx, addressed(r.presence(s, o, codes), c.full))
	}
	c.shown, c.backlog = true, nil
}

// showPast sends history and subject. The subject always comes, empty if there
// is none: it ends the join.
func (s *Session) showPast(ctx context.Context, r *chatRoom, c *roomClient) {
	h := room.Wanted{Stanzas: c.history.MaxStanzas, Chars: c.history.MaxChars, Since: c.history.From(time.Now())}
	for _, m := range r.state.History(h) {
		st := s.roomLine(r, m).Add(delay.Element(r.bare, m.At, ""))
		s.send(ctx, addressed(st, c.full))
	}
	subject, _ := r.state.Subject()
	s.send(ctx, addressed(s.subjectLine(r, subject), c.full))
}

// presence is an occupant's, without receiver.
func (r *chatRoom) presence(s *Session, o room.Occupant, codes []int) *xmpp.Element {
	m := mood{o.Status, o.StatusText}
	st := xmpp.NewPresence("", r.occupantJID(s, o.Nick), "")
	if show := m.show(); show != "" {
		st.Add(xmpp.NewText(xmpp.NSClient, "show", show))
	}
	if m.text != "" {
		st.Add(xmpp.NewText(xmpp.NSClient, "status", m.text))
	}
	if o.IconHash != "" {
		st.Add(vcard.Update(o.IconHash))
	}
	return st.Add(muc.User{Items: []muc.Item{itemOf(o)}, Statuses: codes}.Element())
}

func itemOf(o room.Occupant) muc.Item {
	return muc.Item{Affiliation: affiliations[o.Affiliation], Role: roles[o.Role]}
}

var roles = map[pbnetwork.Role]string{
	pbnetwork.Role_ROLE_NONE: muc.None, pbnetwork.Role_ROLE_VISITOR: muc.Visitor,
	pbnetwork.Role_ROLE_PARTICIPANT: muc.Participant, pbnetwork.Role_ROLE_MODERATOR: muc.Moderator,
}

var affiliations = map[pbnetwork.Affiliation]string{
	pbnetwork.Affiliation_AFFILIATION_NONE: muc.None, pbnetwork.Affiliation_AFFILIATION_OUTCAST: muc.Outcast,
	pbnetwork.Affiliation_AFFILIATION_MEMBER: muc.Member, pbnetwork.Affiliation_AFFILIATION_ADMIN: muc.Admin,
	pbnetwork.Affiliation_AFFILIATION_OWNER: muc.Owner,
}

// departure says how somebody left.
type departure struct {
	codes  []int
	actor  string
	reason string
	// nick is the new one where he only changed it.
	nick string
	// outcast: he may not come back.
	outcast bool
}

// gonePresence is the last presence of an occupant, without receiver.
func (r *chatRoom) gonePresence(s *Session, o room.Occupant, d departure, self bool) *xmpp.Element {
	st := xmpp.NewPresence("unavailable", r.occupantJID(s, o.Nick), "")
	item := itemOf(o)
	switch {
	case d.nick != "":
		item.Nick = d.nick
	default:
		item.Role = muc.None
		if d.outcast {
			item.Affiliation = muc.Outcast
		}
		item.Actor = d.actor
	}
	if len(d.codes) > 0 && d.nick == "" {
		item.Reason = d.reason
	}
	if d.reason != "" {
		st.Add(xmpp.NewText(xmpp.NSClient, "status", d.reason))
	}
	codes := d.codes
	if self {
		codes = append([]int{muc.StatusSelf}, codes...)
	}
	return st.Add(muc.User{Items: []muc.Item{item}, Statuses: codes}.Element())
}

// showGone tells every client that an occupant left.
func (s *Session) showGone(ctx context.Context, r *chatRoom, o room.Occupant, d departure) {
	s.toRoomClients(ctx, r, r.gonePresence(s, o, d, false))
}

// showSelfGone tells one client that it is out of the room.
func (s *Session) showSelfGone(ctx context.Context, r *chatRoom, c *roomClient, d departure) {
	me, ok := r.state.Occupant(r.state.Nick)
	if !ok {
		me = room.Occupant{Nick: r.state.Nick}
	}
	s.send(ctx, addressed(r.gonePresence(s, me, d, true), c.full))
}

// toRoomClients sends st to every client that was shown the room.
func (s *Session) toRoomClients(ctx context.Context, r *chatRoom, st *xmpp.Element) {
	for _, c := range r.clients {
		if c.shown && (len(c.backlog) > 0 || !s.send(ctx, addressed(st, c.full))) {
			s.missed(r, c, st)
		}
	}
}

// maxBacklog bounds what a client that cannot be reached misses of a room; one
// that misses more has to join again.
const maxBacklog = 500

// missed keeps what a client was to see for the time when there is a link.
func (s *Session) missed(r *chatRoom, c *roomClient, st *xmpp.Element) {
	if len(c.backlog) > maxBacklog {
		return
	}
	if _, delayed := delay.Of(st); st.Name == "message" && !delayed {
		later := *st
		later.Nodes = append(later.Nodes[:len(later.Nodes):len(later.Nodes)],
			xmpp.Node{Element: delay.Element(r.bare, time.Now(), "")})
		st = &later
	}
	c.backlog = append(c.backlog, st)
	s.flushLater()
}

// behind reports whether a client misses something.
func (rs *rooms) behind() bool {
	for _, r := range rs.byLocal {
		for _, c := range r.clients {
			if len(c.backlog) > 0 {
				return true
			}
		}
	}
	return false
}

// catchUpRooms sends the clients in rooms what they missed.
func (s *Session) catchUpRooms(ctx context.Context) {
	for _, r := range s.rooms.sorted() {
		for _, c := range append([]*roomClient(nil), r.clients...) {
			s.catchUp(ctx, r, c)
		}
	}
}

func (s *Session) catchUp(ctx context.Context, r *chatRoom, c *roomClient) {
	backlog := c.backlog
	if len(backlog) > maxBacklog {
		s.showSelfGone(ctx, r, c, departure{codes: []int{muc.StatusTechnicalTrouble}, reason: "The connection was lost for too long; join again"})
		s.userLeaves(ctx, r, c, false)
		return
	}
	for i, st := range backlog {
		if !s.send(ctx, addressed(st, c.full)) {
			c.backlog = backlog[i:]
			return
		}
	}
	c.backlog = nil
}

// addressed is st for a receiver; the children are shared, as they do not
// change any more.
func addressed(st *xmpp.Element, to string) *xmpp.Element {
	c := *st
	c.Attrs = append(append(make([]xmpp.Attr, 0, len(st.Attrs)+1), st.Attrs...), xmpp.Attr{Name: "to", Value: to})
	return &c
}

// subjectLine is the message that carries the subject: the only one without a
// body (XEP-0045 §8.1).
func (s *Session) subjectLine(r *chatRoom, subject room.Subject) *xmpp.Element {
	st := xmpp.NewMessage("groupchat", r.occupantJID(s, subject.By), "")
	st.Add(xmpp.NewText(xmpp.NSClient, "subject", subject.Text))
	if !subject.At.IsZero() {
		st.Add(delay.Element(r.bare, subject.At, ""))
	}
	return st
}
