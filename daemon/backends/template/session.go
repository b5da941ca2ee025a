// SPDX-License-Identifier: GPL-2.0-or-later

package template

import (
	"context"
	"errors"
	"fmt"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// session is one user on the network. Run has a goroutine of its own; the other
// methods are called in a second one, in the order in which the user acted;
// VCard and Command, which usually wait for the network, in further ones. What
// several of them touch needs a lock or a channel: here that is dropped. The
// rest belongs to the second goroutine.
type session struct {
	network *network
	user    *backend.User
	login   backend.Login
	dropped chan struct{} // the command drop

	sent int  // messages taken so far, for their ids
	room room // what the user sees of echoroom
}

// The abilities beyond backend.Session: the compiler tells a missing method.
var (
	_ backend.RoomSession    = (*session)(nil)
	_ backend.StatusSession  = (*session)(nil)
	_ backend.TypingSession  = (*session)(nil)
	_ backend.VCardSession   = (*session)(nil)
	_ backend.CommandSession = (*session)(nil)
)

// Run is the session's life: log in, say so, show the contacts, and stay until
// the user logs out (ctx) or the network ends it.
func (s *session) Run(ctx context.Context) error {
	if err := s.authenticate(ctx); err != nil {
		return err
	}
	s.user.Connected(s.login.LegacyName, pbnetwork.Confirmation_CONFIRMATION_AUTHENTICATED)
	s.user.Contact(echoContact(backend.Status{Type: pbnetwork.StatusType_STATUS_ONLINE}))
	s.user.RoomList([]string{echoRoom}, []string{"The echo room"})
	select {
	case <-ctx.Done():
		return nil // log out from the network here
	case <-s.dropped:
		return &backend.Error{
			Code: pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR,
			Text: "The template network was told to drop the connection.",
		}
	}
}

// authenticate is where a real backend connects and logs in. The code of the
// error decides what the main process does: after a network error it tries
// again, after a refused password the user has to do something.
func (s *session) authenticate(ctx context.Context) error {
	if s.login.Password == "wrong" {
		return &backend.Error{
			Code: pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED,
			Text: `The password is wrong: every other than "wrong" will do.`,
		}
	}
	if s.network.code == "" {
		return nil
	}
	return s.askCode(ctx)
}

// askCode asks the user for a code during the login and waits for it.
func (s *session) askCode(ctx context.Context) error {
	name, label, secret := "code", "Code", true
	answer, err := s.user.Ask(ctx, backend.Step{
		Kind:         pbnetwork.Step_CODE,
		Title:        "Confirm your login",
		Instructions: "Enter the code that the administrator of this transport has set.",
		Fields:       []*pbnetwork.StepField{{Name: &name, Label: &label, Secret: &secret, Required: &secret}},
	})
	switch {
	case errors.Is(err, context.Canceled) || errors.Is(err, backend.ErrEnded):
		return nil // the user logged out meanwhile
	case err != nil:
		return refused(fmt.Sprintf("The login needs a code: %v.", err))
	case answer[name] != s.network.code:
		return refused("The code is wrong.")
	}
	return nil
}

func refused(text string) error {
	return &backend.Error{Code: pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED, Text: text}
}

// SetStatus: echo takes over what the user does.
func (s *session) SetStatus(_ context.Context, status backend.Status) error {
	switch status.Type {
	case pbnetwork.StatusType_STATUS_NONE, pbnetwork.StatusType_STATUS_INVISIBLE:
		return nil
	}
	s.user.Contact(echoContact(status))
	return nil
}
