// SPDX-License-Identifier: GPL-2.0-or-later

package register_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/register"
	"spectrum.im/spectrum2/daemon/store"
)

// network keeps accounts in a map and knows one password.
type network struct {
	users    map[string]*store.User
	password string
	tried    int
	away     bool
}

func (n *network) User(_ context.Context, jid string) (*store.User, error) {
	if n.away {
		return nil, fmt.Errorf("read users: %w", store.ErrUnavailable)
	}
	if u := n.users[jid]; u != nil {
		return u, nil
	}
	return nil, store.ErrNotFound
}

func (n *network) Add(_ context.Context, u *store.User, try bool) error {
	if try {
		n.tried++
		if u.Password != n.password {
			return register.Refused("not-authorized", "Wrong password.")
		}
	}
	n.users[u.JID] = u
	return nil
}

func (n *network) Change(ctx context.Context, u *store.User, try bool) error {
	return n.Add(ctx, u, try)
}

func (n *network) Remove(_ context.Context, u *store.User) error {
	delete(n.users, u.JID)
	return nil
}

type setup struct {
	*register.Registrar
	net  *network
	cfg  *config.Config
	told []string
}

func newSetup() *setup {
	s := &setup{net: &network{users: map[string]*store.User{}, password: "right"}, cfg: new(config.Config)}
	s.cfg.Registration.EnablePublicRegistration = true
	s.cfg.Registration.UsernameLabel = "Name:"
	s.cfg.Registration.PasswordLabel = "Password:"
	s.Registrar = &register.Registrar{
		Config:   func() *config.Config { return s.cfg },
		Features: pbnetwork.DefaultFeatures,
		Users:    s.net, Accounts: s.net,
		Notify: func(_ context.Context, jid, text string) { s.told = append(s.told, jid+" "+text) },
		Log:    slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	return s
}

func answers(name, password string) map[string]string {
	return map[string]string{register.FieldUsername: name, register.FieldPassword: password}
}

func TestCredentialsAreTriedBeforeTheyAreKept(t *testing.T) {
	s := newSetup()
	err := s.Submit(t.Context(), "u@x", answers("n", "wrong"))
	if r := register.RefusalOf(err); err == nil || r.Condition != "not-authorized" {
		t.Fatalf("a wrong password: %v", err)
	}
	if len(s.net.users) != 0 {
		t.Fatal("a wrong password was kept")
	}
	if err := s.Submit(t.Context(), "u@x", answers("n", "right")); err != nil {
		t.Fatal(err)
	}
	if u := s.net.users["u@x"]; u == nil || u.Name != "n" || u.Password != "right" {
		t.Errorf("kept %+v", u)
	}
}

func TestNetworkWithoutPasswordsIsNotTried(t *testing.T) {
	s := newSetup()
	s.Registrar.Features = func() pbnetwork.Features { return pbnetwork.Features{NeedRegistration: true} }
	if err := s.Submit(t.Context(), "u@x", answers("n", "")); err != nil || s.net.tried != 0 {
		t.Errorf("err %v, tried %d times", err, s.net.tried)
	}
}

func TestChangedPasswordKeepsNameAndID(t *testing.T) {
	s := newSetup()
	s.net.users["u@x"] = &store.User{ID: 7, JID: "u@x", Name: "n", Password: "old"}
	if err := s.Submit(t.Context(), "u@x", answers("", "right")); err != nil {
		t.Fatal(err)
	}
	if u := s.net.users["u@x"]; u.ID != 7 || u.Name != "n" || u.Password != "right" {
		t.Errorf("kept %+v", u)
	}
	if len(s.told) != 0 {
		t.Errorf("a changed password was announced: %v", s.told)
	}
}

func TestRulesOfTheConfiguration(t *testing.T) {
	tests := []struct {
		name      string
		set       func(*config.Config)
		jid       string
		answers   map[string]string
		condition string
	}{
		{"closed to the public", func(c *config.Config) { c.Registration.EnablePublicRegistration = false }, "u@x", answers("n", "right"), "forbidden"},
		{"closed, but this server may", func(c *config.Config) {
			c.Registration.EnablePublicRegistration = false
			c.Service.AllowedServers = []string{"X"}
		}, "u@x", answers("n", "right"), ""},
		{"closed, but an administrator may", func(c *config.Config) {
			c.Registration.EnablePublicRegistration = false
			c.Service.AdminJID = []string{"u@x"}
		}, "u@x", answers("n", "right"), ""},
		{"names by expression", func(c *config.Config) { c.Registration.AllowedUsernames = "[0-9]+" }, "u@x", answers("12a", "right"), "not-acceptable"},
		{"the whole name has to match", func(c *config.Config) { c.Registration.AllowedUsernames = "a|b" }, "u@x", answers("ab", "right"), "not-acceptable"},
		{"the masked name is what counts", func(c *config.Config) {
			c.Registration.UsernameMask = "$username@corp"
			c.Registration.AllowedUsernames = ".*@corp"
		}, "u@x", answers("n", "right"), ""},
		{"VIPs only", func(c *config.Config) { c.Service.VIPOnly = true }, "u@x", answers("n", "right"), "forbidden"},
		{"local accounts only", func(c *config.Config) { c.Registration.RequireLocalAccount = true }, "u@x", answers("n", "right"), "not-allowed"},
		{"no name", func(*config.Config) {}, "u@x", answers(" ", "right"), "not-acceptable"},
		{"no password", func(*config.Config) {}, "u@x", answers("n", ""), "not-acceptable"},
		{"two lines", func(*config.Config) {}, "u@x", answers("n\r\nQUIT", "right"), "not-acceptable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSetup()
			tt.set(s.cfg)
			err := s.Submit(t.Context(), tt.jid, tt.answers)
			if tt.condition == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || register.RefusalOf(err).Condition != tt.condition {
				t.Errorf("got %v, want %s", err, tt.condition)
			}
			if len(s.net.users) != 0 {
				t.Error("registered all the same")
			}
		})
	}
}

func TestRegisteredAndUnregisteredAreAnnounced(t *testing.T) {
	s := newSetup()
	s.cfg.Registration.NotifyJID = []string{"boss@x", "log@x"}
	if err := s.Submit(t.Context(), "u@x", answers("n", "right")); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(t.Context(), "u@x"); err != nil {
		t.Fatal(err)
	}
	want := []string{"boss@x registered: u@x", "log@x registered: u@x", "boss@x unregistered: u@x", "log@x unregistered: u@x"}
	if !slices.Equal(s.told, want) {
		t.Errorf("told %q", s.told)
	}
	if err := s.Remove(t.Context(), "u@x"); register.RefusalOf(err).Condition != "registration-required" {
		t.Errorf("unregistered twice: %v", err)
	}
}

func TestDatabaseAwayIsSaidPlainly(t *testing.T) {
	s := newSetup()
	s.net.away = true
	err := s.Submit(t.Context(), "u@x", answers("n", "right"))
	if r := register.RefusalOf(err); r.Condition != "resource-constraint" || !strings.Contains(r.Text, "database") {
		t.Errorf("got %v", err)
	}
}

func TestFormShowsNoSecret(t *testing.T) {
	s := newSetup()
	step := s.First(&store.User{Name: "n", Password: "hunter2"})
	if len(step.Fields) != 2 || step.Fields[0].Value != "n" {
		t.Errorf("fields %+v", step.Fields)
	}
	if strings.Contains(fmt.Sprintf("%+v", step), "hunter2") {
		t.Error("the form carries the password")
	}
}

func TestOtherErrorsStayInside(t *testing.T) {
	if r := register.RefusalOf(errors.New("secret detail")); strings.Contains(r.Text, "secret") {
		t.Errorf("the user would read %q", r.Text)
	}
}
