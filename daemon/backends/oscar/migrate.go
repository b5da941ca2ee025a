// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"errors"
	"fmt"

	"github.com/mk6i/open-oscar-server/wire"
)

// errMoved: the server sends the user to another one (link.moved).
var errMoved = errors.New("the server sends the user to another one")

// maxMoved is how many food groups a server may name.
const maxMoved = 64

// migrate: the session, or some of its food groups, is to go on at another
// server. We go there with all of it.
func (s *session) migrate(l *link, p snac) error {
	c := cursor{b: p.body}
	n := int(c.u16())
	if n > maxMoved {
		return errors.New("too many food groups")
	}
	c.take(2 * n)
	tlvs := c.tlvs()
	address, ok1 := find(tlvs, wire.LoginTLVTagsReconnectHere)
	cookie, ok2 := find(tlvs, wire.LoginTLVTagsAuthorizationCookie)
	if !ok1 || !ok2 {
		return errShort
	}
	l.moved = &ticket{s.redirect(string(address.value)), append([]byte(nil), cookie.value...)}
	return nil
}

// maxMoves is how often one session follows.
const maxMoves = 20

// move goes on with the session at the server that the old one named. What
// waits for the old one's limits is sent by the new one; what was sent and not
// confirmed stays unknown.
func (s *session) move(ctx context.Context, old *link) (*link, error) {
	if s.moves++; s.moves > maxMoves {
		return old, errors.New("the servers send the user to each other")
	}
	s.log.Info("going on at another server", "address", old.moved.address)
	l, err := s.dial(ctx, wire.BOS, old.moved.address, s.network.handlers)
	if err != nil {
		return old, err
	}
	l.ids = old.lastID() // what waits has ids of the old link
	if err := l.signOn(ctx, old.moved.cookie); err != nil {
		return l, err
	}
	waiting := old.limits.withdraw()
	old.close()
	s.disown(old)
	if err := s.setUp(ctx, l); err != nil {
		return l, err
	}
	s.mu.Lock()
	s.bos = l
	s.mu.Unlock()
	s.showAll()
	for _, it := range waiting {
		it.link = l
		if _, err := l.limits.submit(it); err != nil {
			return l, fmt.Errorf("send what waited: %w", err)
		}
	}
	return l, nil
}

// paused: the server wants nothing sent for a while; it keeps what it has for
// us. We answer that nothing more comes.
func (s *session) paused(l *link, _ snac) error {
	err := l.send(wire.OService, wire.OServicePauseAck, nil)
	l.limits.pause(true)
	return err
}

// resumed: the server goes on.
func (s *session) resumed(l *link, _ snac) error {
	l.limits.pause(false)
	return nil
}

// warned: somebody has warned the user, which makes his rate limits stricter;
// those come on their own.
func (s *session) warned(_ *link, p snac) error {
	c := cursor{b: p.body}
	s.log.Info("somebody has warned the user", "level", int(c.u16())/10)
	return nil
}
