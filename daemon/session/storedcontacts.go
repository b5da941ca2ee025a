// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"

	"spectrum.im/spectrum2/daemon/roster"
	"spectrum.im/spectrum2/daemon/store"
)

// loadContacts reads the stored list. Without it a session still works: what
// the network says is then told as new.
func (s *Session) loadContacts(ctx context.Context) {
	if !s.kept() {
		return
	}
	for _, row := range s.readContacts(ctx, s.account.user.ID) {
		s.loadContact(row)
	}
}

// readContacts is empty where the store cannot be read.
func (s *Session) readContacts(ctx context.Context, id int64) (rows []store.Contact) {
	_ = s.read(ctx, "contacts", func(ctx context.Context) (err error) {
		rows, err = s.o.Store.Contacts(ctx, id)
		return err
	})
	return rows
}

// loadContact takes a stored contact over.
func (s *Session) loadContact(row store.Contact) {
	c := s.findContact(row.Name)
	if c != nil {
		s.joinRow(c, row)
		return
	}
	if c = s.newContact(row.Name); c == nil {
		return
	}
	c.row, c.stored, c.listed = row, true, true
	c.Contact = s.rowContact(row)
	if s.set.ServerMode && s.account.adopting {
		s.markDirty(c) // the clients have asked for the list already
		return
	}
	told := c.Contact
	c.told = &told
}

// rowContact is a stored contact as the list has it.
func (s *Session) rowContact(row store.Contact) roster.Contact {
	c := roster.Contact{
		Name: row.Name, Alias: row.Nickname, Groups: roster.Groups(row.Groups),
		Subscription: roster.Known(row.Subscription), IconHash: row.Settings["icon_hash"],
	}
	if s.set.ServerMode {
		c.Subscription = roster.Both // nobody is asked: the list is the network's
	}
	return c
}

// joinRow brings together a contact of whom the network spoke before the user
// had a place in the store, and what the store has.
func (s *Session) joinRow(c *contact, row store.Contact) {
	old := s.rowContact(row)
	c.row, c.stored, c.listed = row, true, true
	c.Subscription = old.Subscription
	now := old.Merge(roster.Update{Alias: c.Alias, Groups: c.Groups, Blocked: &c.Blocked, Auth: &c.Auth})
	if c.IconHash != "" {
		now.IconHash = c.IconHash
	}
	now.Name = c.Name
	c.Contact = now
	if s.set.ServerMode {
		s.markUnsaved(c)
	} else {
		c.told = &old
	}
	delete(s.contacts.dirty, c.Name)
	if c.told == nil || !c.told.Equal(c.Contact) {
		s.markDirty(c)
	}
}
