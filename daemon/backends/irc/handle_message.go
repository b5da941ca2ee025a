// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"strings"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
)

// onMessage is PRIVMSG and NOTICE, of others, of services and servers, and,
// with echo-message, of the user himself.
func (l *link) onMessage(in *incoming) {
	target, text := l.server.channelOf(in.param(0)), in.param(1)
	notice := in.command == "NOTICE"
	if l.phase < entering || len(in.params) < 2 {
		return // "*** Looking up your hostname"
	}
	if in.fromServer() {
		l.tell(text)
		return
	}
	if l.server.is(in.nick, l.server.nick) && l.echoed(in, target, text) {
		return
	}
	if notice {
		l.serviceAnswered(in)
		if l.over || l.wire == nil {
			return
		}
	}
	if strings.HasPrefix(text, "\x01") {
		action, ok := l.ctcpCame(in, target, notice)
		if !ok {
			return
		}
		text = action
	}
	l.deliver(in, target, text)
}

// deliver hands a message on to the user.
func (l *link) deliver(in *incoming, target, text string) {
	m := l.message(in, text)
	if m.Text == "" {
		return
	}
	if r := l.rooms.find(target); r != nil && l.server.isChannel(target) {
		m.From, m.Occupant = r.legacy, in.nick
		l.toRoom(r, m)
		return
	}
	if l.server.isChannel(target) {
		return // of a channel that the user has just left
	}
	if room := l.via[l.server.casemap.fold(in.nick)]; room != "" {
		if r := l.rooms.find(room); r != nil && r.joined && r.occupant(in.nick) != nil {
			m.From, m.Occupant, m.Private = r.legacy, in.nick, true
			l.user.Message(m)
			return
		}
	}
	m.From = l.name(in.nick)
	l.user.Message(m)
}

// message is the text with what its line says about it.
func (l *link) message(in *incoming, text string) backend.Incoming {
	m := backend.Incoming{Text: plain(text), Time: in.sentAt(time.Now()), RemoteID: in.tags["msgid"]}
	if l.settings.xhtml {
		m.XHTML = xhtml(text)
	}
	return m
}

// toRoom keeps the order of a join: what is said before the list of occupants
// is complete comes after it.
func (l *link) toRoom(r *room, m backend.Incoming) {
	if r.joined {
		l.user.Message(m)
		return
	}
	if !r.inside {
		return
	}
	if len(r.early) >= maxEarly {
		r.early = r.early[1:]
	}
	if m.Time.IsZero() {
		m.Time = time.Now()
	}
	r.early = append(r.early, m)
}

// echoed takes the user's own message as the server gives it back: what he
// sent from here is confirmed by it, what he sent with another client (of a
// bouncer, say) is shown. false: it is none, but a message to himself.
func (l *link) echoed(in *incoming, target, text string) bool {
	if l.confirmEcho(l.label(in), target, text, in.tags["msgid"]) {
		return true
	}
	if l.server.is(target, l.server.nick) {
		return false
	}
	if action, ok := ctcpAction(text); ok {
		text = action
	} else if strings.HasPrefix(text, "\x01") {
		return true
	}
	m := l.message(in, text)
	m.Carbon = true
	if r := l.rooms.find(target); r != nil {
		m.From, m.Occupant = r.legacy, l.server.nick
		l.toRoom(r, m)
	} else if !l.server.isChannel(target) {
		m.From = l.name(target)
		l.user.Message(m)
	}
	return true
}

// name is the legacy name of somebody: the one that the user has among his
// contacts, else made from the nick.
func (l *link) name(nick string) string {
	if w := l.contacts[l.server.casemap.fold(nick)]; w != nil {
		return w.legacy
	}
	return l.addr.join(clean(nick), l.network)
}
