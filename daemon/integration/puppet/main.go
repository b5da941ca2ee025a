// SPDX-License-Identifier: GPL-2.0-or-later

// Command puppet is a backend for tests: a network whose users can write to
// each other, and where a message to "director" says what the sender's contacts
// do: "alias NAME ALIAS", "picture NAME HASH", "status NAME away". The director
// reads it back, so that its effect is known to be under way.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

const director = "director"

func main() {
	os.Exit(backend.Main(func(backend.Options) (backend.Network, error) {
		return &network{byName: map[string]*session{}}, nil
	}))
}

// network knows its users by their legacy names.
type network struct {
	mu     sync.Mutex
	byName map[string]*session
}

func (n *network) Describe() backend.Description {
	return backend.Description{
		Program: "puppet", Version: "1",
		Features: pbnetwork.Features{NeedPassword: true, NeedRegistration: true},
	}
}

func (n *network) NewSession(u *backend.User, login backend.Login) backend.Session {
	return &session{network: n, user: u, name: login.LegacyName, contacts: map[string]backend.Contact{}}
}

func (n *network) find(name string) *session {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.byName[name]
}

// session is one user.
type session struct {
	network *network
	user    *backend.User
	name    string

	contacts map[string]backend.Contact // as the director had them
	said     int
}

var _ backend.ContactSession = (*session)(nil)

func (s *session) Run(ctx context.Context) error {
	s.user.Connected(s.name, pbnetwork.Confirmation_CONFIRMATION_AUTHENTICATED)
	s.network.mu.Lock()
	s.network.byName[s.name] = s
	s.network.mu.Unlock()
	<-ctx.Done()
	s.network.mu.Lock()
	defer s.network.mu.Unlock()
	if s.network.byName[s.name] == s {
		delete(s.network.byName, s.name)
	}
	return nil
}

// Message goes to the other user, or is an order.
func (s *session) Message(_ context.Context, m *backend.Message) {
	s.said++
	id := s.name + strconv.Itoa(s.said)
	if m.To == director {
		if err := s.direct(strings.Fields(m.Text)); err != nil {
			m.Refused("bad-request", err.Error())
			return
		}
		m.Delivered(id)
		s.user.Message(backend.Incoming{From: director, Text: m.Text, RemoteID: id})
		return
	}
	other := s.network.find(m.To)
	if other == nil {
		m.Refused("item-not-found", fmt.Sprintf("Nobody called %q is here.", m.To))
		return
	}
	m.Delivered(id)
	other.user.Message(backend.Incoming{From: s.name, Text: m.Text, RemoteID: id})
}

func (s *session) direct(words []string) error {
	if len(words) != 3 {
		return fmt.Errorf("an order has three words, not %d", len(words))
	}
	c, there := s.contacts[words[1]]
	if !there {
		c = backend.Contact{Name: words[1], Status: backend.Status{Type: pbnetwork.StatusType_STATUS_ONLINE}}
	}
	switch words[0] {
	case "alias":
		c.Alias = words[2]
	case "picture":
		c.IconHash = words[2]
	case "status":
		c.Status.Text = words[2]
	default:
		return fmt.Errorf("the director knows no %q", words[0])
	}
	s.contacts[c.Name] = c
	s.user.Contact(c)
	return nil
}

// UpdateContact: everybody may add everybody.
func (s *session) UpdateContact(_ context.Context, c backend.Contact) error {
	s.contacts[c.Name] = c
	s.user.Contact(c)
	return nil
}

func (s *session) RemoveContact(_ context.Context, name string) error {
	delete(s.contacts, name)
	s.user.ContactRemoved(name)
	return nil
}
