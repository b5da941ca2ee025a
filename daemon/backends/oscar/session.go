// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
)

// session is one user. Run's goroutine reads his connection with BOS; what he
// does comes in a second one, and waits for online. What both touch is below
// mu, which is never held while anything is waited for.
type session struct {
	user    User
	log     *slog.Logger
	network *Network
	// given is what he logs in with; name is his name in its normal form.
	given   backend.Login
	name    string
	invalid error
	// moves counts how often a server sent the user to another one; Run's.
	moves int
	// ready is closed when BOS is ready for what the user does, over when the
	// session ends.
	ready, over chan struct{}
	limit       notices
	// told: the contact list has been told, so that contacts may be.
	told atomic.Bool
	// edits is held by who changes the feedbag.
	edits chan struct{}

	mu       sync.Mutex
	bos      *link
	links    map[*link]struct{}
	ended    bool
	status   backend.Status
	contacts contacts
	bag      feedbag
	messages messages

	icons icons
	info  info
	chats chats
}

func (n *Network) newSession(u User, login backend.Login) *session {
	s := &session{
		user: u, log: u.Log(), network: n, given: login, status: login.Status,
		ready: make(chan struct{}), over: make(chan struct{}), edits: make(chan struct{}, 1),
	}
	s.name, s.invalid = n.nameOf(login.LegacyName)
	return s
}

// icq reports whether the user is on ICQ: his name is a number.
func (s *session) icq() bool { return isUIN(s.name) }

// online waits until the session is ready for what the user does, and gives
// its connection with BOS.
func (s *session) online(ctx context.Context) (*link, error) {
	select {
	case <-s.ready:
	case <-s.over:
		return nil, errEnded
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bos, nil
}

// adopt makes l end with the session; false where that has ended.
func (s *session) adopt(l *link) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	if s.links == nil {
		s.links = make(map[*link]struct{})
	}
	s.links[l] = struct{}{}
	return true
}

// disown forgets a link that has ended.
func (s *session) disown(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.links, l)
}

// end ends whatever the session has begun.
func (s *session) end() {
	s.mu.Lock()
	s.ended = true
	links := s.links
	s.links = nil
	s.mu.Unlock()
	close(s.over)
	for l := range links {
		l.fail(errEnded)
	}
}

// Run logs in and keeps the user on the network.
func (s *session) Run(ctx context.Context) error {
	if s.invalid != nil {
		return s.invalid
	}
	defer s.end()
	l, err := s.logIn(ctx)
	if err != nil {
		return outcome(ctx, err)
	}
	l, err = s.stay(ctx, l)
	s.messages.giveUp()
	err = outcome(ctx, s.farewell(l, err))
	l.part()
	return err
}

// begin sets the session up and opens it to what the user does.
func (s *session) begin(ctx context.Context, l *link) error {
	if err := s.setUp(ctx, l); err != nil {
		return err
	}
	s.mu.Lock()
	s.bos = l
	s.mu.Unlock()
	if err := s.greetUser(l); err != nil {
		return err
	}
	close(s.ready)
	return nil
}

// stay sets the session up and reads until its connection ends; where the
// server sends the user to another one, it goes on there. It returns the last
// link.
func (s *session) stay(ctx context.Context, l *link) (*link, error) {
	err := s.begin(ctx, l)
	for err == nil {
		if err = s.read(ctx, l); errors.Is(err, errMoved) {
			l, err = s.move(ctx, l)
		}
	}
	return l, err
}

// read reads until the connection ends or the server sends the user away.
func (s *session) read(ctx context.Context, l *link) error {
	defer l.watch(ctx)()
	for {
		if err := l.step(ctx); err != nil {
			return err
		}
		if l.moved != nil {
			return errMoved
		}
		s.messages.sweep(time.Now())
	}
}

// serviceHandlers are those of OService.
func serviceHandlers() table {
	return table{
		{wire.OService, wire.OServiceRateParamChange}:  (*session).rateChanged,
		{wire.OService, wire.OServiceMigrateGroups}:    (*session).migrate,
		{wire.OService, wire.OServicePauseReq}:         (*session).paused,
		{wire.OService, wire.OServiceResume}:           (*session).resumed,
		{wire.OService, wire.OServiceEvilNotification}: (*session).warned,
	}
}
