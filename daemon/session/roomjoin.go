// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"time"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/muc"
)

// Times of a join.
const (
	joinTimeout = time.Minute
	// settleTime is how long the subject is waited for after the user is in:
	// many networks have none to send.
	settleTime = 500 * time.Millisecond
)

// nsMUC is what a join carries.
const nsMUC = muc.NS

// roomPresence is presence of a client to a room or an occupant of it.
func (s *Session) roomPresence(ctx context.Context, from jid.JID, t target, st *xmpp.Element) {
	resource := from.Resourcepart()
	var c *roomClient
	if t.room != nil {
		c = t.room.client(resource)
	}
	join := muc.JoinOf(st)
	switch typ := st.Get("type"); {
	case typ == "unavailable" || typ == "error":
		if c != nil {
			s.userLeaves(ctx, t.room, c, typ == "unavailable")
		}
	case typ != "":
		// Subscriptions to rooms mean nothing.
	case join != nil:
		s.enter(ctx, from, t, st, *join)
	case c == nil:
		s.send(ctx, muc.JoinError(st, xmpp.ItemNotFound, "You are not in this room; join it again"))
	case t.nick() != t.room.state.Nick:
		s.changeNick(ctx, t.room, t.nick(), st)
	}
}

// enter lets a client into a room (XEP-0045 §7.2), which the user may be in
// already with another.
func (s *Session) enter(ctx context.Context, from jid.JID, t target, st *xmpp.Element, join muc.Join) {
	if t.nick() == "" {
		s.send(ctx, muc.JoinError(st, xmpp.JIDMalformed, "Join with a nick: "+t.jid.Bare().String()+"/nick"))
		return
	}
	if !s.visit(ctx, from, st) {
		s.send(ctx, muc.JoinError(st, xmpp.ServiceUnavailable, "Not joined: "+s.whyOffline()))
		return
	}
	r := t.room
	isNew := r == nil
	if isNew {
		r = s.newRoom(t.name, t.jid.Bare().String(), t.jid.Localpart(), t.nick(), join.Password)
	}
	c := r.client(from.Resourcepart())
	if c == nil {
		c = &roomClient{resource: from.Resourcepart(), full: from.String()}
		r.clients = append(r.clients, c)
	}
	c.join, c.history, c.shown = st, join.History, false
	switch {
	case isNew:
		s.joinRoom(ctx, r)
	case r.phase == inside:
		s.showRoom(ctx, r, c)
	}
}

// visit sees to it that a client that joins a room is logged in: whoever joins
// without having sent presence to the transport wants that too.
func (s *Session) visit(ctx context.Context, from jid.JID, st *xmpp.Element) bool {
	if s.account.wanted {
		s.visitor(from, st)
		return true
	}
	if s.account.state != Offline || s.clients.list[from.Resourcepart()] != nil {
		return false
	}
	s.visitor(from, st)
	s.logIn(ctx)
	if !s.account.wanted {
		s.dropVisitor(from.Resourcepart())
	}
	return s.account.wanted
}

func (s *Session) visitor(from jid.JID, st *xmpp.Element) {
	if s.clients.list[from.Resourcepart()] == nil {
		x, _, _ := s.clients.put(from.Resourcepart(), from.String(), st)
		x.proven = true
		s.arrived()
	}
}

// joinRoom asks the network to let the user in, once he is logged in.
func (s *Session) joinRoom(ctx context.Context, r *chatRoom) {
	if !s.online() {
		return
	}
	if r.entered() {
		r.phase = rejoining
		r.state.Resync()
	} else {
		r.phase = joining
	}
	s.timers.stop(r.timer)
	r.timer = s.timers.after(joinTimeout, joinLate{r})
	s.sendJoin(ctx, r, r.wanted)
}

func (s *Session) sendJoin(ctx context.Context, r *chatRoom, nick string) bool {
	f := &pbnetwork.Room{UserName: &s.user, Room: &r.name, Nickname: &nick}
	if r.password != "" {
		f.Password = &r.password
	}
	return s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_JOIN_ROOM, f)
}

// joinLate: the network did not answer a join in time.
type joinLate struct{ room *chatRoom }

func (e joinLate) apply(ctx context.Context, s *Session) {
	if s.rooms.byLocal[e.room.local] == e.room && (e.room.phase == joining || e.room.phase == rejoining) {
		s.leaveFrame(ctx, e.room)
		s.joinFailed(ctx, e.room, xmpp.RemoteServerTimeout, "The network did not answer in time")
	}
}

// joined: the user himself came into the list of occupants, so it is complete.
func (s *Session) joined(ctx context.Context, r *chatRoom) {
	s.timers.stop(r.timer)
	for _, o := range r.state.Synced() {
		s.showGone(ctx, r, o, departure{})
	}
	again := r.phase == rejoining
	s.keepRoom(r)
	if _, known := r.state.Subject(); known || again {
		s.settled(ctx, r)
		return
	}
	r.phase = settling
	for _, c := range r.clients {
		s.showOccupants(ctx, r, c)
	}
	r.timer = s.timers.after(settleTime, settleDue{r})
}

// settleDue: no subject came.
type settleDue struct{ room *chatRoom }

func (e settleDue) apply(ctx context.Context, s *Session) {
	if s.rooms.byLocal[e.room.local] == e.room && e.room.phase == settling {
		s.settled(ctx, e.room)
	}
}

// settled ends a join: history, subject, and then what was said meanwhile.
func (s *Session) settled(ctx context.Context, r *chatRoom) {
	s.timers.stop(r.timer)
	fresh := r.phase != rejoining
	r.phase = inside
	for _, c := range r.clients {
		switch {
		case !c.shown:
			s.showRoom(ctx, r, c)
		case fresh:
			s.showPast(ctx, r, c)
		}
	}
	held := r.held
	r.held = nil
	for _, m := range held {
		s.saidInRoom(ctx, r, m)
	}
}

// onJoinFailed: the network does not let the user in, or not with that nick.
func onJoinFailed(ctx context.Context, s *Session, f *pbnetwork.JoinFailed) {
	if r := s.findRoom(f.GetRoom()); r != nil {
		s.roomRefused(ctx, r, condition(f.GetCondition(), xmpp.NotAllowed), sentence(f.GetText()))
	}
}

// roomRefused tells a refused join from a refused change of nick.
func (s *Session) roomRefused(ctx context.Context, r *chatRoom, cond, text string) {
	switch {
	case r.phase == joining || r.phase == rejoining || r.phase == waiting:
		s.joinFailed(ctx, r, cond, text)
	case r.nickBy != nil:
		s.send(ctx, muc.JoinError(r.nickBy, cond, orDefault(text, "The nick was not changed")))
		r.nickBy, r.wanted = nil, r.state.Nick
	}
}

// joinFailed ends a join, or a room that could not be joined again.
func (s *Session) joinFailed(ctx context.Context, r *chatRoom, cond, text string) {
	text = orDefault(text, joinTexts[cond])
	for _, c := range r.clients {
		if c.shown {
			s.showSelfGone(ctx, r, c, departure{codes: []int{muc.StatusTechnicalTrouble}, reason: text})
		} else {
			s.send(ctx, muc.JoinError(c.join, cond, text))
		}
	}
	s.removeRoom(ctx, r, true)
	s.maybeLeave(ctx)
}

// joinTexts are the sentences of failed joins for networks that give none.
var joinTexts = map[string]string{
	muc.ErrPassword: "The room needs a password, or this one is wrong",
	muc.ErrBanned:   "You are banned from this room",
	muc.ErrNotFound: "There is no such room",
	muc.ErrLocked:   "You may not join this room",
	muc.ErrNick:     "The network does not take this nick",
	muc.ErrMember:   "Only members may join this room",
	muc.ErrConflict: "This nick is in use in the room",
	muc.ErrFull:     "The room is full",
}

func orDefault(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}
