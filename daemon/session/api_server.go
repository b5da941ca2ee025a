// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"errors"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
)

// ErrNoContact answers what is about an address that no contact has or can
// have.
var ErrNoContact = errors.New("there is no such contact")

// RosterPusher is the user's own roster, where the transport is his server: the
// session sends it what became of his contact list, whole lists in parts of a
// few hundred. An item with subscription "remove" is gone. The error means that
// it was not taken; it is sent again.
type RosterPusher interface {
	PushRoster(ctx context.Context, items []rosteritem.Item) error
}

// Attached says that a client of the user's is bound, in server mode: the
// legacy login lasts as long as one is. Until its presence comes the user is
// invisible.
func (s *Session) Attached(ctx context.Context, resource string) error {
	return s.box.put(ctx, clientAttached{resource})
}

// Detached says that a bound client is gone for good.
func (s *Session) Detached(ctx context.Context, resource string) error {
	return s.box.put(ctx, clientDetached{resource})
}

// Roster is the user's contact list as it is now, by JID.
func (s *Session) Roster(ctx context.Context) ([]rosteritem.Item, error) {
	r := make(chan []rosteritem.Item, 1)
	if err := s.box.put(ctx, rosterWanted{r}); err != nil {
		return nil, err
	}
	select {
	case l := <-r:
		return l, nil
	case <-s.ended:
		return nil, ErrEnded
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// EditContact adds the contact with this JID, or changes its name and groups,
// also on the network; empty ones are taken as they are. It returns when the
// change is noted: the network is told now or after the login, and the roster
// push follows. ErrNoContact: no contact can have this address.
func (s *Session) EditContact(ctx context.Context, jid, name string, groups []string) error {
	r := make(chan error, 1)
	return s.ask(ctx, contactEdited{jid, name, groups, r}, r)
}

// RemoveContact takes a contact off the list. In server mode the network's own
// list loses it too; in gateway mode that is as service.enable_remove_buddy
// says. ErrNoContact: it is not there.
func (s *Session) RemoveContact(ctx context.Context, jid string) error {
	r := make(chan error, 1)
	return s.ask(ctx, contactDropped{jid, r}, r)
}

// Block tells the network that a contact is blocked, or is not any more. Who is
// not on the list is blocked only where the network can do that.
func (s *Session) Block(ctx context.Context, jid string, blocked bool) error {
	r := make(chan error, 1)
	return s.ask(ctx, contactBlocked{jid, blocked, r}, r)
}

// Undelivered gives back a message for the user that no client of his took. It
// is kept as if none had been there, in its place, and sent once more when one
// is. Anything but a message with content is forgotten.
func (s *Session) Undelivered(ctx context.Context, st *xmpp.Element) error {
	return s.box.put(ctx, messageReturned{st})
}

// SetAvatar hands the user's own picture to the network, now or after the
// login; an empty one removes it. The photo must not be changed afterwards.
func (s *Session) SetAvatar(ctx context.Context, photo []byte) error {
	return s.box.put(ctx, avatarChosen{photo})
}
