// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"cmp"
	"context"
	"slices"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/roster"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// contacts is the user's contact list: what the network says, and what the
// user was told of it.
type contacts struct {
	// byName by legacy name, byLocal by the local part of the JID, which is
	// case-folded: two names with one address are one contact.
	byName  map[string]*contact
	byLocal map[string]*contact
	// dirty are those whose told differs from what the network says.
	dirty map[string]*contact
	sync  *timer
	// edits are the user's own changes that wait for the login.
	edits []edit
	// login numbers the logins, to tell who was heard of since the last.
	login int
	grace *timer
	// caps of every contact's presence, and what they were made of.
	caps    *xmpp.Element
	capsKey capsKey
}

// contact is one of them.
type contact struct {
	roster.Contact // as the network has it
	// told is what the user's roster and the store have; nil: nothing yet.
	told  *roster.Contact
	bare  string
	full  string
	local string
	// row is the stored contact, for what a session does not interpret.
	row store.Contact

	mood  mood // status NONE while he is not there
	since time.Time
	heard int // contacts.login when the network last spoke of him
	// gone: the network removed him; he goes when the user was told.
	gone bool
	// auth: he asks to see the user's presence, with this text.
	auth     bool
	authText string
	typing   bool // the user is typing to him
}

// edit is a change by the user, as the backend will be told.
type edit struct {
	name    string
	removed bool
}

func newContacts() contacts {
	return contacts{byName: make(map[string]*contact), byLocal: make(map[string]*contact), dirty: make(map[string]*contact)}
}

// absent is the mood of a contact who is not there.
var absent = mood{status: pbnetwork.StatusType_STATUS_NONE}

// loadContacts reads the stored list. Without it a session still works: what
// the network says is then told as new.
func (s *Session) loadContacts(ctx context.Context) {
	if !s.kept() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	rows, err := s.o.Store.Contacts(ctx, s.account.user.ID)
	if err != nil {
		s.log.Warn("contacts not read", "err", err)
		return
	}
	for _, row := range rows {
		if c := s.newContact(row.Name); c != nil {
			c.row = row
			c.Alias, c.Groups = row.Nickname, roster.Groups(row.Groups)
			c.Subscription, c.IconHash = roster.Known(row.Subscription), row.Settings["icon_hash"]
			told := c.Contact
			c.told = &told
		}
	}
}

// newContact makes an entry for name, nil if no JID can carry it or its address
// is taken.
func (s *Session) newContact(name string) *contact {
	j, err := s.set.Addresses.JID(name, ContactResource)
	if err != nil || name == "" {
		s.log.Warn("contact without an address left out", "name", name, "err", err)
		return nil
	}
	if other := s.contacts.byLocal[j.Localpart()]; other != nil {
		s.log.Warn("two contacts with one address", "name", name, "other", other.Name)
		return nil
	}
	c := &contact{bare: j.Bare().String(), full: j.String(), local: j.Localpart(), mood: absent, since: time.Now()}
	c.Contact = roster.Contact{Name: name, Subscription: roster.Ask}
	s.contacts.byName[name], s.contacts.byLocal[c.local] = c, c
	return c
}

// findContact is the contact with this legacy name, or one whose address is the
// same.
func (s *Session) findContact(name string) *contact {
	if c := s.contacts.byName[name]; c != nil {
		return c
	}
	if j, err := s.set.Addresses.JID(name, ""); err == nil {
		return s.contacts.byLocal[j.Localpart()]
	}
	return nil
}

func (s *Session) forget(c *contact) {
	delete(s.contacts.byName, c.Name)
	delete(s.contacts.byLocal, c.local)
	delete(s.contacts.dirty, c.Name)
}

// onBuddies takes several contacts at once.
func onBuddies(ctx context.Context, s *Session, m *pbnetwork.Buddies) {
	for _, b := range m.GetBuddy() {
		onBuddyChanged(ctx, s, b)
	}
}

// onBuddyChanged: a contact is new, or something about him is.
func onBuddyChanged(ctx context.Context, s *Session, b *pbnetwork.Buddy) {
	c := s.findContact(b.GetBuddyName())
	if c == nil {
		if c = s.newContact(b.GetBuddyName()); c == nil {
			return
		}
	}
	c.heard, c.gone = s.contacts.login, false
	was := c.Contact
	c.Contact = was.Merge(roster.Update{Alias: b.GetAlias(), Groups: b.GetGroup(), IconHash: b.IconHash, Blocked: b.Blocked})
	if c.told == nil || !c.told.Equal(c.Contact) {
		s.markDirty(c)
	}
	now := c.mood
	if b.Status != nil {
		now = mood{b.GetStatus(), b.GetStatusMessage()}
	}
	if !now.available() {
		now.status = pbnetwork.StatusType_STATUS_NONE
	}
	changed := now != c.mood || now.available() && (was.IconHash != c.IconHash || was.Alias != c.Alias)
	if now.available() != c.mood.available() {
		c.since = time.Now()
	}
	c.mood = now
	if changed {
		s.showContact(ctx, c, "")
	}
}

// onBuddyRemoved: the network's list has lost a contact.
func onBuddyRemoved(_ context.Context, s *Session, b *pbnetwork.Buddy) {
	if c := s.findContact(b.GetBuddyName()); c != nil {
		c.gone = true
		s.markDirty(c)
	}
}

// contactFrames is the list for a backend that wants it at login.
func (s *Session) contactFrames() *pbnetwork.Buddies {
	list := &pbnetwork.Buddies{}
	for _, c := range s.contactsByName() {
		list.Buddy = append(list.Buddy, s.buddyFrame(c))
	}
	return list
}

func (s *Session) buddyFrame(c *contact) *pbnetwork.Buddy {
	name, alias := c.Name, c.Alias
	return &pbnetwork.Buddy{UserName: &s.user, BuddyName: &name, Alias: &alias, Group: c.Groups, Blocked: &c.Blocked}
}

// contactsByName is the list in a fixed order.
func (s *Session) contactsByName() []*contact {
	list := make([]*contact, 0, len(s.contacts.byLocal))
	for _, c := range s.contacts.byLocal {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *contact) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// contactsWanted: somebody asks for the list.
type contactsWanted struct{ reply chan<- []ContactInfo }

func (e contactsWanted) apply(_ context.Context, s *Session) {
	list := make([]ContactInfo, 0, len(s.contacts.byLocal))
	for _, c := range s.contactsByName() {
		list = append(list, ContactInfo{
			Name: c.Name, JID: c.bare, Alias: c.Alias, Groups: slices.Clone(c.Groups),
			Subscription: string(c.Subscription), Status: c.mood.status, StatusText: c.mood.text,
		})
	}
	e.reply <- list
}
