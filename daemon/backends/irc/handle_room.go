// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"strconv"
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
)

// onJoin: somebody, perhaps the user himself, has entered a channel. With
// extended-join the account and the real name follow.
func (l *link) onJoin(in *incoming) {
	name := in.param(0)
	if l.server.is(in.nick, l.server.nick) {
		l.learnSource(in.source)
		l.ownJoin(name)
	}
	r := l.rooms.find(name)
	if r == nil || in.nick == "" || !r.inside {
		return
	}
	o := r.enter(in.nick)
	if o == nil {
		return
	}
	o.source = in.user + "@" + in.host
	if l.server.caps.on["extended-join"] && len(in.params) > 2 {
		o.realName = in.param(2)
	}
	l.tellOccupant(r, o)
	l.seen(in.nick, true)
}

// ownJoin: the user is inside; NAMES follows. A channel that he did not ask
// for (bouncers, services and operators can do that) is kept hidden until he
// joins it.
func (l *link) ownJoin(name string) {
	r := l.rooms.find(name)
	if r == nil {
		if !l.server.isChannel(name) || l.phase < entering {
			return
		}
		r = newRoom(l.addr.join(name, l.network), name, l.server.nick, "", l.server.casemap)
		r.hidden = true
		l.rooms.add(r)
		l.tell("The network has put you into " + name + "; join it to see it")
	}
	r.joining, r.inside, r.joined, r.complete = false, true, false, false
	r.name = name
	r.occupants = map[string]*occupant{}
	if now := time.Now(); l.phase == online {
		l.joinNext(now)
	}
}

// onNames (353): me symbol channel :names, each with its signs, and with its
// source where userhost-in-names is on.
func (l *link) onNames(in *incoming) {
	r := l.rooms.find(in.param(2))
	if r == nil || !r.inside || r.complete {
		return
	}
	for _, word := range strings.Fields(clean(in.last())) {
		signs, full := l.server.splitSigns(word)
		nick, source, _ := strings.Cut(full, "!")
		if nick == "" {
			continue
		}
		if o := r.enter(nick); o != nil {
			o.signs = signs
			if source != "" {
				o.source = source
			}
		}
	}
}

// onEndOfNames (366): the list is complete, the room can be shown.
func (l *link) onEndOfNames(in *incoming) {
	r := l.rooms.find(in.param(1))
	if r == nil || !r.inside || r.complete {
		return
	}
	r.complete, r.joined = true, !r.hidden
	if !r.topicSet {
		r.topic, r.topicBy, r.topicAt = "", "", time.Time{}
	}
	if r.joined {
		l.showGone(r)
		l.show(r)
	}
	l.say(background, "MODE", r.name)
	l.who(r)
}

func (l *link) onPart(in *incoming) { l.left(in.param(0), in.nick, in.param(1)) }

// left takes somebody out of a channel.
func (l *link) left(name, nick, why string) {
	r := l.rooms.find(name)
	if r == nil || !r.inside {
		return
	}
	me := l.server.is(nick, l.server.nick)
	if o := r.leave(nick); o == nil && !me {
		return
	}
	if r.joined {
		p := gone(r.legacy, nick, why)
		p.Me = me
		l.user.Participant(p)
	}
	if me {
		l.outside(r, why)
	}
}

// outside forgets a room that the user was taken out of.
func (l *link) outside(r *room, why string) {
	if !r.joined && !r.hidden {
		l.user.JoinFailed(r.legacy, r.asked, "forbidden", plain(why))
	}
	l.rooms.remove(r)
	l.endIfUnused()
}

func (l *link) onQuit(in *incoming) {
	if in.nick == "" || l.server.is(in.nick, l.server.nick) {
		return // the server says goodbye with ERROR too
	}
	for _, r := range l.rooms.all() {
		if r.leave(in.nick) != nil && r.joined {
			l.user.Participant(gone(r.legacy, in.nick, in.param(0)))
		}
	}
	l.seen(in.nick, false)
	l.nickFreed(in.nick)
}

// onKick: channel, who, why; a kick right after a matching ban is one.
func (l *link) onKick(in *incoming) {
	nick := clean(in.param(1))
	r := l.rooms.find(in.param(0))
	if r == nil || !r.inside || nick == "" {
		return
	}
	me := l.server.is(nick, l.server.nick)
	o := r.leave(nick)
	if o == nil && !me {
		return
	}
	if o == nil {
		o = &occupant{nick: nick}
	}
	if me {
		o.source = l.server.source
	}
	if r.joined {
		p := gone(r.legacy, nick, in.param(2))
		p.Me, p.Kicked, p.Actor = me, true, in.nick
		p.Banned = r.bannedLately(o, time.Now())
		l.user.Participant(p)
	}
	if me {
		l.outside(r, in.param(2))
	}
}

func (r *room) bannedLately(o *occupant, now time.Time) bool {
	who := r.casemap.fold(o.nick + "!" + o.source)
	for _, b := range r.bans {
		if now.Sub(b.at) < banWindow && matchMask(r.casemap.fold(b.mask), who) {
			return true
		}
	}
	return false
}

func (l *link) onTopic(in *incoming) {
	r := l.rooms.find(in.param(0))
	if r == nil || !r.inside {
		return
	}
	r.topic, r.topicBy, r.topicAt, r.topicSet = in.param(1), in.nick, time.Now(), true
	l.tellTopic(r)
}

func (l *link) onNoTopic(in *incoming) { l.topicIs(in.param(1), "") }
func (l *link) onTopicIs(in *incoming) { l.topicIs(in.param(1), in.param(2)) }

func (l *link) topicIs(name, topic string) {
	r := l.rooms.find(name)
	if r == nil || !r.inside || r.topicSet && r.topic == topic {
		return
	}
	r.topic, r.topicBy, r.topicAt, r.topicSet = topic, "", time.Time{}, true
	l.tellTopic(r)
}

// onTopicBy (333) follows 332: me channel who when.
func (l *link) onTopicBy(in *incoming) {
	r := l.rooms.find(in.param(1))
	if r == nil || !r.inside {
		return
	}
	r.topicBy, _, _ = strings.Cut(clean(in.param(2)), "!")
	if at, err := strconv.ParseInt(in.param(3), 10, 64); err == nil && at > 0 && at < 1<<33 {
		r.topicAt = time.Unix(at, 0)
	}
}

func (l *link) tellTopic(r *room) {
	if r.joined {
		l.user.Subject(r.legacy, r.topicBy, plain(r.topic), r.topicAt)
	}
}

// setTopic is the user's wish; an empty one removes the topic.
func (l *link) setTopic(name, topic string) {
	r := l.rooms.find(name)
	if r == nil || !r.inside {
		l.tell("You are not in " + name)
		return
	}
	l.say(normal, "TOPIC", r.name, topic)
}

// onInvite: who is invited, and to where.
func (l *link) onInvite(in *incoming) {
	if !l.server.is(in.param(0), l.server.nick) {
		return // invite-notify: somebody else was
	}
	l.user.Message(backend.Incoming{
		From: l.name(in.nick),
		Text: plain(in.nick + " invites you to " + l.addr.join(in.param(1), l.network)),
	})
}

func (l *link) onChangeHost(in *incoming) {
	source := in.param(0) + "@" + in.param(1)
	if l.server.is(in.nick, l.server.nick) {
		l.learnSource(in.nick + "!" + source)
	}
	for _, r := range l.rooms.all() {
		if o := r.occupant(in.nick); o != nil {
			o.source = source
		}
	}
}

func (l *link) onSetName(in *incoming) {
	for _, r := range l.rooms.all() {
		if o := r.occupant(in.nick); o != nil {
			o.realName = in.last()
			l.tellOccupant(r, o)
		}
	}
}
