// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"slices"
	"time"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/roster"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// edit is something that the user did about a contact, as the backend will be
// told.
type edit struct {
	name string
	kind editKind
	// asks, of a change: the user wants to see the contact, with text. exact:
	// alias and groups are so, also where they are empty.
	asks, exact bool
	text        string
	// yes, of an answer or a block.
	yes bool
}

// editKind is what was done.
type editKind int

const (
	changed  editKind = iota // added, renamed, regrouped
	removed                  // taken off the list
	answered                 // a request of the contact's, granted or refused
	blocked                  // or unblocked
)

// replaces reports whether e makes an earlier o about the same contact
// needless.
func (e edit) replaces(o edit) bool {
	if e.name != o.name {
		return false
	}
	list := e.kind == changed || e.kind == removed
	return e.kind == o.kind || list && (o.kind == changed || o.kind == removed)
}

// maxEdits bounds the edits that wait for a login.
const maxEdits = 1000

// edit tells the backend of a change by the user, now or after the login.
func (s *Session) edit(ctx context.Context, e edit) {
	s.contacts.edits = slices.DeleteFunc(s.contacts.edits, func(o edit) bool {
		if !e.replaces(o) {
			return false
		}
		if e.kind == changed && o.kind == changed {
			e.exact = e.exact || o.exact
			if !e.asks {
				e.asks, e.text = o.asks, o.text
			}
		}
		return true
	})
	if s.online() && s.sendEdit(ctx, e) {
		return
	}
	if len(s.contacts.edits) >= maxEdits {
		s.log.Warn("change of the contact list forgotten: too many wait for the login", "contact", e.name)
		return
	}
	s.contacts.edits = append(s.contacts.edits, e)
}

// sendEdit reports whether the frame left, or none was needed.
func (s *Session) sendEdit(ctx context.Context, e edit) bool {
	c := s.contacts.byName[e.name]
	frame := &pbnetwork.Buddy{UserName: &s.user, BuddyName: &e.name}
	if c != nil {
		s.contacts.edited.note(e.name)
		frame = s.buddyFrame(c)
	}
	extended := s.account.link.Level() > 0
	switch e.kind {
	case removed:
		if s.set.ServerMode { // elsewhere an unwanted contact stays known
			s.contacts.removed.note(e.name)
		}
		return s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_BUDDY_REMOVED, &pbnetwork.Buddy{UserName: &s.user, BuddyName: &e.name})
	case answered:
		return s.sendAnswer(ctx, e, frame)
	case blocked:
		if frame.Blocked = &e.yes; extended {
			frame.BlockedOnly = &extended
		} else if c == nil {
			return true // version 1 would take him for a new contact
		}
	case changed:
		if delete(s.contacts.removed, e.name); extended && e.exact {
			frame.Exact = &e.exact
		}
		if extended && e.asks && s.account.authorizes {
			frame.Authorization = pbnetwork.Authorization_AUTHORIZATION_ASKED.Enum()
			if e.text != "" {
				frame.AuthText = &e.text
			}
		}
	}
	return s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED, frame)
}

// sendAnswer tells a granted or refused request. Where the network does not
// know those, to grant is to have the contact, to refuse not to have him.
func (s *Session) sendAnswer(ctx context.Context, e edit, frame *pbnetwork.Buddy) bool {
	switch {
	case s.account.authorizes:
		frame = &pbnetwork.Buddy{UserName: &s.user, BuddyName: &e.name}
		frame.Authorization = pbnetwork.Authorization_AUTHORIZATION_DENIED.Enum()
		if e.yes {
			frame.Authorization = pbnetwork.Authorization_AUTHORIZATION_GRANTED.Enum()
		}
		return s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_AUTH_REQUEST, frame)
	case e.yes:
		return s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_BUDDY_CHANGED, frame)
	}
	return s.toBackend(ctx, pbnetwork.WrapperMessage_TYPE_BUDDY_REMOVED, &pbnetwork.Buddy{UserName: &s.user, BuddyName: &e.name})
}

func (s *Session) flushEdits(ctx context.Context) {
	edits := s.contacts.edits
	s.contacts.edits = nil
	for _, e := range edits {
		s.edit(ctx, e)
	}
}

// recent are the names to which the user did something lately.
type recent map[string]time.Time

// editGrace is how long what the network says may be older than what the user
// did.
const editGrace = 10 * time.Second

func (r *recent) note(name string) {
	if *r == nil {
		*r = make(recent)
	}
	for n, at := range *r {
		if time.Since(at) > editGrace {
			delete(*r, n)
		}
	}
	(*r)[name] = time.Now()
}

func (r recent) has(name string) bool {
	at, ok := r[name]
	return ok && time.Since(at) <= editGrace
}

// entry is the target of an address on the contact list; false where no contact
// can be there.
func (s *Session) entry(address string) (target, bool) {
	j, err := xmpp.ParseJID(address)
	if err != nil || j.Domainpart() != s.set.Addresses.Transport || j.Localpart() == "" {
		return target{}, false
	}
	t := s.resolve(j)
	return t, t.name != "" && t.room == nil
}

// contactEdited: the user adds a contact, or changes his name and groups.
type contactEdited struct {
	jid, name string
	groups    []string
	reply     chan<- error
}

func (e contactEdited) apply(ctx context.Context, s *Session) {
	t, ok := s.entry(e.jid)
	if !ok {
		e.reply <- ErrNoContact
		return
	}
	c := t.contact
	if c == nil {
		if c = s.newContact(t.name); c == nil {
			e.reply <- ErrNoContact
			return
		}
	}
	e.reply <- nil
	was, isNew := c.Contact, !c.listed
	c.Alias, c.Groups = e.name, roster.Groups(e.groups)
	c.listed, c.gone = true, false
	if isNew && s.account.authorizes {
		c.Auth = roster.Denied // until the network says that he need not be asked
	}
	if isNew || !was.SameItem(c.Contact) {
		s.edit(ctx, edit{name: c.Name, kind: changed, exact: true})
	}
	s.changedByUser(ctx, c)
}

// contactDropped: the user removes a contact.
type contactDropped struct {
	jid   string
	reply chan<- error
}

func (e contactDropped) apply(ctx context.Context, s *Session) {
	t, ok := s.entry(e.jid)
	c := t.contact
	if !ok || c == nil || !c.listed {
		e.reply <- ErrNoContact
		return
	}
	e.reply <- nil
	if !s.set.ServerMode {
		s.userRemoves(ctx, t, "")
		return
	}
	s.edit(ctx, edit{name: c.Name, kind: removed})
	s.pushRemoval(ctx, c)
	if c.listed = false; !c.auth { // otherwise he still asks to see the user
		s.forget(c)
	}
}

// contactBlocked: the user blocks a contact, or not any more.
type contactBlocked struct {
	jid   string
	yes   bool
	reply chan<- error
}

func (e contactBlocked) apply(ctx context.Context, s *Session) {
	t, ok := s.entry(e.jid)
	if !ok {
		e.reply <- ErrNoContact
		return
	}
	e.reply <- nil
	if c := t.contact; c != nil {
		if c.Blocked == e.yes {
			return
		}
		c.Blocked, t.name = e.yes, c.Name
		if c.listed {
			s.changedByUser(ctx, c)
		}
	}
	s.edit(ctx, edit{name: t.name, kind: blocked, yes: e.yes})
}
