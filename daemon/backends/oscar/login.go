// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"time"

	"github.com/mk6i/open-oscar-server/wire"
)

// The client that we say we are: the last of the classic ones, whose way with
// the server we follow.
const (
	clientName    = "ICQ Client"
	clientID      = 0x010a
	clientMajor   = 20
	clientMinor   = 52
	clientLesser  = 1
	clientBuild   = 3916
	clientChannel = 0x00000611
)

// TLVs of a login beyond those that wire names.
const (
	tlvCountry     = 0x0e
	tlvLanguage    = 0x0f
	tlvChannel     = 0x14
	tlvClientID    = 0x16
	tlvMajor       = 0x17
	tlvMinor       = 0x18
	tlvLesser      = 0x19
	tlvBuild       = 0x1a
	tlvStrongHash  = 0x4c // the hash is of the password's own hash
	tlvFeedbagOnly = 0x94
)

// ticket is what a login gives: where BOS is, and the cookie for it.
type ticket struct {
	address string
	cookie  []byte
}

// loginError is the login server's refusal.
type loginError struct{ code uint16 }

func (e *loginError) Error() string { return "the server refused the login" }

// logIn goes through the login server to BOS.
func (s *session) logIn(ctx context.Context) (*link, error) {
	if err := s.network.logins.wait(ctx, s); err != nil {
		return nil, err
	}
	t, err := s.authenticate(ctx)
	if err != nil {
		s.network.logins.refused(err, s)
		return nil, err
	}
	l, err := s.dial(ctx, wire.BOS, t.address, s.network.handlers)
	if err != nil {
		return nil, err
	}
	if err := l.signOn(ctx, t.cookie); err != nil {
		err = s.farewell(l, err)
		l.part()
		return nil, err
	}
	return l, nil
}

// authenticate gets a ticket from the login server.
func (s *session) authenticate(ctx context.Context) (ticket, error) {
	ctx, cancel := context.WithTimeout(ctx, signOnTimeout)
	defer cancel()
	l, err := s.dial(ctx, wire.BUCP, net.JoinHostPort(s.network.settings.host, s.network.settings.port), nil)
	if err != nil {
		return ticket{}, err
	}
	defer s.disown(l)
	defer l.close()
	if s.network.settings.roasted {
		return s.roastedLogin(ctx, l)
	}
	return s.hashedLogin(ctx, l)
}

// hashedLogin is the login with an MD5 challenge (BUCP).
func (s *session) hashedLogin(ctx context.Context, l *link) (ticket, error) {
	// A server that does not want to talk answers what it was not asked.
	var unasked []byte
	l.handlers = table{{wire.BUCP, wire.BUCPLoginResponse}: func(_ *session, _ *link, p snac) error {
		unasked = append([]byte{}, p.body...)
		return nil
	}}
	t, err := s.challenge(ctx, l)
	if err != nil && unasked != nil {
		return s.ticketOf(unasked)
	}
	return t, err
}

// challenge is the exchange of hashedLogin.
func (s *session) challenge(ctx context.Context, l *link) (ticket, error) {
	if err := l.write(wire.FLAPFrameSignon, []byte{0, 0, 0, 1}); err != nil {
		return ticket{}, err
	}
	name := appendTLV(nil, wire.LoginTLVTagsScreenName, []byte(s.name))
	reply, err := l.call(ctx, wire.BUCP, wire.BUCPChallengeRequest, raw(name))
	if err != nil {
		return ticket{}, l.loginOutcome(err)
	}
	if reply.sub != wire.BUCPChallengeResponse {
		return s.ticketOf(reply.body)
	}
	c := cursor{b: reply.body}
	key := string(c.bytes16())
	body := appendTLV(name, wire.LoginTLVTagsPasswordHash, wire.StrongMD5PasswordHash(s.given.Password, key))
	body = appendTLV(body, tlvStrongHash, nil)
	reply, err = l.call(ctx, wire.BUCP, wire.BUCPLoginRequest, raw(s.client(body)))
	if err != nil {
		return ticket{}, l.loginOutcome(err)
	}
	return s.ticketOf(reply.body)
}

// roastedLogin is the first clients' login, in the connection's first frame.
func (s *session) roastedLogin(ctx context.Context, l *link) (ticket, error) {
	body := appendTLV([]byte{0, 0, 0, 1}, wire.LoginTLVTagsScreenName, []byte(s.name))
	body = appendTLV(body, wire.LoginTLVTagsRoastedPassword, wire.RoastOSCARPassword([]byte(s.given.Password)))
	if err := l.write(wire.FLAPFrameSignon, s.client(body)); err != nil {
		return ticket{}, err
	}
	err := l.run(ctx)
	if !errors.Is(err, errParted) {
		return ticket{}, err
	}
	return s.ticketFrom(l.parting.tlvs)
}

// loginOutcome is why a login ended without a reply: some servers say it in
// their farewell.
func (l *link) loginOutcome(err error) error {
	if errors.Is(err, errParted) {
		if t, ok := find(l.parting.tlvs, wire.LoginTLVTagsErrorSubcode); ok {
			return &loginError{errorCode(t)}
		}
	}
	return err
}

// client appends what a client says about itself.
func (s *session) client(b []byte) []byte {
	b = appendTLV(b, wire.LoginTLVTagsClientIdentity, []byte(clientName))
	for _, n := range []struct{ tag, value uint16 }{
		{tlvClientID, clientID}, {tlvMajor, clientMajor}, {tlvMinor, clientMinor},
		{tlvLesser, clientLesser}, {tlvBuild, clientBuild},
	} {
		b = appendTLV(b, n.tag, binary.BigEndian.AppendUint16(nil, n.value))
	}
	b = appendTLV(b, tlvChannel, binary.BigEndian.AppendUint32(nil, clientChannel))
	b = appendTLV(b, tlvLanguage, []byte("en"))
	b = appendTLV(b, tlvCountry, []byte("us"))
	flags := wire.MultiConnFlagsSingleClient
	if s.network.settings.several {
		flags = wire.MultiConnFlagsRecentClient
	}
	return appendTLV(b, wire.LoginTLVTagsMultiConnFlags, []byte{byte(flags)})
}

func (s *session) ticketOf(body []byte) (ticket, error) {
	c := cursor{b: body}
	return s.ticketFrom(c.tlvs())
}

func (s *session) ticketFrom(tlvs []tlv) (ticket, error) {
	if t, ok := find(tlvs, wire.LoginTLVTagsErrorSubcode); ok {
		return ticket{}, &loginError{errorCode(t)}
	}
	address, ok1 := find(tlvs, wire.LoginTLVTagsReconnectHere)
	cookie, ok2 := find(tlvs, wire.LoginTLVTagsAuthorizationCookie)
	if !ok1 || !ok2 {
		return ticket{}, errors.New("the login server gave no address")
	}
	return ticket{s.redirect(string(address.value)), append([]byte(nil), cookie.value...)}, nil
}

// tooMany is how long a server that complained about too many logins is left
// alone.
const tooMany = time.Minute
