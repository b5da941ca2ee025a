// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"spectrum.im/spectrum2/daemon/register"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// accounts brings registrations into effect.
type accounts struct{ *Instance }

var _ register.Accounts = accounts{}

// Add logs a new user in where try is set, and keeps him.
func (a accounts) Add(ctx context.Context, u *store.User, try bool) error {
	s, err := a.trial(ctx, u, try)
	if err != nil {
		return err
	}
	if err := a.store.CreateUser(ctx, u); err != nil {
		if s != nil {
			a.stopSession(ctx, u.JID, s)
		}
		if errors.Is(err, store.ErrExists) {
			return register.Refused("conflict", "User is already registered")
		}
		return err
	}
	if err := a.adopt(ctx, u, s); err != nil {
		return err
	}
	a.send(ctx, xmpp.NewPresence("subscribe", a.jid, u.JID))
	return nil
}

// Change replaces a user's credentials: the running session makes place for
// the trial, and comes back with the old ones if that fails.
func (a accounts) Change(ctx context.Context, u *store.User, try bool) error {
	if try {
		if s := a.sessions.get(u.JID); s != nil {
			a.stopSession(ctx, u.JID, s)
		}
	}
	s, err := a.trial(ctx, u, try)
	if err != nil {
		a.probe(ctx, u.JID)
		return err
	}
	err = a.owned(ctx, u.JID, func(t store.Token) error { return a.store.UpdateUser(ctx, t, u) })
	if err != nil {
		if s != nil {
			a.stopSession(ctx, u.JID, s)
		}
		return err
	}
	if s == nil {
		s = a.sessions.get(u.JID)
	}
	return a.adopt(ctx, u, s)
}

// owned does f with the user's token: his session's where one runs, which a
// claim of its own would cut off from the database.
func (a accounts) owned(ctx context.Context, user string, f func(store.Token) error) error {
	for {
		if t := a.sessions.token(user); t != 0 {
			return f(t)
		}
		done, err := a.sessions.vacantly(ctx, user, func() error {
			t, err := a.claim(ctx, user, always)
			if err != nil {
				return err
			}
			defer a.unclaim(user, t)
			return f(t)
		})
		if done || err != nil {
			return err
		}
	}
}

// adopt tells the session, if there is one, what has become the user's account.
func (a accounts) adopt(ctx context.Context, u *store.User, s *session.Session) error {
	if s != nil {
		copied := *u
		if err := s.ChangeAccount(ctx, &copied); err != nil && !errors.Is(err, session.ErrEnded) {
			return fmt.Errorf("tell session of %s about its account: %w", u.JID, err)
		}
	}
	a.probe(ctx, u.JID)
	return nil
}

// trial logs u in with a session of its own, nil without try. The session goes
// on when the network took the credentials.
func (a accounts) trial(ctx context.Context, u *store.User, try bool) (*session.Session, error) {
	if !try {
		return nil, nil
	}
	outcome := make(chan error, 1)
	copied := *u
	s, err := a.sessions.start(ctx, &copied, func(err error) { outcome <- err })
	if err != nil {
		return nil, err
	}
	select {
	case err = <-outcome:
	case <-ctx.Done():
		a.sessions.stopLater(u.JID, s)
		return nil, register.Refused("remote-server-timeout", "The network did not answer in time. Nothing was changed.")
	}
	if err == nil {
		return s, nil
	}
	a.stopSession(ctx, u.JID, s)
	return nil, refusedLogin(err)
}

// refusedLogin turns a failed trial into what the user reads.
func refusedLogin(err error) error {
	var login *session.LoginError
	if errors.As(err, &login) && login.Refused() {
		return register.Refused("not-authorized", "The network refused the login: %s", login.Text)
	}
	text := err.Error()
	if login != nil {
		text = login.Text
	}
	return register.Refused("remote-server-timeout", "The login could not be tried, nothing was changed: %s", strings.TrimSuffix(text, "."))
}

// Remove logs the user out, clears his roster and forgets him.
func (a accounts) Remove(ctx context.Context, u *store.User) error {
	err := a.sessions.with(ctx, u.JID, func(s *session.Session) error { return s.Unregister(ctx) })
	if err != nil {
		return err
	}
	return a.sessions.without(ctx, u.JID, func() error { return a.forget(ctx, u) })
}

// forget removes what is kept of a user who has no session.
func (a accounts) forget(ctx context.Context, u *store.User) error {
	token, err := a.claim(ctx, u.JID, always)
	if err != nil {
		return err
	}
	return a.store.DeleteUser(ctx, token, u.ID)
}

func (a accounts) stopSession(ctx context.Context, jid string, s *session.Session) {
	if err := s.Stop(ctx); err != nil {
		a.log.Warn("session did not stop in time", "user", jid, "err", err)
	}
	a.sessions.forget(jid, s)
}

// own is what users do with their accounts (admin.Accounts).
type own struct{ *Instance }

func (o own) Add(ctx context.Context, jid, name, password string) error {
	bare, err := bareUser(jid)
	if err != nil {
		return err
	}
	return o.registrar.Add(ctx, bare, name, password)
}

func (o own) Register(ctx context.Context, jid string, answers map[string]string) error {
	return o.registrar.Submit(ctx, jid, answers)
}

func (o own) Unregister(ctx context.Context, jid string) error {
	bare, err := bareUser(jid)
	if err != nil {
		return err
	}
	if o.side != nil {
		if err := o.side.mayForget(bare); err != nil {
			return err
		}
	}
	return o.registrar.Remove(ctx, bare)
}

// bareUser checks an administrator's word for a JID.
func bareUser(s string) (string, error) {
	j, err := xmpp.ParseJID(s)
	if err != nil || j.Localpart() == "" {
		return "", register.Refused("jid-malformed", "%q is not a user's JID, which looks like user@example.org", s)
	}
	return j.Bare().String(), nil
}

func (o own) Login(ctx context.Context, jid string) error {
	return o.sessions.with(ctx, jid, func(s *session.Session) error { return s.Login(ctx) })
}

func (o own) Logout(ctx context.Context, jid string) error {
	s := o.sessions.get(jid)
	if s == nil {
		return register.Refused("unexpected-request", "You are not logged in.")
	}
	return s.Logout(ctx, "You asked for it. Log in again by your presence or with `login`.")
}

func (o own) Describe(ctx context.Context, jid string) (string, error) {
	if s := o.sessions.get(jid); s != nil {
		return describe(s.Status()), nil
	}
	u, err := o.registrar.Registered(ctx, jid)
	if err != nil {
		return "", err
	}
	if u == nil {
		return "You are not registered with this transport.", nil
	}
	return fmt.Sprintf("You are registered as %s and not logged in.", u.Name), nil
}

func describe(st session.Status) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Your account %s is %s", st.LegacyName, st.State)
	if !st.Since.IsZero() {
		fmt.Fprintf(&b, " since %s", st.Since.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	if st.Text != "" {
		b.WriteString(": " + st.Text)
	}
	return strings.TrimSuffix(b.String(), ".") + "."
}

func (o own) Answer(ctx context.Context, jid, answer string) error {
	s := o.sessions.get(jid)
	var step *session.Step
	if s != nil {
		step = s.PendingStep()
	}
	if step == nil {
		return register.Refused("unexpected-request", "The network did not ask you anything.")
	}
	if strings.EqualFold(answer, "cancel") {
		return s.AnswerStep(ctx, step.ID, nil)
	}
	fields := map[string]string{}
	for _, f := range step.Fields {
		fields[f.Name] = f.Value
	}
	for _, f := range step.Fields {
		if f.Value == "" || len(step.Fields) == 1 {
			fields[f.Name] = answer
			break
		}
	}
	return s.AnswerStep(ctx, step.ID, fields)
}

func (o own) Setting(ctx context.Context, jid, name string) (string, error) {
	u, err := o.registrar.Registered(ctx, jid)
	if err != nil {
		return "", err
	}
	if u == nil {
		return "", register.Refused("registration-required", "You are not registered with this transport.")
	}
	if v, ok := u.Settings[name]; ok {
		return v, nil
	}
	return o.defaultSetting(name), nil
}

func (i *Instance) defaultSetting(name string) string {
	cfg := i.Config()
	on := map[string]bool{
		"enable_transport": true,
		"send_headlines":   cfg.Settings.SendHeadlines,
		"stay_connected":   cfg.Settings.StayConnected,
	}[name]
	if on {
		return "1"
	}
	return "0"
}

func (o own) SetSetting(ctx context.Context, jid, name, value string) error {
	return o.sessions.with(ctx, jid, func(s *session.Session) error { return s.SetSetting(ctx, name, value) })
}

func (o own) Network(ctx context.Context, jid, name string, args []string) (string, bool, error) {
	s := o.sessions.get(jid)
	if s == nil {
		return "", false, nil
	}
	text, err := s.Command(ctx, "", name, args)
	var refused *session.CommandError
	switch {
	case errors.Is(err, session.ErrNoCommands), errors.Is(err, session.ErrOffline), errors.Is(err, session.ErrEnded):
		return "", false, nil
	case errors.As(err, &refused):
		return "", true, register.Refused("not-acceptable", "%s", refused.Text)
	}
	return text, true, err
}
