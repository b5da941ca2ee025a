// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"spectrum.im/spectrum2/daemon/roster"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
)

// In server mode the roster is the list: it is pushed whole, and only the
// writing of it is spread in time.
const (
	pushItems = 300 // items of one push
	saveItems = 50  // contacts written at a time
	savePause = 500 * time.Millisecond
)

// item is a contact as the user's roster has him.
func (s *Session) item(c *contact) rosteritem.Item { return rosterItem(c.bare, c.Contact) }

func rosterItem(bare string, c roster.Contact) rosteritem.Item {
	it := rosteritem.Item{JID: bare, Name: c.Alias, Subscription: "both", Groups: c.Groups}
	switch {
	case c.Auth != roster.Allowed:
		it.Subscription, it.Ask = "none", c.Auth == roster.Asked
	case c.Subscription == roster.Ask:
		it.Subscription = "none"
	default:
		it.Subscription = string(c.Subscription)
	}
	return it
}

func sameItem(a, b rosteritem.Item) bool {
	return a.JID == b.JID && a.Name == b.Name && a.Subscription == b.Subscription && a.Ask == b.Ask && slices.Equal(a.Groups, b.Groups)
}

// rosterWanted: somebody asks for the roster.
type rosterWanted struct{ reply chan<- []rosteritem.Item }

func (e rosterWanted) apply(_ context.Context, s *Session) {
	items := make([]rosteritem.Item, 0, len(s.contacts.byLocal))
	for _, c := range s.contacts.byLocal {
		if c.listed && !c.gone {
			c.shown = true
			it := s.item(c)
			it.Groups = slices.Clone(it.Groups)
			items = append(items, it)
		}
	}
	slices.SortFunc(items, func(a, b rosteritem.Item) int { return cmp.Compare(a.JID, b.JID) })
	e.reply <- items
}

// changedByUser tells what the user did to a contact: to the store, at once, and
// in server mode to all his clients.
func (s *Session) changedByUser(ctx context.Context, c *contact) {
	delete(s.contacts.dirty, c.Name)
	if !s.set.ServerMode {
		s.keepContact(c)
		return
	}
	s.contacts.dirty[c.Name] = c
	s.pushRoster(ctx)
	// Nobody else may have it: it is not left for the pace of what the network
	// says anyway at each login.
	if delete(s.contacts.unsaved, c.Name); !c.saved() {
		s.saveContact(c)
	}
}

// pushRoster sends every difference to the user's roster.
func (s *Session) pushRoster(ctx context.Context) {
	s.timers.stop(s.contacts.sync)
	s.contacts.sync = nil
	if !s.pushRemovals(ctx) {
		s.pushAgain(nil)
		return
	}
	changes := s.rosterChanges(ctx, len(s.contacts.dirty))
	for part := range slices.Chunk(changes, pushItems) {
		if !s.push(ctx, s.itemsOf(part)) {
			s.pushAgain(changes)
			return
		}
		for _, ch := range part {
			s.pushed(ctx, ch)
		}
		changes = changes[len(part):]
	}
}

// itemsOf are the items that look different after the changes.
func (s *Session) itemsOf(changes []roster.Change) []rosteritem.Item {
	items := make([]rosteritem.Item, 0, len(changes))
	for _, ch := range changes {
		c := s.contacts.byName[ch.Contact.Name]
		switch {
		case c == nil:
		case ch.Kind == roster.Remove:
			items = append(items, rosteritem.Item{JID: c.bare, Subscription: "remove"})
		case ch.Kind == roster.Add || !sameItem(rosterItem(c.bare, *c.told), s.item(c)):
			items = append(items, s.item(c))
		}
	}
	return items
}

// push reports whether the items were taken.
func (s *Session) push(ctx context.Context, items []rosteritem.Item) bool {
	if len(items) == 0 || s.o.Roster == nil {
		return true
	}
	if err := s.o.Roster.PushRoster(ctx, items); err != nil {
		s.log.Warn("roster not pushed", "items", len(items), "err", err)
		return false
	}
	return true
}

// pushAgain tries later what was not taken.
func (s *Session) pushAgain(changes []roster.Change) {
	for _, ch := range changes {
		if c := s.contacts.byName[ch.Contact.Name]; c != nil {
			s.contacts.dirty[c.Name] = c
		}
	}
	if s.contacts.sync == nil {
		s.contacts.sync = s.timers.after(syncPause, syncDue{})
	}
}

// pushItems repeats how contacts stand in the roster.
func (s *Session) pushItems(ctx context.Context, list []*contact) {
	var items []rosteritem.Item
	for _, c := range list {
		if c.listed && !c.gone {
			items = append(items, s.item(c))
		}
	}
	s.push(ctx, items)
}

// pushRemoval takes a contact off the roster, at once.
func (s *Session) pushRemoval(ctx context.Context, c *contact) {
	s.contactGone(ctx, c)
	s.contacts.removals = append(s.contacts.removals, c.bare)
	if !s.pushRemovals(ctx) {
		s.pushAgain(nil)
	}
	s.dropContact(c)
	delete(s.contacts.dirty, c.Name)
	delete(s.contacts.unsaved, c.Name)
	c.told, c.shown = nil, false
}

// pushRemovals tells of those who are off the roster and known no more. Who came
// back meanwhile is told of as new anyway.
func (s *Session) pushRemovals(ctx context.Context) bool {
	items := make([]rosteritem.Item, 0, len(s.contacts.removals))
	for _, bare := range s.contacts.removals {
		items = append(items, rosteritem.Item{JID: bare, Subscription: "remove"})
	}
	if !s.push(ctx, items) {
		return false
	}
	s.contacts.removals = nil
	return true
}

// pushed notes that the user has a change.
func (s *Session) pushed(ctx context.Context, ch roster.Change) {
	c := s.contacts.byName[ch.Contact.Name]
	switch {
	case c == nil:
	case ch.Kind == roster.Remove:
		s.contactGone(ctx, c)
		s.forget(c)
		s.dropContact(c)
	default:
		told := c.Contact
		c.told = &told
		s.markUnsaved(c)
	}
}

// markUnsaved notes that the store has to be told of a contact, soon.
func (s *Session) markUnsaved(c *contact) {
	if !s.kept() || c.gone {
		return
	}
	if s.contacts.unsaved == nil {
		s.contacts.unsaved = make(map[string]*contact)
	}
	s.contacts.unsaved[c.Name] = c
	if s.contacts.save == nil {
		s.contacts.save = s.timers.after(savePause, saveDue{})
	}
}

// saveDue writes some of what the store has not.
type saveDue struct{}

func (saveDue) apply(ctx context.Context, s *Session) {
	s.contacts.save = nil
	s.saveContacts(saveItems)
	if len(s.contacts.unsaved) > 0 {
		s.contacts.save = s.timers.after(savePause, saveDue{})
	}
}

// saveContacts writes up to limit contacts. What cannot be written stays for
// the next login to bring.
func (s *Session) saveContacts(limit int) {
	names := slices.Sorted(maps.Keys(s.contacts.unsaved))
	for _, name := range names[:min(limit, len(names))] {
		c := s.contacts.unsaved[name]
		delete(s.contacts.unsaved, name)
		if !c.saved() {
			s.saveContact(c)
		}
	}
}

// saved reports whether the store has the contact as he is.
func (c *contact) saved() bool {
	return c.stored && c.row.Name == c.Name && c.row.Nickname == c.Alias && slices.Equal(roster.Groups(c.row.Groups), c.Groups) &&
		roster.Known(c.row.Subscription) == c.Subscription && c.row.Settings["icon_hash"] == c.IconHash
}
