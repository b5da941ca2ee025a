// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"context"
	"errors"
	"strings"

	"spectrum.im/spectrum2/daemon/backend"
)

// Message sends a message to a channel, a nick, an occupant, or, to the
// network's own contact, a command. "/name" of a known command is one
// anywhere; "//" begins a text with a slash.
func (s *session) Message(ctx context.Context, m *backend.Message) { s.message(ctx, m, m) }

func (s *session) message(ctx context.Context, m *backend.Message, res result) {
	target, network := s.network.addr.split(m.To)
	l := s.linkOf(network)
	if l == nil {
		res.Refused("remote-server-timeout", "You are not connected to "+network+": join a room there first")
		return
	}
	if target == "" || target == l.contact {
		s.commandLine(ctx, m, m.Text, res)
		return
	}
	text := *m
	if name, _, _ := strings.Cut(strings.TrimSpace(m.Text), " "); strings.HasPrefix(name, "/") {
		if rest, ok := strings.CutPrefix(m.Text, "//"); ok {
			text.Text = "/" + rest
		} else if findCommand(name[1:]) != nil {
			s.commandLine(ctx, m, m.Text, res)
			return
		}
	}
	err := l.post(ctx, func(l *link) { l.route(target, &text, res) })
	switch {
	case errors.Is(err, errEnded):
		res.Refused("remote-server-timeout", "The connection to the network has ended")
	case err != nil:
		res.Refused("remote-server-timeout", "You have logged out")
	}
}

// route sends to the occupant, where one is meant, and remembers through which
// room the user talks with him: that is where the answers go.
func (l *link) route(target string, m *backend.Message, res result) {
	fold := l.server.casemap.fold
	switch {
	case m.Occupant != "":
		l.via[fold(m.Occupant)] = target
		target = m.Occupant
		if l.server.isChannel(target) {
			res.Refused("item-not-found", "There is nobody called "+target)
			return
		}
	case !l.server.isChannel(target):
		delete(l.via, fold(target))
		if w := l.contacts[fold(target)]; w != nil {
			target = w.nick
		}
	}
	l.send(target, m, res)
}

// commandLine runs a line as a command; the answer comes from the network's
// own contact.
func (s *session) commandLine(ctx context.Context, m *backend.Message, line string, res result) {
	words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "/"))
	if len(words) == 0 {
		res.Refused("bad-request", "There is no command in that line; help lists them")
		return
	}
	room := ""
	if target, network := s.network.addr.split(m.To); s.isRoom(target, network) {
		room = m.To
	}
	text, err := s.run(ctx, m.To, room, words[0], words[1:])
	if err != nil {
		text = err.Error()
	}
	res.Delivered("")
	s.user.Message(backend.Incoming{From: s.contactOf(m.To), Text: plain(text)})
}

// isRoom reports whether a target is a channel, as far as can be told without
// asking the link.
func (s *session) isRoom(target, _ string) bool {
	return target != "" && strings.ContainsRune("#&+!", rune(target[0]))
}

// contactOf is the legacy name of the network itself.
func (s *session) contactOf(name string) string {
	if _, network := s.network.addr.split(name); network != "" {
		return network
	}
	if l := s.linkOf(""); l != nil {
		return l.contact
	}
	return name
}
