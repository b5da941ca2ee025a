// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	// joinsAtOnce is how many JOINs may be unanswered: after a reconnect the
	// user comes back a few channels at a time.
	joinsAtOnce = 4
	joinTimeout = time.Minute
)

// joinErrors are the numerics that refuse a JOIN, as conditions of XEP-0045
// §7.2.
var joinErrors = map[string]string{
	"403": "item-not-found",        // no such channel
	"405": "not-allowed",           // too many channels
	"407": "not-allowed",           // too many targets
	"437": "not-allowed",           // unavailable for now
	"448": "item-not-found",        // not a channel's name
	"471": "service-unavailable",   // full
	"473": "registration-required", // invite only
	"474": "forbidden",             // banned
	"475": "not-authorized",        // wrong key
	"476": "item-not-found",        // bad channel mask
	"477": "registration-required", // for registered nicks only
	"479": "item-not-found",        // not a channel's name
	"480": "forbidden",             // throttled, or TLS users only
	"489": "forbidden",             // TLS users only
	"520": "forbidden",             // operators only
}

// join is the user's wish to be in a channel.
func (l *link) join(legacy, name, nick, key string) {
	r := l.rooms.find(name)
	switch {
	case name == "" || strings.ContainsAny(name, " ,\a\r\n\x00"):
		l.user.JoinFailed(legacy, nick, "item-not-found", "That is not the name of a channel")
		l.endIfUnused()
		return
	case r == nil:
		r = newRoom(legacy, name, nick, key, l.server.casemap)
		l.rooms.add(r)
	case r.complete:
		r.legacy, r.asked = legacy, nick
		r.hidden, r.joined = false, true
		l.show(r)
		return
	default:
		r.legacy, r.asked, r.key, r.hidden = legacy, nick, key, false
	}
	if l.phase == parked {
		l.reconnect()
		return
	}
	l.joinNext(time.Now())
}

// joinNext sends as many JOINs as may be under way, in the order in which the
// channels were asked for.
func (l *link) joinNext(now time.Time) {
	if l.phase != online {
		return
	}
	open := 0
	for _, r := range l.rooms.all() {
		switch {
		case r.joining:
			open++
		case r.inside || open >= joinsAtOnce:
		case !l.server.isChannel(r.name):
			l.joinFailed(r, "item-not-found", "Channel names on "+l.server.at.host+" begin with one of "+l.server.chanTypes)
		default:
			params := []string{r.name}
			if r.key != "" {
				params = append(params, r.key)
			}
			if !l.say(normal, "JOIN", params...) {
				l.joinFailed(r, "not-acceptable", "That password cannot be sent")
				continue
			}
			open++
			r.joining, r.since = true, now
			l.agenda.earlier(taskJoins, now.Add(joinTimeout))
		}
	}
}

// expireJoins gives up joins that the server never answered.
func (l *link) expireJoins(now time.Time) {
	for _, r := range l.rooms.all() {
		if !r.joining {
			continue
		}
		if end := r.since.Add(joinTimeout); end.After(now) {
			l.agenda.earlier(taskJoins, end)
		} else {
			l.joinFailed(r, "remote-server-timeout", l.server.at.host+" did not answer")
		}
	}
	l.joinNext(now)
}

// joinFailed forgets the room. A user who was in it before a reconnect leaves
// it now; one who was not is refused.
func (l *link) joinFailed(r *room, condition, text string) {
	l.rooms.remove(r)
	switch {
	case r.hidden:
		l.tell(r.name + ": " + text)
	case r.stale != nil:
		p := gone(r.legacy, l.server.nick, text)
		p.Me = true
		l.user.Participant(p)
		l.tell(r.name + ": " + text)
	default:
		l.user.JoinFailed(r.legacy, r.asked, condition, plain(text))
	}
	l.endIfUnused()
}

// onJoinError is a refused JOIN, if one is under way; some of the numerics
// answer other commands too.
func (l *link) onJoinError(in *incoming) {
	r := l.rooms.find(in.param(1))
	if r == nil || !r.joining {
		if slices.Contains(sendErrors, in.command) {
			l.onSendError(in)
		} else {
			l.onOtherError(in)
		}
		return
	}
	l.joinFailed(r, joinErrors[in.command], in.last())
	if !l.over {
		l.joinNext(time.Now())
	}
}

// onForwarded (470): the network sends those who want one channel to another,
// which the user did not ask for.
func (l *link) onForwarded(in *incoming) {
	if r := l.rooms.find(in.param(1)); r != nil && r.joining {
		l.joinFailed(r, "gone", "The channel has moved to "+in.param(2))
	}
}

// leaveRoom is the user's wish. Nothing of the room is told him any more.
func (l *link) leaveRoom(name string) {
	r := l.rooms.find(name)
	if r == nil {
		return
	}
	l.rooms.remove(r)
	if r.joining || r.inside {
		l.say(normal, "PART", r.name)
	}
	l.endIfUnused()
}

// leaveAll shows the user that he is out of every room.
func (l *link) leaveAll(why string) {
	for _, r := range l.rooms.all() {
		l.rooms.remove(r)
		switch {
		case r.hidden:
		case r.joined || r.stale != nil:
			p := gone(r.legacy, l.server.nick, why)
			p.Me = true
			l.user.Participant(p)
		default:
			l.user.JoinFailed(r.legacy, r.asked, "remote-server-timeout", plain(why))
		}
	}
}

// endIfUnused ends a link that its rooms keep, after the last of them, and
// after the messages that are still on their way.
func (l *link) endIfUnused() {
	if !l.transient || l.rooms.wanted() > 0 || l.phase == parked {
		return
	}
	if l.messagesOpen() {
		l.agenda.set(taskUnused, time.Now().Add(time.Second))
		return
	}
	l.over = true
}

// show tells the user all about a room that he is in: who is there, himself
// last, what was said meanwhile, and the topic.
func (l *link) show(r *room) {
	nick := l.server.nick
	if r.asked != nick {
		l.user.RoomNick(r.legacy, nick)
	}
	s := &l.server.isupport
	own := r.casemap.fold(nick)
	for _, key := range slices.Sorted(maps.Keys(r.occupants)) {
		if key != own {
			l.user.Participant(r.participant(r.occupants[key], s))
		}
	}
	me := r.occupants[own]
	if me == nil { // a server whose NAMES leaves the asker out
		me = &occupant{nick: nick}
		r.occupants[own] = me
	}
	p := r.participant(me, s)
	p.Me = true
	l.user.Participant(p)
	for _, m := range r.early {
		l.user.Message(m)
	}
	r.early = nil
	l.user.Subject(r.legacy, r.topicBy, plain(r.topic), r.topicAt)
}

// showGone tells of those who left while the user was not connected.
func (l *link) showGone(r *room) {
	for key, o := range r.stale {
		if r.occupants[key] == nil && !l.server.is(o.nick, l.server.nick) {
			p := gone(r.legacy, o.nick, "")
			l.user.Participant(p)
		}
	}
	r.stale = nil
}

// tellOccupant says what an occupant is now, once the room was shown.
func (l *link) tellOccupant(r *room, o *occupant) {
	if r.joined {
		p := r.participant(o, &l.server.isupport)
		p.Me = l.server.is(o.nick, l.server.nick)
		l.user.Participant(p)
	}
}
