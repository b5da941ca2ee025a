// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

const (
	// maxNickTries bounds the search for a free nick.
	maxNickTries = 24
	// regainSoon is for a server that has not noticed yet that the user's last
	// connection is dead.
	regainSoon  = 10 * time.Second
	regainEvery = time.Minute
)

// validNick makes of what the user asked for something that a server may take
// as a nick.
func validNick(want string) string {
	nick := strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f || strings.ContainsRune("!@*?,.:$%+&~#/\"'<>=;", r) {
			return '_'
		}
		return r
	}, strings.TrimSpace(want))
	if nick != "" && (nick[0] >= '0' && nick[0] <= '9' || nick[0] == '-') {
		nick = "_" + nick
	}
	return strings.ToValidUTF8(nick, "_")
}

// candidate is the n-th nick to try after want was taken: underscores first,
// then numbers, never longer than limit. Servers that do not say their limit
// before the login may cut longer ones off, so that all tries look the same:
// after a few the oldest limit of all, 9, is assumed.
func candidate(want string, n, limit int) string {
	if limit == 0 {
		if limit = 30; n > 3 {
			limit = 9
		}
	}
	suffix := strings.Repeat("_", n)
	if n > 3 {
		suffix = "_" + strconv.Itoa(n-3)
	}
	base := want
	for len(base)+len(suffix) > limit && base != "" {
		_, size := utf8.DecodeLastRuneInString(base)
		base = base[:len(base)-size]
	}
	return base + suffix
}

// onNickInUse (433): during the login the next free one is taken; later it is
// the answer to a change of nick.
func (l *link) onNickInUse(in *incoming) {
	if l.phase != registering {
		l.onNickRefused(in)
		return
	}
	s := l.server
	if s.tried++; s.tried > maxNickTries {
		l.fatal(pbnetwork.ConnectionError_CONNECTION_ERROR_NAME_IN_USE, "The nick "+l.id.nick+" is in use")
		return
	}
	s.nick = candidate(l.id.nick, s.tried, s.nickLen)
	l.say(urgent, "NICK", s.nick)
}

// onBadNick (432): too long for the server, perhaps; else it can only be
// refused.
func (l *link) onBadNick(in *incoming) {
	if l.phase != registering {
		l.onNickRefused(in)
		return
	}
	s := l.server
	if len(s.nick) > 9 && s.nickLen == 0 {
		s.nickLen = 9
		s.nick = candidate(l.id.nick, 0, 9)
		l.say(urgent, "NICK", s.nick)
		return
	}
	l.fatal(pbnetwork.ConnectionError_CONNECTION_ERROR_INVALID_USERNAME, "The network does not accept the nick "+l.id.nick+": "+plain(in.last()))
}

// onUnavailable (437) is about a nick or about a channel.
func (l *link) onUnavailable(in *incoming) {
	if l.server.isChannel(in.param(1)) {
		l.onJoinError(in)
		return
	}
	l.onNickInUse(in)
}

// onNickRefused answers a change of nick: in the room where the user wished it,
// or, after a command, in words.
func (l *link) onNickRefused(in *incoming) {
	if l.asked == "" {
		return // the silent try to get the wanted one back
	}
	condition := "not-allowed"
	switch in.command {
	case "433", "436", "437":
		condition = "conflict"
	case "432":
		condition = "not-acceptable"
	}
	l.nickRefused(condition, plain(in.last()))
}

func (l *link) nickRefused(condition, text string) {
	asked, in := l.asked, l.askedIn
	l.asked, l.askedIn = "", ""
	l.id.nick = l.server.nick
	for _, r := range l.rooms.all() {
		if r.legacy == in && r.joined {
			l.user.JoinFailed(in, asked, condition, text)
			if me := r.occupant(l.server.nick); me != nil {
				l.tellOccupant(r, me) // he is in the room all the same
			}
			return
		}
	}
	l.tell("The nick " + asked + " was refused: " + text)
}

// changeNick is the user's own wish, in a room or by a command (in is "").
func (l *link) changeNick(nick, in string) {
	l.asked, l.askedIn = nick, in
	switch made := validNick(nick); {
	case made == "" || made == l.server.nick:
		l.nickRefused("not-acceptable", "That is no other nick")
	case l.phase != online:
		l.nickRefused("remote-server-timeout", "Not connected to "+l.server.at.host)
	default:
		l.asked, l.id.nick = made, made
		l.say(normal, "NICK", made)
	}
}

// wantNick goes on trying for the nick that the user wanted and did not get.
func (l *link) wantNick(now time.Time, after time.Duration) {
	if l.phase == online && l.server.nick != l.id.nick {
		l.agenda.earlier(taskRegain, now.Add(after))
	}
}

func (l *link) regainNick(now time.Time) {
	if l.phase == online && l.server.nick != l.id.nick {
		l.say(background, "NICK", l.id.nick)
		l.wantNick(now, regainEvery)
	}
}

// nickFreed takes the wanted nick at once when its holder is seen to go.
func (l *link) nickFreed(nick string) {
	if l.phase == online && l.server.nick != l.id.nick && l.server.is(nick, l.id.nick) {
		l.say(normal, "NICK", l.id.nick)
	}
}

// onNick: somebody, perhaps the user himself, has another nick now.
func (l *link) onNick(in *incoming) {
	nick := clean(in.param(0))
	if nick == "" || in.nick == "" {
		return
	}
	me := l.server.is(in.nick, l.server.nick)
	if me {
		l.server.nick = nick
	}
	for _, r := range l.rooms.all() {
		if r.rename(in.nick, nick) && r.joined {
			p := r.participant(r.occupant(nick), &l.server.isupport)
			p.Nickname, p.NewName, p.Me = in.nick, nick, me
			l.user.Participant(p)
		}
	}
	if me {
		l.ownNick(nick)
		return
	}
	l.renameVia(in.nick, nick)
	l.seen(in.nick, false)
	l.seen(nick, true)
	l.nickFreed(in.nick)
}

// ownNick tells what follows from a new nick of the user's own.
func (l *link) ownNick(nick string) {
	if l.asked != "" && l.server.is(l.asked, nick) {
		l.asked, l.askedIn = "", ""
	}
	if l.phase < entering {
		return
	}
	for _, r := range l.rooms.all() {
		if r.joined {
			l.user.RoomNick(r.legacy, nick)
		}
	}
	if l.phase == online {
		l.announce()
	}
	if nick == l.id.nick {
		l.agenda.cancel(taskRegain)
	} else {
		l.wantNick(time.Now(), regainEvery)
	}
}

// renameVia keeps a private conversation through a room with its partner.
func (l *link) renameVia(old, nick string) {
	fold := l.server.casemap.fold
	if room, ok := l.via[fold(old)]; ok {
		delete(l.via, fold(old))
		l.via[fold(nick)] = room
	}
}
