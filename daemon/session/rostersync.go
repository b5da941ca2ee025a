// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"maps"
	"slices"
	"time"

	"spectrum.im/spectrum2/daemon/roster"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/disco"
	"spectrum.im/spectrum2/daemon/xmpp/nick"
	"spectrum.im/spectrum2/daemon/xmpp/rosterx"
)

// Pace of roster changes: a list of hundreds of contacts must neither flood the
// user with questions nor the database with writes.
const (
	syncGather = 300 * time.Millisecond // contacts come in many frames
	syncPause  = 500 * time.Millisecond
	syncAsk    = 5  // subscription requests at a time
	syncItems  = 50 // items of an exchange at a time
)

// method is a way to change the user's roster.
type method int

const (
	undecided method = iota
	finding
	subscriptions
	exchange
)

// markDirty notes that the user has to be told of a contact.
func (s *Session) markDirty(c *contact) {
	s.contacts.dirty[c.Name] = c
	s.syncRoster()
}

// syncRoster sees to it that the differences are told, soon.
func (s *Session) syncRoster() {
	if len(s.contacts.dirty) > 0 && s.contacts.sync == nil {
		s.contacts.sync = s.timers.after(syncGather, syncDue{})
	}
}

// syncDue: it is time to tell the user of some differences.
type syncDue struct{}

func (syncDue) apply(ctx context.Context, s *Session) {
	s.contacts.sync = nil
	if s.set.ServerMode {
		s.pushRoster(ctx)
		return
	}
	if s.clients.none() || s.queue.down || !s.kept() {
		return // welcome, LinkUp and ChangeAccount come here again
	}
	var x *client
	limit := syncAsk
	switch m, able := s.rosterMethod(ctx); m {
	case finding:
		return
	case exchange:
		x, limit = able, syncItems
	}
	changes := s.rosterChanges(ctx, limit)
	if x != nil {
		s.suggest(ctx, x, changes)
	}
	for _, ch := range changes {
		s.tell(ctx, ch, x == nil)
	}
	if len(s.contacts.dirty) > 0 {
		s.contacts.sync = s.timers.after(syncPause, syncDue{})
	}
}

// rosterChanges is what the user has to be told next, about limit contacts at
// most. Who needs no telling (he was changed back, or came and went) is dirty
// no longer.
func (s *Session) rosterChanges(ctx context.Context, limit int) []roster.Change {
	names := slices.Sorted(maps.Keys(s.contacts.dirty))
	names = names[:min(limit, len(names))]
	var have, want []roster.Contact
	for _, name := range names {
		c := s.contacts.dirty[name]
		delete(s.contacts.dirty, name)
		if c.told != nil {
			have = append(have, *c.told)
		}
		switch {
		case !c.gone:
			want = append(want, c.Contact)
		case c.told == nil && c.shown && s.set.ServerMode:
			s.pushRemoval(ctx, c)
			s.forget(c)
		case c.told == nil:
			s.contactGone(ctx, c)
			s.forget(c)
		}
	}
	return roster.Diff(have, want)
}

// rosterMethod finds out how this user's roster can be changed: roster item
// exchange if one of his clients takes it (XEP-0144), else subscriptions.
func (s *Session) rosterMethod(ctx context.Context) (method, *client) {
	waiting := false
	for _, r := range s.clients.names() {
		switch x := s.clients.list[r]; x.exchange {
		case able:
			return exchange, x
		case unasked:
			x.exchange, waiting = asked, true
			s.discoverClient(ctx, x)
		case asked:
			waiting = true
		}
	}
	if waiting {
		return finding, nil
	}
	return subscriptions, nil
}

// discoverClient asks a client what it can.
func (s *Session) discoverClient(ctx context.Context, x *client) {
	s.askClient(ctx, x.full, disco.InfoQuery(""), func(_ context.Context, s *Session, answer *xmpp.Element) {
		x.exchange = unable
		if answer != nil && answer.Get("type") == "result" &&
			disco.ParseInfo(answer.Child(disco.NSInfo, "query")).Has(rosterx.NS) {
			x.exchange = able
		}
		s.syncRoster()
	})
}

// suggest sends changes to a client that takes them (XEP-0144 §3).
func (s *Session) suggest(ctx context.Context, x *client, changes []roster.Change) {
	var items []rosterx.Item
	for _, ch := range changes {
		c := s.contacts.byName[ch.Contact.Name]
		if c == nil || ch.Kind == roster.Modify && c.told != nil && c.told.SameItem(ch.Contact) || !ch.Contact.Subscription.Visible() {
			continue
		}
		it := rosterx.Item{Action: ch.Kind.String(), JID: c.bare, Name: ch.Contact.Alias, Groups: ch.Contact.Groups}
		if ch.Kind == roster.Remove {
			it.Name, it.Groups = "", nil
		}
		items = append(items, it)
	}
	if len(items) > 0 {
		s.request(ctx, "set", x.full, rosterx.Element(items), func(context.Context, *Session, *xmpp.Element) {})
	}
}

// tell carries one change out: for the user, where subscriptions are the way,
// and in the store.
func (s *Session) tell(ctx context.Context, ch roster.Change, subscribe bool) {
	c := s.contacts.byName[ch.Contact.Name]
	if c == nil {
		return
	}
	switch {
	case ch.Kind == roster.Remove:
		s.contactGone(ctx, c)
		if subscribe {
			s.send(ctx, xmpp.NewPresence("unsubscribe", c.bare, s.user))
			s.send(ctx, xmpp.NewPresence("unsubscribed", c.bare, s.user))
		}
		s.forget(c)
		s.dropContact(c)
		return
	case ch.Kind == roster.Add && subscribe && c.Subscription == roster.Ask:
		s.askSubscription(ctx, c, "", "")
	}
	s.keepContact(c)
}

// askSubscription asks the user, in one client or (to is empty) all of them, to
// let the contact into his roster.
func (s *Session) askSubscription(ctx context.Context, c *contact, text, to string) {
	if to == "" {
		to = s.user
	}
	st := xmpp.NewPresence("subscribe", c.bare, to)
	if text != "" {
		st.Add(xmpp.NewText(xmpp.NSClient, "status", text))
	}
	if c.Alias != "" {
		st.Add(nick.Element(c.Alias))
	}
	s.send(ctx, st)
}

// keepContact writes a contact as the user now has it.
func (s *Session) keepContact(c *contact) {
	told := c.Contact
	c.told = &told
	s.saveContact(c)
}

// saveContact writes a contact as he is.
func (s *Session) saveContact(c *contact) {
	if !s.kept() {
		return
	}
	row := &c.row
	row.UserID, row.Name, row.Subscription = s.account.user.ID, c.Name, string(c.Subscription)
	row.Nickname, row.Groups = c.Alias, c.Groups
	if c.IconHash != row.Settings["icon_hash"] {
		settings := map[string]string{}
		maps.Copy(settings, row.Settings)
		settings["icon_hash"] = c.IconHash
		row.Settings = settings
	}
	c.stored = true
	put := *row
	s.later(&write{what: "contact", key: "contact " + c.Name, run: func(ctx context.Context, t store.Token) error {
		again := put
		return s.o.Store.PutContact(ctx, t, &again)
	}})
}

func (s *Session) dropContact(c *contact) {
	if !s.kept() || !c.stored && (s.set.ServerMode || c.told == nil) {
		return
	}
	id, name := s.account.user.ID, c.Name
	s.later(&write{what: "removed contact", key: "contact " + name, run: func(ctx context.Context, t store.Token) error {
		return s.o.Store.DeleteContact(ctx, t, id, name)
	}})
	c.row, c.stored = store.Contact{}, false
}
