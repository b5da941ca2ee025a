// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// register says who the user is, right after the connection was made. CAP
// comes along at once: a server without it answers with an error, or nothing.
func (l *link) register() {
	l.phase = registering
	s := l.server
	s.nick = l.id.nick
	l.say(urgent, "CAP", "LS", "302")
	switch {
	case l.settings.sendPass && l.id.password != "":
		l.say(urgent, "PASS", l.id.password)
	case l.settings.password != "":
		l.say(urgent, "PASS", l.settings.password)
	}
	l.say(urgent, "NICK", s.nick)
	l.say(urgent, "USER", l.userName(), "0", "*", l.realName())
}

// userName is the part before "@" that the server shows to others.
func (l *link) userName() string {
	if l.settings.username != "" {
		return l.settings.username
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r == '-' || r == '_' {
			return r
		}
		return -1
	}, l.id.nick)
	if name == "" {
		return "user"
	}
	return name[:min(len(name), 10)]
}

func (l *link) realName() string {
	if l.settings.realname != "" {
		return l.settings.realname
	}
	return l.id.nick
}

// onWelcome (001): the server has taken the user in, under this nick.
func (l *link) onWelcome(in *incoming) {
	if l.phase != registering {
		return
	}
	l.phase = entering
	// The lines of the registration are not held against who is in.
	l.out.pace = newPacer(l.settings.perLine)
	if nick := clean(in.param(0)); nick != "" && nick != "*" {
		l.server.nick = nick
	}
	now := time.Now()
	l.agenda.cancel(taskRegister)
	l.agenda.set(taskEnter, now.Add(15*time.Second)) // for servers that never end their MOTD
	// The end of the welcome is often ":Welcome to the network nick!user@host".
	words := strings.Fields(in.last())
	if len(words) > 0 {
		l.learnSource(words[len(words)-1])
	}
}

// learnSource takes over the user's own nick!user@host.
func (l *link) learnSource(full string) {
	nick, source, ok := strings.Cut(full, "!")
	if ok && l.server.is(nick, l.server.nick) && strings.Contains(source, "@") && len(source) < 200 {
		l.server.source = source
	}
}

func (l *link) onHostHidden(in *incoming) {
	user, _, ok := strings.Cut(l.server.source, "@")
	if ok && in.param(1) != "" && !strings.Contains(in.param(1), "@") {
		l.server.source = user + "@" + in.param(1)
	}
}

func (l *link) onISupport(in *incoming) {
	was := l.server.casemap
	for _, token := range in.from(1) {
		if !strings.Contains(token, " ") {
			l.server.isupport.apply(token)
		}
	}
	if was != l.server.casemap {
		l.refold()
	}
}

// refold is a change of which names are the same.
func (l *link) refold() {
	l.rooms.refold(l.server.casemap)
	old := l.contacts
	l.contacts = make(map[string]*watch, len(old))
	for _, w := range old {
		l.contacts[l.server.casemap.fold(w.nick)] = w
	}
}

func (l *link) onChannels(in *incoming) {
	l.server.channels = number(in.param(1), 0, 1<<30, -1)
}

func (l *link) onEndOfMOTD(*incoming) {
	if l.phase == entering && !l.server.identifying {
		l.identify()
	}
}

func (l *link) onBadPassword(in *incoming) {
	if l.phase <= registering {
		l.fatal(pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED, "The network refused the password: "+plain(in.last()))
	}
}

// onBannedFromServer (465) is said to hosts that the server does not let in;
// the end of the connection follows.
func (l *link) onBannedFromServer(in *incoming) { l.server.farewell = plain(in.last()) }

// enter is the end of the login: the user is there for everybody to see.
func (l *link) enter() {
	now := time.Now()
	l.phase = online
	l.server.identifying = false
	l.agenda.cancel(taskEnter)
	l.agenda.cancel(taskIdentify)
	l.agenda.set(taskStable, now.Add(stableAfter))
	again := l.welcomed
	l.welcomed = true
	l.announce()
	if again {
		l.tell("Connected to " + l.server.at.host + " again")
	}
	for _, line := range l.settings.afterConnect {
		l.raw(expand(line, l.server.nick, ""))
	}
	l.sendAway()
	l.joinNext(now)
	l.watchContacts()
	l.wantNick(now, regainSoon)
	l.agenda.set(taskList, time.Now().Add(listDelay))
	if l.settings.awayEvery > 0 {
		l.agenda.set(taskAway, now.Add(l.settings.awayEvery))
	}
}

// announce says under which name the user is on the network and what that
// proves: with many networks nothing, for the account is none of theirs.
func (l *link) announce() {
	if l.many {
		return
	}
	c := pbnetwork.Confirmation_CONFIRMATION_ADMITTED
	if l.server.proved {
		c = pbnetwork.Confirmation_CONFIRMATION_AUTHENTICATED
	}
	l.user.Connected(l.server.nick, c)
}

// raw sends a line as it is.
func (l *link) raw(line string) bool {
	line = strings.TrimSpace(oneLine(line))
	return line != "" && l.wire != nil && l.out.add(normal, item{line: line})
}
