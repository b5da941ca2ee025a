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
	// unsaved are those that the store has not as they are, in server mode.
	unsaved map[string]*contact
	save    *timer
	// removals are the JIDs whose removal was not pushed yet.
	removals []string
	// removed and edited are those whom the user removed or changed lately:
	// what the network says about them may have been under way.
	removed, edited recent
	// edits are the user's own changes that wait for the login.
	edits []edit
	// login numbers the logins, to tell who was heard of since the last.
	login int
	grace *timer
	// inherited: another main process showed the user contacts who may have
	// gone since.
	inherited bool
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
	// row is the stored contact, for what a session does not interpret; stored
	// says that there is one.
	row    store.Contact
	stored bool
	// listed: he is on the list, the network's or the user's; otherwise he only
	// asks to see the user.
	listed bool
	// shown: he was in a list that somebody asked for.
	shown bool

	mood  mood // status NONE while he is not there
	since time.Time
	heard int // contacts.login when the network last spoke of him
	// gone: the network removed him; he goes when the user was told.
	gone bool
	// auth: he asks to see the user's presence, with this text.
	auth     bool
	authText string
	typing   bool // the user is typing to him
	picture  *picture
}

func newContacts() contacts {
	return contacts{byName: make(map[string]*contact), byLocal: make(map[string]*contact), dirty: make(map[string]*contact)}
}

// absent is the mood of a contact who is not there.
var absent = mood{status: pbnetwork.StatusType_STATUS_NONE}

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
	if c.bare == s.user {
		return nil // in server mode: the user himself
	}
	c.Contact = roster.Contact{Name: name, Subscription: roster.Ask}
	if s.set.ServerMode {
		c.Subscription = roster.Both
	}
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
	delete(s.contacts.unsaved, c.Name)
}

// onBuddies takes several contacts at once, or the whole list.
func onBuddies(ctx context.Context, s *Session, m *pbnetwork.Buddies) {
	here := make(map[*contact]bool, len(m.GetBuddy()))
	for _, b := range m.GetBuddy() {
		onBuddyChanged(ctx, s, b)
		if c := s.findContact(b.GetBuddyName()); c != nil {
			here[c] = true
		}
	}
	if !m.GetComplete() {
		return
	}
	for _, c := range s.contacts.byLocal {
		// Whom the user has just added the network may not know yet.
		if c.listed && !here[c] && !s.contacts.edited.has(c.Name) {
			c.gone = true
			s.markDirty(c)
		}
	}
}

// onBuddyChanged: a contact is new, or something about him is.
func onBuddyChanged(ctx context.Context, s *Session, b *pbnetwork.Buddy) {
	c := s.findContact(b.GetBuddyName())
	if c == nil {
		if s.contacts.removed.has(b.GetBuddyName()) {
			return
		}
		if c = s.newContact(b.GetBuddyName()); c == nil {
			return
		}
	}
	c.heard, c.gone, c.listed = s.contacts.login, false, true
	was := c.Contact
	now := c.mood
	if b.Status != nil {
		now = mood{b.GetStatus(), b.GetStatusMessage()}
	}
	if !now.available() {
		now.status = pbnetwork.StatusType_STATUS_NONE
	}
	c.Contact = was.Merge(roster.Update{
		Alias: b.GetAlias(), Groups: b.GetGroup(), IconHash: b.IconHash, Blocked: b.Blocked, Auth: authOf(b, now),
	})
	if c.told == nil || !c.told.Equal(c.Contact) {
		s.markDirty(c)
	}
	changed := now != c.mood || now.available() && (was.IconHash != c.IconHash || was.Alias != c.Alias)
	if now.available() != c.mood.available() {
		c.since = time.Now()
	}
	c.mood = now
	s.authChanged(ctx, c, was.Auth)
	if changed {
		s.showContact(ctx, c, "")
	}
	if was.IconHash != c.IconHash {
		s.pictureChanged(ctx, c)
	}
}

// onBuddyRemoved: the network's list has lost a contact.
func onBuddyRemoved(_ context.Context, s *Session, b *pbnetwork.Buddy) {
	delete(s.contacts.removed, b.GetBuddyName())
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
	name, alias, blocked := c.Name, c.Alias, c.Blocked // the frame may be written later
	return &pbnetwork.Buddy{UserName: &s.user, BuddyName: &name, Alias: &alias, Group: c.Groups, Blocked: &blocked}
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
