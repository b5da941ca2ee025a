// SPDX-License-Identifier: GPL-2.0-or-later

package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/sasl2"
)

// login has credentials decided on. It runs beside the reader.
func (t *stream) login(ctx context.Context, p profile, c credentials) error {
	user, err := jid.New(c.user, t.s.o.Domain, "")
	switch {
	case err != nil || user.Localpart() == "":
		t.s.brake.failed(t.link.addr.Addr(), time.Now())
		return t.fail(p, NotAuthorized, "")
	case !c.authorizes(user.String()):
		return t.fail(p, InvalidAuthzid, "")
	}
	account, err := t.authenticate(ctx, Login{Node: user.Localpart(), Password: c.password, Addr: t.link.addr})
	var refused *AuthError
	switch {
	case ctx.Err() != nil:
		if account != nil {
			account.Close()
		}
		return fmt.Errorf("client left while it logged in: %w", ctx.Err())
	case errors.As(err, &refused):
		return t.fail(p, refused.Condition, refused.Text)
	case err != nil:
		t.s.o.Log.Warn("cannot decide on a login", "addr", t.link.addr, "error", err)
		return t.fail(p, TemporaryAuthFailure, "")
	}
	t.account, t.neg.trusted = account, true
	t.link.trust()
	if p == extensible {
		return t.inline(ctx)
	}
	t.neg.header = true
	return t.say(xmpp.New(nsSASL, "success"))
}

// authenticate asks the handler when the address's turn has come. The time that
// takes does not count as the client's.
func (t *stream) authenticate(ctx context.Context, l Login) (Account, error) {
	began := time.Now()
	wait, ok := t.s.brake.attempt(l.Addr.Addr(), began)
	if !ok {
		text := fmt.Sprintf("too many wrong passwords from your address; try again in %d s", int(wait/time.Second)+1)
		return nil, &AuthError{Condition: TemporaryAuthFailure, Text: text}
	}
	limit := wait + t.s.limits.Load().Login
	deadline := t.neg.deadline
	// The connection outlasts the context, so that the client can be told.
	if err := t.setDeadline(began.Add(limit + t.s.limits.Load().Close)); err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	account, err := t.ask(ctx, l, wait, limit)
	if account == nil && err == nil {
		err = errors.New("handler returned no account")
	}
	var refused *AuthError
	if errors.As(err, &refused) && refused.Condition == NotAuthorized {
		t.s.brake.failed(l.Addr.Addr(), time.Now())
	}
	if derr := t.setDeadline(deadline.Add(time.Since(began))); derr != nil && err == nil {
		account.Close()
		return nil, fmt.Errorf("login: %w", derr)
	}
	return account, err
}

func (t *stream) ask(ctx context.Context, l Login, wait, limit time.Duration) (Account, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return t.s.o.Handler.Authenticate(ctx, l)
}

// inline does what SASL2 lets a client ask for with its login: resume its
// session, or bind a resource.
func (t *stream) inline(ctx context.Context) error {
	auth := t.neg.auth
	t.neg.auth = nil
	user := t.account.User().String()
	var answers []*xmpp.Element
	if resume := auth.Child(nsSM, "resume"); resume != nil {
		done, failed, err := t.resume(ctx, resume, func(c *Conn, resumed *xmpp.Element) *xmpp.Element {
			return sasl2.Success(c.JID().String(), resumed)
		})
		if done || err != nil {
			return err
		}
		answers = append(answers, failed)
	}
	if bind := auth.Child(sasl2.NSBind, "bind"); bind != nil {
		failed, err := t.bind2(ctx, bind, auth.Child(nsSASL2, "user-agent"), answers)
		if failed == nil {
			return err
		}
		answers = append(answers, failed)
	}
	return t.say(sasl2.Success(user, answers...), t.features())
}
