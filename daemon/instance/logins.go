// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"errors"
	"strings"
	"time"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/register"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/server"
)

// authError is what a client is told of a login that did not succeed.
func authError(condition, text string) error {
	return &server.AuthError{Condition: condition, Text: text}
}

var (
	errBusyAccount = authError("temporary-auth-failure", "Your last session is just ending. Please try again in a moment.")
	errTaken       = authError("not-authorized", "Somebody is logged in under this name with another password, and the network cannot tell which of you it belongs to.")
	errOutvoted    = authError("not-authorized", "The network has just taken another password for this name.")
	errLate        = authError("temporary-auth-failure", "The network did not answer in time.")
)

// Authenticate decides on a client's name and password: by asking the legacy
// network, or, while the user is logged in already, by the password of that
// login. It is called by xmpp/server, in a goroutine of the connection.
func (s *serverSide) Authenticate(ctx context.Context, l server.Login) (server.Account, error) {
	s.logins.Add(1)
	user, err := jid.New(l.Node, s.jid, "")
	if err != nil {
		return nil, authError("not-authorized", "That is no user's name.")
	}
	if s.isAdmin(user) {
		return s.administrator(ctx, user, l.Password)
	}
	u, err := s.newcomer(ctx, user, l.Password)
	if err != nil {
		return nil, err
	}
	for {
		h, err := s.login(ctx, user, u)
		if err != nil {
			return nil, err
		}
		switch account, err := s.lodge(ctx, h); {
		case err == nil:
			return account, nil
		case !errors.Is(err, session.ErrEnded):
			return nil, errBusyAccount
		}
		s.leave(user.String(), h.session) // its last client went just now
	}
}

// newcomer is the record to log in with, if the instance's rules allow it.
func (s *serverSide) newcomer(ctx context.Context, user jid.JID, password string) (*store.User, error) {
	s.router.awaitBackend(ctx)
	name := s.addresses().Name(user)
	u, err := s.registrar.LogIn(ctx, user.String(), name, password)
	if err == nil {
		return u, nil
	}
	ref := register.RefusalOf(err)
	switch ref.Condition {
	case "forbidden":
		return nil, authError("account-disabled", ref.Text)
	case "not-acceptable":
		return nil, authError("not-authorized", ref.Text)
	}
	s.log.Error("login not possible", "user", user.String(), "err", err)
	return nil, authError("temporary-auth-failure", ref.Text)
}

// login returns the user's house, made by a legacy login if there is none.
// Whoever brings another password than the one in use has to convince the
// network first: neither a running session nor a login under way can be taken
// over or held up by somebody who merely knows the name.
func (s *serverSide) login(ctx context.Context, user jid.JID, u *store.User) (*house, error) {
	secret := digestOf(u.Password)
	for proven := false; ; {
		h, trial := s.enter(ctx, user, secret, proven)
		if trial != nil {
			return s.settle(trial, h, u)
		}
		same := h.secret.equal(secret)
		if !same && !proven {
			if err := s.prove(ctx, u); err != nil {
				return nil, err
			}
			proven = true
			continue // whoever only tries has to make place now
		}
		select {
		case <-h.made:
		case <-ctx.Done():
			return nil, errBusyAccount
		}
		switch {
		case h.err == nil && h.session == nil:
			s.dismiss(h) // of one who was an administrator
		case h.err == nil && s.sessions.get(user.String()) != h.session:
			s.leave(user.String(), h.session) // it is ending
		case h.err == nil && same:
			return h, nil
		case h.err != nil && same && !h.left:
			return nil, h.err
		case h.err == nil:
			if err := s.evict(ctx, h); err != nil {
				return nil, err
			}
		}
	}
}

// trial logs in under the user's JID. The session loads what is kept of him
// only when the network has confirmed who he is.
func (s *serverSide) trial(ctx context.Context, u *store.User) (*session.Session, error) {
	if old := s.sessions.get(u.JID); old != nil { // without a house: it is ending
		if err := old.Stop(ctx); err != nil {
			return nil, errBusyAccount
		}
		s.sessions.forget(u.JID, old)
	}
	stranger := *u
	stranger.ID = 0
	outcome := make(chan error, 1)
	ses, err := s.sessions.start(ctx, &stranger, func(err error) { outcome <- err })
	if err != nil {
		return nil, loginFailure(err)
	}
	if err = s.outcome(ctx, ses, outcome); err != nil {
		s.sessions.stopLater(u.JID, ses)
		return nil, loginFailure(err)
	}
	return ses, nil
}

// errAsked is a login that needs more than a password.
var errAsked = authError("temporary-auth-failure", "The network asks for more than a password, a code for example, which it cannot be told while you log in here.")

// outcome waits for what comes of a trial.
func (s *serverSide) outcome(ctx context.Context, ses *session.Session, outcome <-chan error) error {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case err := <-outcome:
			return err
		case <-ctx.Done():
			return errLate
		case <-look.C:
			if ses.PendingStep() != nil {
				return errAsked
			}
		}
	}
}

// prove tries a password beside a login of the same user that uses another: in
// a legacy session of its own, which ends at once. Only a network that checks
// passwords can decide.
func (s *serverSide) prove(ctx context.Context, u *store.User) error {
	beside := *u
	beside.JID = u.JID + "/" + xmpp.NewID()
	ses, err := s.trial(ctx, &beside)
	if err != nil {
		return err
	}
	checked := ses.Status().Confirmation == pbnetwork.Confirmation_CONFIRMATION_AUTHENTICATED
	s.sessions.stopLater(beside.JID, ses)
	if !checked {
		return errTaken
	}
	return nil
}

// evict ends a session whose password is not the account's any more.
func (s *serverSide) evict(ctx context.Context, h *house) error {
	user := h.user.String()
	s.log.Info("session ended: the network confirmed another password", "user", user)
	h.clients.Close(xmpp.NotAuthorized, "Your password has been changed. Please log in with the new one.")
	if err := h.session.Stop(ctx); err != nil {
		return errBusyAccount
	}
	s.sessions.forget(user, h.session)
	s.leave(user, h.session)
	return nil
}

// loginFailure turns a failed login into SASL's words (RFC 6120 §6.5).
func loginFailure(err error) error {
	var ours *server.AuthError
	if errors.As(err, &ours) {
		return err
	}
	var login *session.LoginError
	if !errors.As(err, &login) {
		return authError("temporary-auth-failure", register.RefusalOf(err).Text)
	}
	text := strings.TrimSuffix(login.Text, ".") + "."
	switch login.Code {
	case pbnetwork.ConnectionError_CONNECTION_ERROR_INVALID_USERNAME, pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_FAILED:
		return authError("not-authorized", text)
	case pbnetwork.ConnectionError_CONNECTION_ERROR_AUTHENTICATION_IMPOSSIBLE:
		return authError("account-disabled", text)
	}
	return authError("temporary-auth-failure", text)
}

// isAdmin reports whether a name belongs to an administrator, who has no
// account on the network.
func (s *serverSide) isAdmin(user jid.JID) bool { return s.caller(user).Admin }
