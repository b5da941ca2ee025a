// SPDX-License-Identifier: GPL-2.0-or-later

package backend_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/backend/backendtest"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

const (
	romeo  = "romeo@xmpp.example"
	juliet = "juliet@xmpp.example"
)

// fake is a network whose sessions do what a test says. What happens is noted
// in order.
type fake struct {
	// run is Session.Run after CONNECTED; nil waits for the logout.
	run func(ctx context.Context, s *session) error
	// message is Session.Message; nil delivers.
	message func(s *session, m *backend.Message)
	// login replaces the whole session's life, CONNECTED included.
	login func(ctx context.Context, s *session) error
	// create may panic.
	create func(l backend.Login)

	mu    sync.Mutex
	notes []string
}

func (n *fake) Describe() backend.Description {
	return backend.Description{Program: "fake", Version: "1", Features: pbnetwork.Features{MUC: true}}
}

func (n *fake) NewSession(u *backend.User, l backend.Login) backend.Session {
	n.note("new " + l.LegacyName)
	if n.create != nil {
		n.create(l)
	}
	return &session{network: n, User: u, name: l.LegacyName}
}

func (n *fake) note(what string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.notes = append(n.notes, what)
}

// noted are the notes so far.
func (n *fake) noted() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.notes)
}

// wantNotes compares the notes with what was expected.
func (n *fake) wantNotes(t *testing.T, want ...string) {
	t.Helper()
	if got := n.noted(); !slices.Equal(got, want) {
		t.Errorf("what happened:\n %q\nwant\n %q", got, want)
	}
}

type session struct {
	*backend.User
	network *fake
	name    string
}

func (s *session) Run(ctx context.Context) error {
	if s.network.login != nil {
		return s.network.login(ctx, s)
	}
	s.Connected(s.name, pbnetwork.Confirmation_CONFIRMATION_AUTHENTICATED)
	if s.network.run != nil {
		return s.network.run(ctx, s)
	}
	<-ctx.Done()
	return nil
}

func (s *session) Message(_ context.Context, m *backend.Message) {
	if s.network.message != nil {
		s.network.message(s, m)
		return
	}
	s.network.note(fmt.Sprintf("message %s %s %s", m.To, m.Occupant, m.Text))
	m.Delivered("remote-" + m.Text)
}

func (s *session) JoinRoom(_ context.Context, room, nick, password string) error {
	s.network.note(fmt.Sprintf("join %s %s %s", room, nick, password))
	s.Participant(backend.Participant{Room: room, Nickname: nick, Me: true, Role: pbnetwork.Role_ROLE_MODERATOR})
	return nil
}

func (s *session) LeaveRoom(_ context.Context, room string) error {
	s.network.note("leave " + room)
	return nil
}

func (s *session) SetSubject(_ context.Context, room, subject string) error {
	return fmt.Errorf("the subject of %s is fixed", room)
}

func (s *session) ChangeNick(_ context.Context, room, nick string) error {
	s.network.note(fmt.Sprintf("nick %s %s", room, nick))
	s.RoomNick(room, nick)
	return nil
}

// each runs f in version 1 and in the extension, in a bubble of its own with a
// fake clock. The log is what the backend wrote.
func each(t *testing.T, n func() *fake, f func(t *testing.T, m *backendtest.Main, n *fake, log *logged)) {
	t.Helper()
	for level := range 2 {
		t.Run(fmt.Sprintf("level %d", level), func(t *testing.T) {
			at(t, level, n(), f)
		})
	}
}

func at(t *testing.T, level int, n *fake, f func(t *testing.T, m *backendtest.Main, n *fake, log *logged)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := new(logged)
		f(t, backendtest.Start(t, n, backendtest.Options{Level: level, Log: log, Timeout: 2 * time.Minute}), n, log)
	})
}

// logged keeps a log.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func plain() *fake { return new(fake) }
