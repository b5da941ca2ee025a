// SPDX-License-Identifier: GPL-2.0-or-later

// Package register is registration as one flow of typed steps: what a user is
// asked, what the instance's rules say about it, and what follows from the
// answers. XEP-0077, ad-hoc commands and chat lines only render the steps. It
// knows nothing of streams; accounts are tried and kept by whoever implements
// Accounts.
package register

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/store"
)

// Users is what registration needs of the store.
type Users interface {
	User(ctx context.Context, jid string) (*store.User, error)
}

// Accounts brings registrations into effect. The errors it returns may wrap a
// *Refusal, whose text the user sees.
type Accounts interface {
	// Add logs u in where try is set, and keeps him once the network accepted
	// the credentials (or at once, without try).
	Add(ctx context.Context, u *store.User, try bool) error
	// Change does the same for a user who is registered already.
	Change(ctx context.Context, u *store.User, try bool) error
	// Remove logs the user out, clears his roster and forgets him.
	Remove(ctx context.Context, u *store.User) error
}

// Refusal is why something was refused: an XMPP error condition (RFC 6120
// §8.3.3) and a sentence for the user.
type Refusal struct {
	Condition string
	Text      string
}

func (r *Refusal) Error() string { return r.Text }

// Refused makes a Refusal.
func Refused(condition, format string, args ...any) error {
	return &Refusal{Condition: condition, Text: fmt.Sprintf(format, args...)}
}

// RefusalOf is the refusal in err's chain; any other error is an internal one,
// whose details are for the log only.
func RefusalOf(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	if errors.Is(err, store.ErrUnavailable) {
		return &Refusal{"resource-constraint", "The transport's database is not available at the moment. Please try again later."}
	}
	return &Refusal{"internal-server-error", "The transport failed to do that. Its administrator finds the reason in the log."}
}

// Registrar applies one instance's rules of registration.
type Registrar struct {
	Config   func() *config.Config
	Features func() pbnetwork.Features
	Users    Users
	Accounts Accounts
	// Notify tells each JID of registration.notify_jid a line of text.
	Notify func(ctx context.Context, jid, text string)
	Log    *slog.Logger
}

// Registered returns the user's registration, nil without one.
func (r *Registrar) Registered(ctx context.Context, jid string) (*store.User, error) {
	u, err := r.Users.User(ctx, jid)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up registration of %s: %w", jid, err)
	}
	return u, nil
}

// Allowed says whether jid may use and register this transport, as a Refusal
// if not. Administrators always may.
func (r *Registrar) Allowed(jid string) error {
	cfg := r.Config()
	for _, admin := range cfg.Service.AdminJID {
		if admin == jid {
			return nil
		}
	}
	if cfg.Registration.RequireLocalAccount {
		return Refused("not-allowed", "Registration asks for a local XMPP account here, which this version of the transport cannot check.")
	}
	if cfg.Registration.EnablePublicRegistration {
		return nil
	}
	domain := jid[strings.LastIndexByte(jid, '@')+1:]
	for _, s := range cfg.Service.AllowedServers {
		if strings.EqualFold(s, domain) {
			return nil
		}
	}
	return Refused("forbidden", "Registration with this transport is open to users of certain servers only, and %s is not one of them.", domain)
}

// Submit takes the form's answers: it registers jid, or changes what is
// registered. The credentials are tried first unless the network has none.
func (r *Registrar) Submit(ctx context.Context, jid string, answers map[string]string) error {
	if err := r.Allowed(jid); err != nil {
		return err
	}
	old, err := r.Registered(ctx, jid)
	if err != nil {
		return err
	}
	u, err := r.user(jid, old, answers, r.Features().NeedPassword)
	if err != nil {
		return err
	}
	if cfg := r.Config(); cfg.Service.VIPOnly && !u.VIP {
		return Refused("forbidden", "%s", vipMessage(cfg))
	}
	try := r.Features().NeedPassword
	if old != nil {
		if err := r.Accounts.Change(ctx, u, try); err != nil {
			return fmt.Errorf("change registration of %s: %w", jid, err)
		}
		r.Log.Info("registration changed", "user", jid)
		return nil
	}
	return r.add(ctx, u, try)
}

// Add registers jid on an administrator's word: the rules about servers do not
// apply and nothing is tried.
func (r *Registrar) Add(ctx context.Context, jid, name, password string) error {
	old, err := r.Registered(ctx, jid)
	if err != nil {
		return err
	}
	if old != nil {
		return Refused("conflict", "User is already registered")
	}
	u, err := r.user(jid, nil, map[string]string{FieldUsername: name, FieldPassword: password}, false)
	if err != nil {
		return err
	}
	return r.add(ctx, u, false)
}

func (r *Registrar) add(ctx context.Context, u *store.User, try bool) error {
	if err := r.Accounts.Add(ctx, u, try); err != nil {
		return fmt.Errorf("register %s: %w", u.JID, err)
	}
	r.Log.Info("registered", "user", u.JID, "legacy_name", u.Name)
	r.notify(ctx, "registered: "+u.JID)
	return nil
}

// Remove unregisters jid; a Refusal if it is not registered.
func (r *Registrar) Remove(ctx context.Context, jid string) error {
	u, err := r.Registered(ctx, jid)
	if err != nil {
		return err
	}
	if u == nil {
		return Refused("registration-required", "You are not registered with this transport.")
	}
	if err := r.Accounts.Remove(ctx, u); err != nil {
		return fmt.Errorf("unregister %s: %w", jid, err)
	}
	r.Log.Info("unregistered", "user", jid)
	r.notify(ctx, "unregistered: "+jid)
	return nil
}

func (r *Registrar) notify(ctx context.Context, text string) {
	for _, jid := range r.Config().Registration.NotifyJID {
		r.Notify(ctx, jid, text)
	}
}

// user checks the answers and makes the record that would be kept.
func (r *Registrar) user(jid string, old *store.User, answers map[string]string, needPassword bool) (*store.User, error) {
	cfg := r.Config()
	name := strings.TrimSpace(answers[FieldUsername])
	password := answers[FieldPassword]
	if name == "" && old != nil {
		name = old.Name
	} else {
		if name == "" {
			return nil, Refused("not-acceptable", "%s is missing.", strings.TrimSuffix(cfg.Registration.UsernameLabel, ":"))
		}
		if mask := cfg.Registration.UsernameMask; mask != "" {
			name = strings.ReplaceAll(mask, "$username", name)
		}
	}
	if err := allowedName(cfg, name); err != nil {
		return nil, err
	}
	if password == "" && needPassword {
		return nil, Refused("not-acceptable", "%s is missing.", strings.TrimSuffix(cfg.Registration.PasswordLabel, ":"))
	}
	if strings.ContainsAny(name+password, "\x00\r\n") {
		return nil, Refused("not-acceptable", "User name and password must be one line each.")
	}
	u := &store.User{JID: jid, Language: cfg.Registration.Language, Encoding: cfg.Registration.Encoding}
	if old != nil {
		copied := *old
		u = &copied
	}
	u.Name, u.Password = name, password
	for _, f := range []*string{&u.Language, &u.Encoding} {
		*f = strings.TrimSpace(*f)
	}
	if l := answers[FieldLanguage]; l != "" {
		u.Language = l
	}
	return u, nil
}

// LogIn is the record of a user who logs in instead of registering (server
// mode): what is kept about him, if anything is, with the name and password that
// he gave. The instance's rules about names and VIPs hold, as a Refusal.
func (r *Registrar) LogIn(ctx context.Context, jid, name, password string) (*store.User, error) {
	cfg := r.Config()
	old, err := r.Registered(ctx, jid)
	if err != nil {
		if cfg.Service.VIPOnly {
			return nil, err
		}
		r.Log.Warn("user logs in without what is kept of him", "user", jid, "err", err)
	}
	u, err := r.user(jid, old, map[string]string{FieldUsername: name, FieldPassword: password}, r.Features().NeedPassword)
	if err != nil {
		return nil, err
	}
	if cfg.Service.VIPOnly && !u.VIP {
		return nil, Refused("forbidden", "%s", vipMessage(cfg))
	}
	return u, nil
}

// vipMessage is what a user hears who is not one of the chosen.
func vipMessage(cfg *config.Config) string {
	if cfg.Service.VIPMessage != "" {
		return cfg.Service.VIPMessage
	}
	return "This transport is for certain users only."
}

func allowedName(cfg *config.Config, name string) error {
	pattern := cfg.Registration.AllowedUsernames
	if pattern == "" {
		return nil
	}
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	if err != nil {
		return fmt.Errorf("registration.allowed_usernames: %w", err)
	}
	if !re.MatchString(name) {
		return Refused("not-acceptable", "The user name %q is not allowed here.", name)
	}
	return nil
}

// Auto registers jid without being asked, on a network that needs nothing
// from the user; the instance's rules have been looked at.
func (r *Registrar) Auto(ctx context.Context, jid, name string) error {
	u, err := r.user(jid, nil, map[string]string{FieldUsername: name}, false)
	if err != nil {
		return err
	}
	return r.add(ctx, u, false)
}
