// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"bytes"

	"github.com/mk6i/open-oscar-server/wire"

	"spectrum.im/spectrum2/daemon/backend"
)

// contact is somebody as the network shows him: what the list says about him
// is in the feedbag.
type contact struct {
	// shown is his name as the server formats it.
	shown  string
	status backend.Status
	// away is his away message, where he is away; statusText what goes with
	// his status.
	away, statusText string
	icon             string
	// barts is what iconHash wants to see again.
	barts []byte
	// unicode: his client reads UTF-16, or wrote it. narrow: it said that it
	// does not.
	unicode, narrow bool
	// allowed: the user lets him see him; he knows that he is being added.
	allowed bool
}

// online reports whether he is there.
func (c *contact) online() bool { return c != nil && c.status.Type != statusNone }

// contacts are by normal name: those on the list that were seen, and strangers
// who wrote, up to maxStrangers.
type contacts map[string]*contact

// maxContacts is more than any server lets be on a list.
const maxContacts = 10_000

// maxStrangers is how many who are not on the list are remembered.
const maxStrangers = 50

// contactHandlers are those of Buddy.
func contactHandlers() table {
	return table{
		{wire.Buddy, wire.BuddyArrived}:            (*session).arrived,
		{wire.Buddy, wire.BuddyDeparted}:           (*session).departed,
		{wire.Buddy, wire.BuddyRejectNotification}: (*session).rejected,
	}
}

// arrived takes over that a contact is there, or what changed about him.
func (s *session) arrived(_ *link, p snac) error {
	c := cursor{b: p.body}
	u := c.userInfo()
	if c.short || u.name == "" {
		return errShort
	}
	icon := s.iconHash(u.name, u.tlvs)
	s.mu.Lock()
	k := s.contactLocked(u.name)
	if k == nil {
		s.mu.Unlock()
		return nil
	}
	if t, ok := find(u.tlvs, wire.OServiceUserInfoBARTInfo); ok && !bytes.Equal(k.barts, t.value) {
		k.barts = bytes.Clone(t.value)
	}
	wasAway := k.status.Type == statusAway || k.status.Type == statusXA || k.status.Type == statusDND
	away := k.take(u)
	if icon != "" {
		k.icon = icon
	}
	ask := away && (!wasAway || k.away == "") && !isUIN(u.name)
	shown := s.shownLocked(u.name, k)
	s.mu.Unlock()
	s.show(shown)
	if ask {
		s.awaySeen(u.name)
	}
	return nil
}

// take puts what the server says over what was known, and reports whether he
// is away.
func (c *contact) take(u userInfo) (away bool) {
	c.shown = u.shown
	c.status.Type = statusOf(u)
	c.statusText = u.statusText()
	away = u.flags&wire.OServiceUserFlagUnavailable != 0
	if !away {
		c.away = ""
	}
	c.setText()
	if len(u.caps) > 0 {
		c.unicode = c.unicode || u.can(wire.CapUTF8Messages)
		c.narrow = !c.unicode
	}
	return away
}

// setText chooses the text that goes with the status.
func (c *contact) setText() {
	if c.status.Text = c.statusText; c.away != "" {
		c.status.Text = c.away
	}
}

// departed takes over that a contact has gone.
func (s *session) departed(_ *link, p snac) error {
	c := cursor{b: p.body}
	u := c.userInfo()
	if u.name == "" {
		return errShort
	}
	s.mu.Lock()
	k := s.contactLocked(u.name)
	if k == nil {
		s.mu.Unlock()
		return nil
	}
	k.status, k.away, k.statusText = backend.Status{Type: statusNone}, "", ""
	shown := s.shownLocked(u.name, k)
	s.mu.Unlock()
	s.show(shown)
	return nil
}

// rejected: the server does not tell about these.
func (s *session) rejected(_ *link, p snac) error {
	s.log.Debug("the server does not watch some of the contacts")
	return nil
}

// setAway is a contact's away message, when it has been asked for.
func (s *session) setAway(name, text string) {
	s.mu.Lock()
	k := s.contacts[name]
	if !k.online() || k.away == text {
		s.mu.Unlock()
		return
	}
	k.away = text
	k.setText()
	shown := s.shownLocked(name, k)
	s.mu.Unlock()
	s.show(shown)
}

// showAgain tells the main process about a contact once more: his icon is
// known now.
func (s *session) showAgain(name string) {
	s.mu.Lock()
	k := s.contacts[name]
	if !k.online() || !s.bag.has(name) {
		s.mu.Unlock()
		return
	}
	barts := k.barts
	s.mu.Unlock()
	icon := s.iconHash(name, []tlv{{wire.OServiceUserInfoBARTInfo, barts}})
	s.mu.Lock()
	if icon != "" {
		k.icon = icon
	}
	shown := s.shownLocked(name, k)
	s.mu.Unlock()
	s.show(shown)
}

// contactLocked is the contact of that name, made if he is not known; nil
// where too many are.
func (s *session) contactLocked(name string) *contact {
	if k := s.contacts[name]; k != nil {
		return k
	}
	if len(s.contacts) >= len(s.bag.buddies)+maxStrangers || len(s.contacts) >= maxContacts {
		return nil
	}
	if s.contacts == nil {
		s.contacts = contacts{}
	}
	k := &contact{status: backend.Status{Type: statusNone}}
	s.contacts[name] = k
	return k
}

// shownLocked is a contact as the main process is told of him; it has no name
// where he is not on the list.
func (s *session) shownLocked(name string, k *contact) (shown backend.Contact) {
	if !s.bag.has(name) {
		return backend.Contact{}
	}
	shown = s.bag.contact(name)
	if k == nil {
		shown.Status.Type = statusNone
		return shown
	}
	shown.Status, shown.IconHash = k.status, k.icon
	if shown.Alias == "" && k.shown != name {
		shown.Alias = k.shown
	}
	return shown
}

// show tells the main process about a contact who is on the list, once the
// list has been told.
func (s *session) show(c backend.Contact) {
	if c.Name == "" || !s.told.Load() {
		return
	}
	s.user.Contact(c)
}

// showAll tells the whole list, in one go.
func (s *session) showAll() {
	s.mu.Lock()
	list := make([]backend.Contact, 0, len(s.bag.buddies))
	for _, name := range s.bag.names() {
		list = append(list, s.shownLocked(name, s.contacts[name]))
	}
	s.told.Store(true)
	s.mu.Unlock()
	s.user.ContactList(list)
}
