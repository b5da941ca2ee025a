// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"encoding/binary"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

var _ backend.AuthSession = (*session)(nil)

// maxReason is as much of a reason as goes into one SNAC.
const maxReason = 500

// askAuth asks somebody whether the user may see him.
func (s *session) askAuth(l *link, name, text string) error {
	if text == "" {
		text = "Please let me add you to my contact list."
	}
	body := appendStr8(nil, name)
	body = appendStr16(body, cut(text, maxReason))
	return l.send(wire.Feedbag, wire.FeedbagRequestAuthorizeToHost, raw(append(body, 0, 0)))
}

// Authorize answers somebody who asked the user.
func (s *session) Authorize(ctx context.Context, contact string, grant bool, text string) error {
	l, err := s.online(ctx)
	if err != nil {
		return err
	}
	body := appendStr8(nil, normal(contact))
	if body = append(body, 0); grant {
		body[len(body)-1] = 1
		s.mu.Lock()
		if k := s.contactLocked(normal(contact)); k != nil {
			k.allowed = true
		}
		s.mu.Unlock()
	}
	return l.send(wire.Feedbag, wire.FeedbagRespondAuthorizeToHost, raw(appendStr16(body, cut(text, maxReason))))
}

func appendStr16(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}

// authRequested: somebody asks the user.
func (s *session) authRequested(_ *link, p snac) error {
	c := cursor{b: p.body}
	name, text := normal(c.str8()), s.narrowText(c.bytes16())
	if name == "" {
		return errShort
	}
	s.user.AuthRequest(name, text)
	return nil
}

// authAnswered: somebody whom the user asked has answered.
func (s *session) authAnswered(_ *link, p snac) error {
	c := cursor{b: p.body}
	name, granted, text := normal(c.str8()), c.u8() == 1, s.narrowText(c.bytes16())
	if name == "" {
		return errShort
	}
	s.authOutcome(name, granted, text)
	return nil
}

// authGiven: somebody lets the user see him, who need not have asked.
func (s *session) authGiven(_ *link, p snac) error {
	c := cursor{b: p.body}
	name, text := normal(c.str8()), s.narrowText(c.bytes16())
	if name == "" {
		return errShort
	}
	s.authOutcome(name, true, text)
	return nil
}

// authOutcome tells an answer.
func (s *session) authOutcome(name string, granted bool, text string) {
	s.mu.Lock()
	shown := s.shownLocked(name, s.contacts[name])
	waiting := shown.Auth == pbnetwork.Authorization_AUTHORIZATION_ASKED
	var cleared []*bagItem
	for _, it := range s.bag.buddies[name] {
		if _, pending := it.attr(wire.FeedbagAttributesPending); pending && granted {
			cleared = append(cleared, it.without(wire.FeedbagAttributesPending))
		}
	}
	for _, it := range cleared {
		s.bag.put(it)
	}
	s.mu.Unlock()
	shown.Auth = pbnetwork.Authorization_AUTHORIZATION_GRANTED
	if !granted {
		shown.Auth = pbnetwork.Authorization_AUTHORIZATION_DENIED
	}
	s.show(shown)
	said := "lets you see when he or she is online."
	if !granted {
		said = "does not want to be on your contact list."
	}
	if text != "" {
		said += " The answer says: " + text
	}
	if waiting || !granted || text != "" {
		s.notice(name, name+" "+said)
	}
	if len(cleared) > 0 {
		s.user.Go(func() { s.settle(name) })
	}
}

// settle stores that somebody's answer is no longer waited for, where the
// server has not done that itself.
func (s *session) settle(name string) {
	ctx, cancel := s.while()
	defer cancel()
	l, err := s.online(ctx)
	if err != nil {
		return
	}
	done, err := s.editing(ctx)
	if err != nil {
		return
	}
	defer done()
	s.mu.Lock()
	items := append([]*bagItem(nil), s.bag.buddies[name]...)
	s.mu.Unlock()
	if err := s.tell(ctx, l, wire.FeedbagUpdateItem, items); err != nil {
		s.log.Info("a contact's authorization was not stored", "err", err)
	}
}

// wasAdded: somebody has the user on his list now.
func (s *session) wasAdded(_ *link, p snac) error {
	c := cursor{b: p.body}
	name := normal(c.str8())
	if name == "" {
		return errShort
	}
	s.mu.Lock()
	known := s.bag.has(name) || s.contacts[name] != nil && s.contacts[name].allowed
	s.mu.Unlock()
	if !known {
		s.notice(name, name+" has added you to his or her contact list.")
	}
	return nil
}
