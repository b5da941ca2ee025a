// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"context"
	"strings"

	"spectrum.im/spectrum2/daemon/backend"
)

// Roster is the XMPP side's contact list at login: the nicks to watch.
func (s *session) Roster(ctx context.Context, contacts []backend.Contact) error {
	for _, c := range contacts {
		if err := s.UpdateContact(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// UpdateContact begins to watch a nick. IRC keeps no contact lists; a contact
// on a network that the user is not on is watched once he is.
func (s *session) UpdateContact(ctx context.Context, c backend.Contact) error {
	nick, network := s.network.addr.split(c.Name)
	if nick == "" || strings.ContainsAny(nick, " ,") {
		return nil
	}
	s.mu.Lock()
	of := s.contacts[network]
	if of == nil {
		of = map[string]string{}
		s.contacts[network] = of
	}
	if len(of) < maxContacts {
		of[nick] = c.Name
	}
	s.mu.Unlock()
	return s.inRoom(ctx, c.Name, func(l *link, nick string) { l.watchContact(c.Name, nick) })
}

// RemoveContact ends the watch.
func (s *session) RemoveContact(ctx context.Context, name string) error {
	nick, network := s.network.addr.split(name)
	s.mu.Lock()
	delete(s.contacts[network], nick)
	s.mu.Unlock()
	return s.inRoom(ctx, name, func(l *link, nick string) { l.unwatchContact(nick) })
}

// VCard is what the network knows about a nick.
func (s *session) VCard(ctx context.Context, contact string) (backend.VCard, error) {
	nick, network := s.network.addr.split(contact)
	card := backend.VCard{Nickname: nick}
	l := s.linkOf(network)
	if l == nil || nick == "" {
		return card, nil
	}
	name := make(chan string, 1)
	if err := l.post(ctx, func(l *link) { l.vcard(nick, func(real string) { name <- real }) }); err != nil {
		return card, nil
	}
	select {
	case card.FullName = <-name:
	case <-l.done:
	case <-ctx.Done():
	}
	return card, nil
}
