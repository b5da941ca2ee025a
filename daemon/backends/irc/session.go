// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// session is one user. With one network it has one link for as long as it
// lives; with many, a link for each network that the user is in a room of.
type session struct {
	user    User
	network *Network
	login   backend.Login
	// invalid is why the session cannot begin at all.
	invalid error
	// begin takes new links to Run, which has the context they live in.
	begin chan *link

	mu    sync.Mutex
	links map[string]*link
	// contacts are the legacy names to watch, by network and nick.
	contacts map[string]map[string]string
	status   backend.Status
	// home is the network that the session is one with, nil where there are
	// many alike; with one network it is the only link.
	home *link
}

func (n *Network) newSession(u User, login backend.Login) *session {
	s := &session{
		user: u, network: n, login: login, status: login.Status, begin: make(chan *link),
		links: map[string]*link{}, contacts: map[string]map[string]string{},
	}
	if n.addr.single {
		s.invalid = s.single()
	} else if strings.Contains(login.LegacyName, "@") {
		s.invalid = s.goHome()
	}
	return s
}

// goHome makes the link with the network that the user's name carries
// ("nick@irc.example.org", as in server mode): the session lasts as long as it,
// and his password is for that network.
func (s *session) goHome() error {
	nick, network := s.network.addr.split(s.login.LegacyName)
	settings, err := networkSettings(s.network.config, []string{network})
	if err == nil {
		err = s.network.allowed(network)
	}
	if err == nil && validNick(nick) == "" {
		err = fmt.Errorf("%q is no IRC nick", nick)
	}
	if err != nil {
		return &backend.Error{Code: pbnetwork.ConnectionError_CONNECTION_ERROR_INVALID_USERNAME, Text: "That name leads to no IRC network: " + err.Error(), Err: err}
	}
	l := newLink(s.user, identity{nick: nick, account: nick, password: s.login.Password}, settings, s.network)
	l.open = s.network.dialerFor(network)
	l.network, l.contact, l.status = network, network, s.status
	s.links[network], s.home = l, l
	return nil
}

// single makes the only link.
func (s *session) single() error {
	settings, err := networkSettings(s.network.config, s.network.config.Service.IRCServer)
	if err != nil {
		return &backend.Error{Code: pbnetwork.ConnectionError_CONNECTION_ERROR_INVALID_SETTINGS, Text: "The transport's IRC server is not configured correctly", Err: err}
	}
	nick := validNick(s.login.LegacyName)
	if nick == "" {
		return &backend.Error{Code: pbnetwork.ConnectionError_CONNECTION_ERROR_INVALID_USERNAME, Text: "The registered name is no IRC nick"}
	}
	l := newLink(s.user, identity{nick: nick, account: nick, password: s.login.Password}, settings, s.network)
	l.contact = settings.endpoints[0].host
	l.status = s.status
	s.links[""] = l
	return nil
}

// Run keeps the user on the network, or, with many, waits for him to join
// rooms.
func (s *session) Run(ctx context.Context) error {
	if s.invalid != nil {
		return s.invalid
	}
	if s.network.addr.single {
		return s.links[""].run(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	ended := make(chan error, 1)
	if s.home != nil {
		running.Add(1)
		s.user.Go(func() {
			defer running.Done()
			ended <- s.home.run(ctx)
		})
	} else {
		s.user.Connected(s.login.LegacyName, pbnetwork.Confirmation_CONFIRMATION_ADMITTED)
	}
	for {
		select {
		case err := <-ended:
			return err
		case l := <-s.begin:
			running.Add(1)
			s.user.Go(func() {
				defer running.Done()
				defer s.forget(l)
				_ = l.run(ctx) // a link of many tells its end itself
			})
		case <-ctx.Done():
			return nil
		}
	}
}

// forget lets the next join of the network begin a new link.
func (s *session) forget(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.links[l.network] == l {
		delete(s.links, l.network)
	}
}

// stays reports whether the user wants to stay on networks whose rooms he has
// all left.
func (s *session) stays() bool { return truth(s.login.Settings["stay_connected"]) }

// linkOf is the link with a network, nil where there is none.
func (s *session) linkOf(network string) *link {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.links[network]
}

// all are the links there are.
func (s *session) all() []*link {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*link, 0, len(s.links))
	for _, l := range s.links {
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b *link) int { return strings.Compare(a.network, b.network) })
	return out
}

// ensure is the link with a network, made if there is none.
func (s *session) ensure(ctx context.Context, network, nick string) (*link, error) {
	l, made, err := s.findOrMake(network, nick)
	if err != nil || !made {
		return l, err
	}
	select {
	case s.begin <- l:
		return l, nil
	case <-ctx.Done():
		s.forget(l)
		return nil, ctx.Err()
	}
}

func (s *session) findOrMake(network, nick string) (l *link, made bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.links[network]; l != nil {
		return l, false, nil
	}
	settings, err := networkSettings(s.network.config, []string{network})
	if err != nil {
		return nil, false, err
	}
	if err := s.network.allowed(network); err != nil {
		return nil, false, err
	}
	if nick = validNick(nick); nick == "" {
		return nil, false, errors.New("that is no IRC nick")
	}
	l = newLink(s.user, identity{nick: nick}, settings, s.network)
	l.log, l.open = l.log.With("network", network), s.network.dialerFor(network)
	l.network, l.contact, l.transient, l.status = network, network, !s.stays(), s.status
	l.many = true
	for nick, legacy := range s.contacts[network] {
		l.watchContact(legacy, nick)
	}
	s.links[network] = l
	return l, true, nil
}

// JoinRoom joins a channel, and connects to its network first where there are
// many.
func (s *session) JoinRoom(ctx context.Context, legacy, nick, password string) error {
	target, network := s.network.addr.split(legacy)
	if target == "" {
		s.user.JoinFailed(legacy, nick, "item-not-found", "Rooms are called #channel@irc.server.name here")
		return nil
	}
	if nick == "" {
		nick, _, _ = strings.Cut(s.login.LegacyName, "@")
	}
	for {
		l, err := s.ensure(ctx, network, nick)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			s.user.JoinFailed(legacy, nick, "item-not-found", err.Error())
			return nil
		}
		err = l.post(ctx, func(l *link) { l.join(legacy, target, nick, password) })
		if !errors.Is(err, errEnded) || s.network.addr.single {
			return nil
		}
		s.forget(l) // it ended just now: begin another
	}
}

// LeaveRoom leaves a channel.
func (s *session) LeaveRoom(ctx context.Context, legacy string) error {
	return s.inRoom(ctx, legacy, func(l *link, name string) { l.leaveRoom(name) })
}

// SetSubject sets a channel's topic.
func (s *session) SetSubject(ctx context.Context, legacy, subject string) error {
	return s.inRoom(ctx, legacy, func(l *link, name string) { l.setTopic(name, subject) })
}

// ChangeNick changes the user's nick, which on IRC is one for all rooms of a
// network.
func (s *session) ChangeNick(ctx context.Context, legacy, nick string) error {
	return s.inRoom(ctx, legacy, func(l *link, _ string) { l.changeNick(nick, legacy) })
}

// inRoom carries f out in the link of a room; without one there is nothing to
// do.
func (s *session) inRoom(ctx context.Context, legacy string, f func(l *link, name string)) error {
	target, network := s.network.addr.split(legacy)
	l := s.linkOf(network)
	if l == nil {
		return nil
	}
	err := l.post(ctx, func(l *link) { f(l, target) })
	if errors.Is(err, errEnded) || ctx.Err() != nil {
		return nil
	}
	return err
}

// SetStatus is AWAY on all networks.
func (s *session) SetStatus(ctx context.Context, status backend.Status) error {
	s.mu.Lock()
	s.status = status
	s.mu.Unlock()
	for _, l := range s.all() {
		if err := l.post(ctx, func(l *link) { l.setStatus(status) }); err != nil && !errors.Is(err, errEnded) {
			return fmt.Errorf("set status: %w", err)
		}
	}
	return nil
}
