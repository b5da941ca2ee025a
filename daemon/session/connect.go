// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"math/rand/v2"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// Delays of the way to the legacy network.
const (
	// firstRetry doubles with each failure up to lastRetry; each delay is
	// drawn from its upper half, so that a thousand users do not come at once.
	firstRetry = 2 * time.Second
	lastRetry  = 5 * time.Minute
	// patience is how long a login may take after LOGIN.
	loginPatience = 2 * time.Minute
	// hopeful is how many failed retries are still called reconnecting.
	hopeful = 5
)

// attempt is a goroutine on its way to a link. There is never more than one: a
// cancelled one is waited for, because a user may hold only one link.
type attempt struct {
	cancel    context.CancelFunc
	cancelled bool
	receiver  *receiver
}

// acquired ends an attempt.
type acquired struct {
	attempt *attempt
	link    Link
	err     error
}

// connect sets out for a backend. It does nothing if there is one, if one is
// being waited for, or if nobody wants it.
func (s *Session) connect(ctx context.Context) {
	a := &s.account
	if !a.wanted || s.closing || s.linked() || a.attempt != nil {
		return
	}
	inner, cancel := context.WithCancel(ctx)
	at := &attempt{cancel: cancel, receiver: &receiver{s.box}}
	a.attempt = at
	user, limiter, backends := s.user, s.o.Limiter, s.o.Backends
	s.task(func() {
		link, err := acquire(inner, user, limiter, backends, at.receiver)
		if s.box.put(ctx, acquired{at, link, err}) != nil && link != nil {
			link.Release()
		}
	})
}

func acquire(ctx context.Context, user string, l Limiter, b Backends, r Receiver) (Link, error) {
	if l != nil {
		if err := l.Wait(ctx); err != nil {
			return nil, err
		}
	}
	return b.Acquire(ctx, user, r)
}

func (s *Session) cancelAttempt() {
	if at := s.account.attempt; at != nil {
		at.cancelled = true
		at.cancel()
	}
}

func (e acquired) apply(ctx context.Context, s *Session) {
	a := &s.account
	e.attempt.cancel()
	a.attempt = nil
	switch {
	case e.attempt.cancelled || !a.wanted || s.closing:
		if e.link != nil {
			e.link.Release()
		}
		s.connect(ctx) // wanted again meanwhile
	case e.err != nil:
		s.log.Info("no backend for user", "err", e.err)
		s.failed(ctx, &LoginError{pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR, e.err.Error()})
	default:
		a.link, a.receiver = e.link, e.attempt.receiver
		f := e.link.Features()
		a.authorizes = f.Authorization
		s.searchForm.Store(f.Search)
		s.sendLogin(ctx)
	}
}

// sendLogin opens the legacy session on a fresh link.
func (s *Session) sendLogin(ctx context.Context) {
	a := &s.account
	u := a.user
	s.contacts.login++
	login := &pbnetwork.Login{User: &s.user, LegacyName: &u.Name, Password: &u.Password}
	if len(u.Settings) > 0 {
		login.Settings = &pbnetwork.UserSettings{Value: make(map[string]string, len(u.Settings))}
		for k, v := range u.Settings {
			login.Settings.Value[k] = v
		}
	}
	a.patience = s.timers.after(loginPatience, loginLate{a.receiver})
	if !s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_LOGIN, login) {
		// Lost may have come before acquired and been taken for a late one.
		s.failed(ctx, &LoginError{pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR, "The connection with the network was lost"})
		return
	}
	s.sendContacts(ctx)
	if a.link != nil && a.link.Level() > 0 {
		s.sendStatus(ctx)
	}
}

// sendContacts gives the list to a backend that keeps none.
func (s *Session) sendContacts(ctx context.Context) {
	if !s.account.link.Features().SendBuddiesOnLogin {
		return
	}
	// In version 1 an empty list names no user, so nobody could tell whose it is.
	if list := s.contactFrames(); len(list.GetBuddy()) > 0 {
		s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_BUDDIES, list)
	}
}

// loginLate: the backend said nothing about the login for too long.
type loginLate struct{ receiver *receiver }

func (e loginLate) apply(ctx context.Context, s *Session) {
	if s.account.receiver != e.receiver || s.online() {
		return
	}
	s.log.Warn("login takes too long", "after", loginPatience)
	name := s.account.user.Name
	s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_LOGOUT, &pbnetwork.Logout{User: &s.user, LegacyName: &name})
	s.failed(ctx, &LoginError{pbnetwork.ConnectionError_CONNECTION_ERROR_NETWORK_ERROR, "The network did not answer the login in time"})
}

// retryDue: the delay before the next login is over.
type retryDue struct{}

func (retryDue) apply(ctx context.Context, s *Session) {
	s.account.retry = nil
	s.connect(ctx)
}

// retryDelay is how long to wait before login number failures+1.
func retryDelay(failures int) time.Duration {
	d := lastRetry
	if failures < 12 {
		d = min(lastRetry, firstRetry<<failures)
	}
	return d/2 + rand.N(d/2)
}
