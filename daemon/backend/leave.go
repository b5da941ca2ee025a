// SPDX-License-Identifier: GPL-2.0-or-later

package backend

import (
	"errors"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// What a user reads when his session ends without a sentence of the author's.
const (
	textPanic  = "The transport met an internal error; its administrator finds the details in the log."
	textFailed = "The connection with the network failed."
	textEnded  = "The network ended the connection."
	// and when he asks for more than the session can do:
	textBusy = "the network does not keep up with what you send; try again later"
)

// leave takes the seat away and says DISCONNECTED, unless the main process
// ended the session itself. It does both at once: what a later session of the
// user's says comes after DISCONNECTED.
func (p *process) leave(user string, s *seat, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := p.seats[user] == s
	if last {
		delete(p.seats, user)
	}
	if s.ended() {
		s.user.log.Info("logged out")
		if last && s.confirm.Load() {
			p.confirm(user)
		}
		return
	}
	code, reason := verdict(err)
	s.user.log.Info("session ended", "code", code.String(), "err", err)
	number := int32(code)
	s.user.send(pbnetwork.WrapperMessage_TYPE_DISCONNECTED, &pbnetwork.Disconnected{
		User: &user, Error: &number, Message: &reason,
	})
	s.user.mute()
}

// confirm says that nothing of the user's session is left.
func (p *process) confirm(user string) {
	err := p.wire.send(pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_LOGGED_OUT, Message: &pbnetwork.LoggedOut{User: &user}})
	if err != nil { // the main process is gone, and knows by that
		p.Log.Debug("logout not confirmed", "user", user, "err", err)
	}
}

// verdict is what the main process and the user are told about err.
func verdict(err error) (pbnetwork.ConnectionError, string) {
	var ours *Error
	var p *panicked
	switch {
	case err == nil:
		return pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR, textEnded
	case errors.As(err, &ours):
		return ours.Code, ours.Text
	case errors.As(err, &p):
		return pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR, textPanic
	}
	return pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR, textFailed
}
