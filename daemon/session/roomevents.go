// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/room"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/muc"
)

// refusals are the flags of version 1 that end a join, with their conditions.
var refusals = []struct {
	flag      pbnetwork.ParticipantFlag
	condition string
}{
	{pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_CONFLICT, muc.ErrConflict},
	{pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_NOT_AUTHORIZED, muc.ErrPassword},
	{pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_ROOM_NOT_FOUND, muc.ErrNotFound},
	{pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_BANNED, muc.ErrBanned},
}

// onParticipant: somebody came, changed, or went.
func onParticipant(ctx context.Context, s *Session, p *pbnetwork.Participant) {
	r := s.findRoom(p.GetRoom())
	if r == nil {
		s.log.Debug("occupant of a room that the user is not in", "room", p.GetRoom())
		return
	}
	flags := pbnetwork.ParticipantFlag(p.GetFlag())
	me := flags&pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_ME != 0
	for _, f := range refusals {
		refused := f.flag != pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_BANNED || me && !r.entered()
		if flags&f.flag != 0 && refused {
			s.roomRefused(ctx, r, f.condition, sentence(p.GetStatusMessage()))
			return
		}
	}
	switch {
	case p.GetNewname() != "":
		s.occupantRenamed(ctx, r, p, me)
	case p.GetStatus() == pbnetwork.StatusType_STATUS_NONE:
		s.occupantLeft(ctx, r, p, flags, me || p.GetNickname() == r.state.Nick)
	default:
		s.occupantSeen(ctx, r, p, me)
	}
}

// occupantSeen: somebody is there. When it is the user himself, the list is
// complete.
func (s *Session) occupantSeen(ctx context.Context, r *chatRoom, p *pbnetwork.Participant, me bool) {
	o := occupantOf(p)
	pending := r.phase == joining || r.phase == rejoining && r.state.Syncing()
	if me && r.state.Nick != o.Nick {
		// The network gave him another nick than the one asked for, or he
		// lost his between two logins.
		if was, here := r.state.Occupant(r.state.Nick); here {
			s.renamed(ctx, r, was.Nick, o.Nick)
		}
		r.state.Nick = o.Nick
	}
	if r.state.Set(o) != room.Unchanged {
		var codes []int
		if o.Nick == r.state.Nick {
			codes = []int{muc.StatusSelf}
		}
		s.toRoomClients(ctx, r, r.presence(s, o, codes))
	}
	if pending && (me || o.Nick == r.state.Nick && s.account.link.Level() == 0) {
		s.joined(ctx, r)
	}
}

func occupantOf(p *pbnetwork.Participant) room.Occupant {
	o := room.Occupant{
		Nick: p.GetNickname(), Role: p.GetRole(), Affiliation: p.GetAffiliation(), Status: p.GetStatus(),
		StatusText: p.GetStatusMessage(), IconHash: p.GetIconHash(), Alias: p.GetAlias(),
	}
	if p.Role == nil { // version 1 knows moderators and others
		o.Role, o.Affiliation = pbnetwork.Role_ROLE_PARTICIPANT, pbnetwork.Affiliation_AFFILIATION_MEMBER
		if pbnetwork.ParticipantFlag(p.GetFlag())&pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_MODERATOR != 0 {
			o.Role, o.Affiliation = pbnetwork.Role_ROLE_MODERATOR, pbnetwork.Affiliation_AFFILIATION_ADMIN
		}
	}
	return o
}

// occupantRenamed: somebody has a new nick.
func (s *Session) occupantRenamed(ctx context.Context, r *chatRoom, p *pbnetwork.Participant, me bool) {
	if me && r.state.Nick != p.GetNickname() && r.state.Nick != p.GetNewname() {
		r.state.Nick = p.GetNickname()
	}
	s.renamed(ctx, r, p.GetNickname(), p.GetNewname())
}

// renamed shows a change of nick (XEP-0045 §7.6).
func (s *Session) renamed(ctx context.Context, r *chatRoom, old, nick string) {
	was, here := r.state.Occupant(old)
	if !here || old == nick {
		return
	}
	self := r.state.Nick == old
	if other, taken := r.state.Occupant(nick); taken && r.entered() {
		s.showGone(ctx, r, other, departure{})
	}
	now, _ := r.state.Rename(old, nick)
	var codes []int
	if self {
		codes = []int{muc.StatusSelf}
		r.wanted, r.nickBy = nick, nil
		if r.phase == inside {
			s.keepRoom(r)
		}
	}
	d := departure{codes: []int{muc.StatusNickChanged}, nick: nick}
	s.toRoomClients(ctx, r, r.gonePresence(s, was, d, self))
	s.toRoomClients(ctx, r, r.presence(s, now, codes))
}

// occupantLeft: somebody went, or was removed.
func (s *Session) occupantLeft(ctx context.Context, r *chatRoom, p *pbnetwork.Participant, flags pbnetwork.ParticipantFlag, self bool) {
	d := departure{reason: p.GetStatusMessage(), actor: p.GetActor()}
	switch {
	case flags&pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_BANNED != 0:
		d.codes, d.outcast = []int{muc.StatusBanned}, true
	case flags&pbnetwork.ParticipantFlag_PARTICIPANT_FLAG_KICKED != 0:
		d.codes = []int{muc.StatusKicked}
	}
	if !self {
		if o, here := r.state.Remove(p.GetNickname()); here {
			s.showGone(ctx, r, o, d)
		}
		return
	}
	if !r.entered() {
		s.joinFailed(ctx, r, muc.ErrLocked, sentence(p.GetStatusMessage()))
		return
	}
	for _, c := range r.clients {
		if c.shown {
			s.showSelfGone(ctx, r, c, d)
		} else {
			s.send(ctx, muc.JoinError(c.join, muc.ErrLocked, orDefault(d.reason, "You were removed from the room")))
		}
	}
	s.removeRoom(ctx, r, true)
	s.maybeLeave(ctx)
}

// onRoomNick: the user is called so in a room from now on.
func onRoomNick(ctx context.Context, s *Session, m *pbnetwork.Room) {
	r := s.findRoom(m.GetRoom())
	if r == nil || m.GetNickname() == "" || r.state.Nick == m.GetNickname() {
		return
	}
	if _, here := r.state.Occupant(r.state.Nick); here {
		s.renamed(ctx, r, r.state.Nick, m.GetNickname())
	}
	r.state.Nick = m.GetNickname()
}

// onSubject: the room has a subject.
func onSubject(ctx context.Context, s *Session, m *pbnetwork.ConversationMessage) {
	r := s.findRoom(m.GetBuddyName())
	if r == nil {
		return
	}
	subject := room.Subject{Text: m.GetMessage(), By: m.GetNickname(), At: stamp(m)}
	was, known := r.state.Subject()
	r.state.SetSubject(subject)
	switch {
	case r.phase == settling:
		s.settled(ctx, r)
	case r.entered() && !(known && was == subject): // networks repeat it after a join
		s.toRoomClients(ctx, r, s.subjectLine(r, subject))
	}
}

// changeNick asks the network for another nick (XEP-0045 §7.6).
func (s *Session) changeNick(ctx context.Context, r *chatRoom, nick string, st *xmpp.Element) {
	if !s.online() || r.phase != inside {
		s.send(ctx, muc.JoinError(st, xmpp.ServiceUnavailable, "The nick was not changed: "+s.whyOffline()))
		return
	}
	if s.sendJoin(ctx, r, nick) {
		r.nickBy = st
		s.timers.after(joinTimeout, nickLate{r, st})
	}
}

// nickLate: the network did not answer a change of nick.
type nickLate struct {
	room *chatRoom
	by   *xmpp.Element
}

func (e nickLate) apply(ctx context.Context, s *Session) {
	if e.room.nickBy == e.by && s.rooms.byLocal[e.room.local] == e.room {
		e.room.nickBy = nil
		s.send(ctx, muc.JoinError(e.by, xmpp.RemoteServerTimeout, "The network did not change the nick in time"))
	}
}
