// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"errors"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// The codes with which a session can end, shortened.
const (
	codeNetwork  = pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR
	codeName     = pbnetwork.ConnectionError_CONNECTION_ERROR_INVALID_USERNAME
	codePassword = pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED
	codeAccount  = pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_IMPOSSIBLE
	codeInUse    = pbnetwork.ConnectionError_CONNECTION_ERROR_NAME_IN_USE
)

// verdict is what an error of the network's means to the user.
type verdict struct {
	code pbnetwork.ConnectionError
	text string
}

// loginVerdicts are the login server's errors.
var loginVerdicts = map[uint16]verdict{
	0x0001: {codePassword, "The number or name, or the password, is wrong."},
	0x0002: {codeNetwork, "The network's login service is not available at the moment."},
	0x0003: {codeNetwork, "The network's login service failed."},
	0x0004: {codePassword, "The number or name, or the password, is wrong."},
	0x0005: {codePassword, "The password is wrong."},
	0x0006: {codeNetwork, "The network's login service failed."},
	0x0007: {codeAccount, "The network does not know this account, or does not let it in."},
	0x0008: {codeAccount, "The network knows no such account; perhaps it was deleted."},
	0x0009: {codeAccount, "This account has expired."},
	0x000c: {codeNetwork, "The network's login service has no access to its database."},
	0x0011: {codeAccount, "This account is suspended."},
	0x0014: {codeNetwork, "The network could not reserve a place for you."},
	0x0015: {codeNetwork, "The network is not available at the moment."},
	0x0016: {codeNetwork, "There are too many connections from this transport's address. Your login is tried again later."},
	0x0017: {codeNetwork, "There are too many connections from this transport's address. Your login is tried again later."},
	0x0018: {codeNetwork, "The network does not let more logins in at the moment. Yours is tried again later."},
	0x0019: {codeAccount, "This account has been warned too often; wait until its warning level is lower."},
	0x001a: {codeNetwork, "The network could not reserve a place for you."},
	0x001d: {codeNetwork, "The network does not let more logins in at the moment. Yours is tried again later."},
	0x001e: {codeNetwork, "The network does not let more logins in at the moment. Yours is tried again later."},
	0x0020: {codeAccount, "This account wants a code from a SecurID token, which this transport cannot give."},
	0x0022: {codeAccount, "This account is suspended because of its owner's age."},
}

// partings are the reasons with which BOS ends a session.
var partings = map[uint16]verdict{
	0x01: {codeInUse, "You have signed on from another place, which ended the connection here. Log in again when you want to be here."},
	0x02: {codeAccount, "Your account was deleted."},
}

// errSignedOff is a farewell without a reason.
var errSignedOff = &backend.Error{Code: codeNetwork, Text: "The network ended the connection."}

// farewell puts the server's farewell in the place of errParted.
func (s *session) farewell(l *link, err error) error {
	if !errors.Is(err, errParted) {
		return err
	}
	if t, ok := find(l.parting.tlvs, wire.LoginTLVTagsErrorSubcode); ok {
		return &loginError{errorCode(t)}
	}
	if t, ok := find(l.parting.tlvs, tlvReason); ok {
		if v, ok := partings[errorCode(t)]; ok {
			return &backend.Error{Code: v.code, Text: v.text, Err: err}
		}
	}
	return errSignedOff
}

// tlvReason is why a server ends a session.
const tlvReason = 0x09

// errorCode is a number of one byte or of two: servers write both.
func errorCode(t tlv) uint16 {
	if len(t.value) == 1 {
		return uint16(t.value[0])
	}
	return t.u16()
}

// outcome is how Run ends: nil when the user logged out.
func outcome(ctx context.Context, err error) error {
	var ours *backend.Error
	var login *loginError
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.As(err, &ours):
		return err
	case errors.As(err, &login):
		v, ok := loginVerdicts[login.code]
		if !ok {
			v = verdict{codeNetwork, "The network refused the login."}
		}
		return &backend.Error{Code: v.code, Text: v.text, Err: err}
	}
	return &backend.Error{Code: codeNetwork, Text: "The connection with the network was lost.", Err: err}
}

// nameOf is the name that a registration means, in its normal form.
func (n *Network) nameOf(registered string) (string, error) {
	name, kind := loginName(registered)
	if kind == anyNetwork {
		kind = n.settings.network
	}
	name = normal(name)
	if validName(name, kind) {
		return name, nil
	}
	text := "The registered name is no AIM screen name."
	if kind == icq {
		text = "The registered name is no ICQ number."
	}
	return name, &backend.Error{Code: codeName, Text: text}
}
