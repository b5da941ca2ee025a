// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// The contact list as the user edits it.
var _ backend.ContactSession = (*session)(nil)

// maxAlias and maxGroup are as much of a name as all servers take.
const (
	maxAlias = 200
	maxGroup = 100
)

// UpdateContact adds somebody to the list, or changes what it says about him.
func (s *session) UpdateContact(ctx context.Context, c backend.Contact) error {
	name := normal(c.Name)
	switch {
	case !validName(name, anyNetwork):
		return fmt.Errorf("%q is no name on this network", c.Name)
	case name == s.name:
		return errors.New("you cannot be on your own contact list")
	}
	l, err := s.online(ctx)
	if err != nil {
		return err
	}
	done, err := s.editing(ctx)
	if err != nil {
		return err
	}
	defer done()
	s.mu.Lock()
	known, blocked := s.bag.has(name), s.bag.blocked(name)
	s.mu.Unlock()
	if c.Blocked != blocked {
		if err := s.block(ctx, l, name, c.Blocked); err != nil || !known && c.Blocked {
			return err
		}
	}
	if !known {
		return s.add(ctx, l, name, c)
	}
	if err := s.alter(ctx, l, name, c); err != nil {
		return err
	}
	return s.askAgain(l, name, c)
}

// alter changes the alias and groups of somebody on the list.
func (s *session) alter(ctx context.Context, l *link, name string, c backend.Contact) error {
	return s.change(ctx, l, func(e *edit) {
		if c.Alias != "" || c.Exact {
			e.rename(name, aliasOf(name, c.Alias))
		}
		if groups := groupsOf(c.Groups); len(groups) > 0 {
			e.regroup(name, groups)
		}
	})
}

// aliasOf is the alias as it is stored: one that is only the name is none.
func aliasOf(name, alias string) string {
	if alias == name {
		return ""
	}
	return cut(alias, maxAlias)
}

func groupsOf(groups []string) []string {
	var all []string
	for _, g := range groups {
		if g = cut(g, maxGroup); g != "" && !slices.Contains(all, g) {
			all = append(all, g)
		}
	}
	return all
}

// add puts somebody on the list, and asks him where the network wants that.
func (s *session) add(ctx context.Context, l *link, name string, c backend.Contact) error {
	var attrs []byte
	if alias := aliasOf(name, c.Alias); alias != "" {
		attrs = appendTLV(attrs, wire.FeedbagAttributesAlias, []byte(alias))
	}
	plan := func(e *edit) {
		for _, g := range groupsOf(c.Groups) {
			e.addBuddy(e.group(g), name, attrs)
		}
		if !e.bag.has(name) {
			e.addBuddy(e.defaultGroup(), name, attrs)
		}
	}
	err := s.change(ctx, l, plan)
	if needsAuth(err) {
		attrs = appendTLV(attrs, wire.FeedbagAttributesPending, nil)
		if err = s.change(ctx, l, plan); err == nil {
			err = s.askAuth(l, name, c.AuthText)
		}
	}
	if err != nil {
		return fmt.Errorf("%s was not added: %w", c.Name, err)
	}
	s.mu.Lock()
	shown := s.shownLocked(name, s.contacts[name])
	s.mu.Unlock()
	s.show(shown)
	return nil
}

// needsAuth reports whether an edit was refused because the contact has to be
// asked first.
func needsAuth(err error) bool {
	var e *bagError
	return errors.As(err, &e) && e.code == bagAuthRequired
}

// askAgain answers the wish to see somebody who is on the list.
func (s *session) askAgain(l *link, name string, c backend.Contact) error {
	if c.Auth != pbnetwork.Authorization_AUTHORIZATION_ASKED {
		return nil
	}
	s.mu.Lock()
	shown := s.shownLocked(name, s.contacts[name])
	s.mu.Unlock()
	if shown.Auth == pbnetwork.Authorization_AUTHORIZATION_ASKED {
		if err := s.askAuth(l, name, c.AuthText); err != nil {
			return err
		}
	}
	s.show(shown)
	return nil
}

// RemoveContact takes somebody off the list.
func (s *session) RemoveContact(ctx context.Context, name string) error {
	name = normal(name)
	l, err := s.online(ctx)
	if err != nil {
		return err
	}
	done, err := s.editing(ctx)
	if err != nil {
		return err
	}
	defer done()
	err = s.change(ctx, l, func(e *edit) {
		for _, it := range slices.Clone(e.bag.buddies[name]) {
			e.removeBuddy(it)
		}
	})
	if err != nil {
		return fmt.Errorf("%s was not removed: %w", name, err)
	}
	s.mu.Lock()
	delete(s.contacts, name)
	s.mu.Unlock()
	return nil
}
