// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"fmt"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// onConnected: the legacy network accepted the login.
func onConnected(ctx context.Context, s *Session, m *pbnetwork.Connected) {
	a := &s.account
	if a.parting != nil {
		return // the LOGOUT is under way
	}
	s.timers.stop(a.patience)
	a.patience = nil
	a.connected, a.wasOnline, a.failures, a.accepted = true, true, 0, true
	a.confirmation = m.GetConfirmation()
	a.legacyName = a.user.Name
	if n := m.GetLegacyName(); n != "" {
		a.legacyName = n
	}
	s.dropStep()
	s.setState(ctx, Online, "")
	s.markOnline(true)
	s.sendStatus(ctx)
	s.contactsReturn(ctx)
	s.releaseHeld(ctx)
	s.rejoinRooms(ctx)
	s.sendPicture(ctx)
	s.missingPictures(ctx)
	s.trialWent(ctx, nil)
}

// onDisconnected: the legacy network or the backend ended the session.
func onDisconnected(ctx context.Context, s *Session, m *pbnetwork.Disconnected) {
	text := m.GetMessage()
	if text == "" {
		text = "The network closed the connection"
	}
	s.failed(ctx, &LoginError{pbnetwork.ConnectionError(m.GetError()), text})
}

// backendLost: the user's backend is gone. It costs a reconnect.
type backendLost struct {
	receiver *receiver
	reason   error
}

func (e backendLost) apply(ctx context.Context, s *Session) {
	if s.account.receiver != e.receiver {
		return
	}
	s.log.Info("backend lost", "backend", s.account.link.Backend(), "reason", e.reason)
	s.failed(ctx, &LoginError{pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR, "The connection with the network was lost"})
}

// failed handles the end of a legacy session, or of the way to one, that
// nobody asked for: it is tried again, or the user is told what he has to do.
func (s *Session) failed(ctx context.Context, why *LoginError) {
	if s.account.parting != nil {
		s.parted(ctx) // it was what parting waits for
		return
	}
	was := s.online()
	s.unlink(ctx, why.Text)
	s.trialWent(ctx, why)
	switch {
	case s.closing:
	case why.Refused():
		s.refused(ctx, why)
	default:
		s.retry(ctx, why, was)
	}
}

// refused: trying again is useless until the user acts. He is told once: each
// further login is his doing.
func (s *Session) refused(ctx context.Context, why *LoginError) {
	a := &s.account
	a.wanted, a.pinned, a.wasOnline = false, false, false
	s.closeRooms(ctx, why.Text)
	s.contactsGone(ctx)
	s.setState(ctx, BadCredentials, why.Text)
	s.markOnline(false)
	advice := "Register again with the right name and password, or send “login” to try once more."
	if s.set.ServerMode {
		advice = "Log in again."
	}
	s.notice(ctx, fmt.Sprintf("%s refused the login: %s. %s", s.networkName(), sentence(why.Text), advice))
	if a.accepted && s.o.Refused != nil {
		a.accepted = false
		s.o.Refused(why)
	}
}

// retry waits and logs in again.
func (s *Session) retry(ctx context.Context, why *LoginError, was bool) {
	a := &s.account
	delay := retryDelay(a.failures)
	if was { // the first time soon
		delay /= 2
	}
	a.failures++
	st := Unreachable
	if a.wasOnline && a.failures <= hopeful {
		st = Reconnecting
	}
	s.setState(ctx, st, sentence(why.Text))
	if was {
		s.contactsUncertain()
		s.roomsInterrupted(ctx)
	}
	a.retry = s.timers.after(delay, retryDue{})
}

// trialWent reports a trial's outcome, once.
func (s *Session) trialWent(ctx context.Context, why *LoginError) {
	a := &s.account
	if s.o.Trial == nil || a.tried {
		return
	}
	a.tried = true
	if why != nil {
		s.closing = true
		a.wanted = false
		s.o.Trial(why)
		return
	}
	a.lingering = s.timers.after(trialGrace, lingered{})
	s.publish() // whoever hears of it asks at once what the network confirmed
	s.o.Trial(nil)
}

// trialGrace is how long a kept trial stays logged in without the user.
const trialGrace = time.Minute

// lingered: the time to wait for the user is over.
type lingered struct{}

func (lingered) apply(ctx context.Context, s *Session) {
	a := &s.account
	a.lingering = nil
	if s.clients.deserted() && !a.pinned && !(s.stayConnected() && s.kept()) && (a.wanted || s.linked()) {
		s.logOut(ctx, Offline, "Logged out")
	}
}

// arrived ends the lingering: there is a user.
func (s *Session) arrived() {
	s.timers.stop(s.account.lingering)
	s.account.lingering = nil
}

// networkName names the other side in sentences.
func (s *Session) networkName() string {
	if s.set.Name != "" {
		return s.set.Name
	}
	return s.set.Addresses.Transport
}
