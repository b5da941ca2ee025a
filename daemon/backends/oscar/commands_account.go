// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/mk6i/open-oscar-server/wire"
)

// adminErrors are the reasons for which the administration service changes
// nothing, for the user.
var adminErrors = map[uint16]string{
	wire.AdminInfoErrorValidateNickName:       "this is another name: only capitals and spaces can change",
	wire.AdminInfoErrorInvalidNickName:        "a name cannot be written like that",
	wire.AdminInfoErrorInvalidNickNameLength:  "the name has not the right length",
	wire.AdminInfoErrorValidatePassword:       "the present password is wrong",
	wire.AdminInfoErrorInvalidOldPassword:     "the present password is wrong",
	wire.AdminInfoErrorInvalidPassword:        "the network does not take this password",
	wire.AdminInfoErrorInvalidPasswordLength:  "the new password has not the right length: on ICQ 6 to 8 characters, on AIM 4 to 16",
	wire.AdminInfoErrorInvalidEmail:           "this is no e-mail address",
	wire.AdminInfoErrorInvalidEmailLength:     "the e-mail address is too long",
	wire.AdminInfoErrorDNSFail:                "the e-mail address leads nowhere",
	wire.AdminInfoErrorPendingRequest:         "an earlier change waits for your confirmation",
	wire.AdminInfoErrorServiceTempUnavailable: "the network cannot do this now; try again later",
}

// administer asks the administration service to change something.
func (s *session) administer(ctx context.Context, tlvs ...tlv) error {
	err := s.askAdmin(ctx, tlvs)
	var code adminCode
	switch {
	case err == nil:
		return nil
	case errors.As(err, &code):
		if text := adminErrors[uint16(code)]; text != "" {
			return errors.New(text)
		}
		return fmt.Errorf("the network refuses it (0x%04x)", uint16(code))
	}
	s.log.Info("the account was not changed", "err", err)
	return errors.New("the network's administration service did not answer")
}

// adminCode is the administration service's reason not to change something.
type adminCode uint16

func (c adminCode) Error() string { return fmt.Sprintf("refused with error 0x%04x", uint16(c)) }

func (s *session) askAdmin(ctx context.Context, tlvs []tlv) error {
	l, err := s.open(ctx, wire.Admin, nil)
	if err != nil {
		return err
	}
	defer l.close()
	var body []byte
	for _, t := range tlvs {
		body = appendTLV(body, t.tag, t.value)
	}
	p, err := l.request(ctx, wire.Admin, wire.AdminInfoChangeRequest, raw(body))
	if err != nil {
		return err
	}
	c := cursor{b: p.body}
	c.u16() // permissions
	all := c.countedTLVs(int(c.u16()))
	if c.short {
		return errShort
	}
	if t, ok := find(all, wire.AdminTLVErrorCode); ok {
		return adminCode(t.u16())
	}
	return nil
}

// changePassword changes the password on the network. The transport does not
// hear of it: the user has to tell it.
func (s *session) changePassword(ctx context.Context, args []string) (string, error) {
	old, fresh, again := args[0], args[1], args[2]
	switch {
	case fresh != again:
		return "", errors.New("the two new passwords differ")
	case old != s.given.Password:
		return "", errors.New("the present password is wrong")
	}
	if err := s.administer(ctx, tlv{wire.AdminTLVNewPassword, []byte(fresh)}, tlv{wire.AdminTLVOldPassword, []byte(old)}); err != nil {
		return "", err
	}
	return "Your password on the network has been changed. Now tell it to the transport: register again with the new one, or log in with it.", nil
}

func (s *session) changeEmail(ctx context.Context, args []string) (string, error) {
	if err := s.administer(ctx, tlv{wire.AdminTLVEmailAddress, []byte(strings.TrimSpace(args[0]))}); err != nil {
		return "", err
	}
	return "The account's e-mail address has been changed.", nil
}

func (s *session) changeScreenName(ctx context.Context, args []string) (string, error) {
	if s.icq() {
		return "", errors.New("an ICQ number is always written the same; for your nickname there is the command info")
	}
	if err := s.administer(ctx, tlv{wire.AdminTLVScreenNameFormatted, []byte(strings.TrimSpace(args[0]))}); err != nil {
		return "", err
	}
	return "Your name is written " + strings.TrimSpace(args[0]) + " now.", nil
}

// invite asks somebody into a room that the user is in.
func (s *session) invite(ctx context.Context, args []string) (string, error) {
	to, name, text := normal(args[0]), args[1], args[2]
	r := s.room(name)
	if r == nil {
		return "", errors.New("you are not in this room")
	}
	l, err := s.online(ctx)
	if err != nil {
		return "", err
	}
	if text == "" {
		text = "Join me in " + r.venue.name + "."
	}
	s.chats.mu.Lock()
	info := r.info
	s.chats.mu.Unlock()
	if info.cookie == "" {
		return "", errors.New("you are not in this room yet")
	}
	if err := l.send(wire.ICBM, wire.ICBMChannelMsgToHost, invitation(rand.Uint64(), to, text, info)); err != nil {
		return "", err
	}
	return args[0] + " has been invited.", nil
}
