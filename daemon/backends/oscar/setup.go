// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"encoding/binary"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// ourCaps are what we say that we can.
var ourCaps = [][16]byte{
	wire.CapUTF8Messages, wire.CapSupportICQ, wire.CapXHTMLIM, wire.CapChat, wire.CapAvatarService,
}

// setUp makes a fresh connection with BOS the user's session: it fetches the
// contact list, says what we are, and goes online.
func (s *session) setUp(ctx context.Context, l *link) error {
	ctx, cancel := context.WithTimeout(ctx, signOnTimeout)
	defer cancel()
	for _, k := range []kind{
		{wire.Feedbag, wire.FeedbagRightsQuery}, {wire.Locate, wire.LocateRightsQuery},
		{wire.Buddy, wire.BuddyRightsQuery}, {wire.PermitDeny, wire.PermitDenyRightsQuery},
		{wire.ICBM, wire.ICBMParameterQuery},
	} {
		if err := l.send(k.group, k.sub, nil); err != nil {
			return err
		}
	}
	parts, err := l.callAll(ctx, wire.Feedbag, wire.FeedbagQuery, nil)
	if err != nil {
		return err
	}
	bag, err := parseFeedbag(parts)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.bag = bag
	status := s.status
	s.mu.Unlock()
	steps := []func() error{
		func() error { return l.send(wire.Feedbag, wire.FeedbagUse, nil) },
		func() error { return l.send(wire.ICBM, wire.ICBMAddParameters, icbmParameters()) },
		func() error { return l.send(wire.Locate, wire.LocateSetInfo, raw(capabilities())) },
		func() error { return s.sendStatus(l, status) },
		func() error { return l.clientOnline(onlineGroups) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	// Once the server answers this, the user is on: he can be reached, and
	// whoever of his contacts is there has been told.
	reply, err := l.call(ctx, wire.OService, wire.OServiceUserInfoQuery, nil)
	if err != nil {
		return err
	}
	c := cursor{b: reply.body}
	if c.userInfo().flags&wire.OServiceUserFlagBot != 0 {
		l.limits.lift() // servers do not limit bots
	}
	return nil
}

// onlineGroups are the food groups that we use on BOS.
var onlineGroups = []uint16{
	wire.OService, wire.Locate, wire.Buddy, wire.ICBM, wire.PermitDeny, wire.Feedbag, wire.ICQ,
}

// greetUser tells the user that he is on, and what the network has for him.
func (s *session) greetUser(l *link) error {
	s.user.Connected(s.name, pbnetwork.Confirmation_CONFIRMATION_AUTHENTICATED)
	s.showAll()
	return s.fetchOffline(l)
}

// icbmParameters asks for everything on all channels: messages, missed calls,
// typing, offline messages.
func icbmParameters() raw {
	b := binary.BigEndian.AppendUint16(nil, 0)       // all channels
	b = binary.BigEndian.AppendUint32(b, 0x0000030b) // what we want
	b = binary.BigEndian.AppendUint16(b, 8000)       // the longest message
	b = binary.BigEndian.AppendUint16(b, 999)        // the most evil sender
	b = binary.BigEndian.AppendUint16(b, 999)        // the most evil recipient
	return binary.BigEndian.AppendUint32(b, 0)       // the least milliseconds between messages
}

func capabilities() []byte {
	var b []byte
	for _, c := range ourCaps {
		b = append(b, c[:]...)
	}
	return appendTLV(nil, wire.LocateTLVTagsInfoCapabilities, b)
}
