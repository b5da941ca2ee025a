// SPDX-License-Identifier: GPL-2.0-or-later

package transfer

import (
	"errors"

	"spectrum.im/spectrum2/daemon/store"
)

// maxChanges and maxBytes bound what goes into one transaction.
const (
	maxChanges = 200
	maxBytes   = 1 << 20
)

// owner is a user whose lines are being written; contacts, messages and changes
// are his that are not written yet.
type owner struct {
	*importer
	user *store.User
	// rooms are the passwords of rooms that he had before, where the file has
	// none.
	rooms    map[string]string
	contacts []store.Contact
	names    map[string]bool // of contacts
	messages []store.Archived
	changes  []store.Change
	bytes    int
}

func (o *owner) apply(rec record) error {
	if rec.User != nil {
		return o.putUser(rec.User)
	}
	switch {
	case rec.Contact != nil:
		return o.putContact(rec.Contact)
	case rec.Waiting != nil:
		w := store.Waiting{UserID: o.user.ID, Key: string(rec.Waiting.Key), Stanza: []byte(rec.Waiting.Stanza), At: rec.Waiting.At}
		_, err := o.store.Enqueue(o.ctx, 0, &w, 0)
		return err
	case rec.Room != nil:
		return o.putRoom(rec.Room)
	case rec.Archived != nil:
		m := rec.Archived
		o.messages = append(o.messages, store.Archived{Seq: m.Seq, Room: m.Room, Peer: string(m.Peer), Resource: string(m.Resource), ID: string(m.ID), Stanza: []byte(m.Stanza)})
		return o.grow(len(m.Stanza))
	case rec.Personal != nil:
		p := rec.Personal
		o.changes = append(o.changes, store.Change{Put: &store.Item{Kind: string(p.Kind), Node: string(p.Node), Item: string(p.Item), Order: p.Order, Value: []byte(p.Value)}})
		return o.grow(len(p.Value))
	}
	return errors.New("it is nothing that this version of Spectrum 2 knows")
}

// empty reports whether nothing waits to be written.
func (o *owner) empty() bool { return len(o.contacts)+len(o.messages)+len(o.changes) == 0 }

// grow writes what waits once it is much.
func (o *owner) grow(n int) error {
	if o.bytes += n; o.bytes < maxBytes && len(o.contacts)+len(o.messages)+len(o.changes) < maxChanges {
		return nil
	}
	return o.flush()
}

func (o *owner) flush() error {
	if len(o.contacts) > 0 {
		if err := o.store.PutContacts(o.ctx, 0, o.user.ID, o.contacts); err != nil {
			return err
		}
	}
	if len(o.messages) > 0 {
		if err := o.store.AddArchived(o.ctx, 0, o.user.ID, o.messages); err != nil {
			return err
		}
	}
	if len(o.changes) > 0 {
		if err := o.store.ChangePersonal(o.ctx, 0, o.user.ID, o.changes); err != nil {
			return err
		}
	}
	o.contacts, o.names, o.messages, o.changes, o.bytes = nil, nil, nil, nil, 0
	return nil
}

func (o *owner) putUser(u *user) error {
	if u.JID == "" {
		return errors.New("a user without a JID")
	}
	n := &store.User{JID: string(u.JID), Name: string(u.Name), Language: string(u.Language), Encoding: string(u.Encoding), VIP: u.VIP, Online: u.Online}
	if u.Password != nil {
		n.Password = string(*u.Password)
	}
	if u.LastLogin != nil {
		n.LastLogin = *u.LastLogin
	}
	o.user, n.Settings = n, plain(u.Settings)
	err := o.store.CreateUser(o.ctx, n)
	if errors.Is(err, store.ErrExists) {
		return o.replaceUser(n, u.Password != nil)
	}
	return err
}

func (o *owner) replaceUser(n *store.User, password bool) error {
	old, err := o.store.User(o.ctx, n.JID)
	if err != nil {
		return err
	}
	n.ID = old.ID
	if !password {
		n.Password = old.Password
	}
	if err := o.store.UpdateUser(o.ctx, 0, n); err != nil {
		return err
	}
	for name, value := range n.Settings {
		if err := o.store.SetSetting(o.ctx, 0, n.ID, name, store.SettingType(name), value); err != nil {
			return err
		}
	}
	if o.passwords {
		return nil
	}
	rooms, err := o.store.Rooms(o.ctx, n.ID)
	o.rooms = map[string]string{}
	for _, r := range rooms {
		o.rooms[r.Name] = r.Password
	}
	return err
}

// subscription is one that every database has: SQLite takes any text.
func subscription(s string) string {
	switch s {
	case "to", "from", "both", "ask", "none":
		return s
	}
	return "none"
}

// putContact: of two contacts with the same name the later one stays.
func (o *owner) putContact(c *contact) error {
	n := store.Contact{UserID: o.user.ID, Name: string(c.Name), Subscription: subscription(string(c.Subscription)), Nickname: string(c.Nickname), Flags: c.Flags, Settings: plain(c.Settings)}
	for _, g := range c.Groups {
		n.Groups = append(n.Groups, string(g))
	}
	if o.names[n.Name] {
		if err := o.flush(); err != nil {
			return err
		}
	}
	if o.names == nil {
		o.names = map[string]bool{}
	}
	o.names[n.Name] = true
	o.contacts = append(o.contacts, n)
	return o.grow(len(n.Name) + len(n.Nickname))
}

func (o *owner) putRoom(r *room) error {
	n := store.Room{UserID: o.user.ID, Name: string(r.Name), Nickname: string(r.Nickname), Password: o.rooms[string(r.Name)]}
	if r.Password != nil {
		n.Password = string(*r.Password)
	}
	return o.store.PutRoom(o.ctx, 0, n)
}
