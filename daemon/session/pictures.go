// SPDX-License-Identifier: GPL-2.0-or-later

package session

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/avatar"
	"spectrum.im/spectrum2/daemon/xmpp/vcard"
)

// Bounds of what pictures cost: requests under way, and photos that are kept
// for a moment, because who hears of one asks for it.
const (
	maxPictures = 2
	maxPhotos   = 8
	maxPhoto    = 256 << 10
	photoTime   = time.Minute
)

// pictures are the contacts' avatars for clients that want to be told of them
// (XEP-0084, XEP-0163).
type pictures struct {
	// wanted are the contacts whose picture has to be fetched, busy how many
	// are being fetched.
	wanted map[string]bool
	busy   int
	photos []photo
	drop   *timer
}

type photo struct {
	id   string
	data []byte
}

// picture is what is known of a contact's avatar; hash is the icon's that it
// belongs to. A zero Info: there is none although the network says so.
type picture struct {
	hash string
	avatar.Info
}

// pictureSetting keeps a picture's description with the stored contact, so that
// it is not fetched at each login.
const pictureSetting = "icon_info"

func (p picture) setting() string {
	return fmt.Sprintf("%s %s %s %d %d %d", p.hash, p.ID, p.Type, p.Bytes, p.Width, p.Height)
}

// pictureOf is what is known of c's picture, nil for nothing.
func (c *contact) pictureOf() *picture {
	if c.picture == nil && c.row.Settings[pictureSetting] != "" {
		var p picture
		_, err := fmt.Sscanf(c.row.Settings[pictureSetting], "%s %s %s %d %d %d", &p.hash, &p.ID, &p.Type, &p.Bytes, &p.Width, &p.Height)
		if err == nil {
			c.picture = &p
		}
	}
	if c.picture == nil || c.picture.hash != c.IconHash {
		return nil
	}
	return c.picture
}

// notified are the clients that want to hear of pictures.
func (s *Session) notified() []*client {
	var list []*client
	for _, r := range s.clients.names() {
		if x := s.clients.list[r]; x.notify {
			list = append(list, x)
		}
	}
	return list
}

// showPictures tells a client of all contacts' pictures, now or when they are
// there.
func (s *Session) showPictures(ctx context.Context, x *client) {
	for _, c := range s.contactsByName() {
		switch p := c.pictureOf(); {
		case c.IconHash == "" || !c.Subscription.Visible():
		case p == nil:
			s.wantPicture(c)
		case p.ID != "":
			s.tellPicture(ctx, x, c, p.Info)
		}
	}
	s.fetchPictures(ctx)
}

// missingPictures looks after a login for those that are not known.
func (s *Session) missingPictures(ctx context.Context) {
	if len(s.notified()) == 0 {
		return
	}
	for _, c := range s.contacts.byLocal {
		if c.IconHash != "" && c.pictureOf() == nil {
			s.wantPicture(c)
		}
	}
	s.fetchPictures(ctx)
}

// pictureChanged: the network says that a contact has another picture, or none.
func (s *Session) pictureChanged(ctx context.Context, c *contact) {
	list := s.notified()
	switch p := c.pictureOf(); {
	case len(list) == 0 || !c.Subscription.Visible():
	case c.IconHash == "" || p != nil:
		var info avatar.Info
		if c.IconHash != "" {
			info = p.Info
		}
		for _, x := range list {
			s.tellPicture(ctx, x, c, info)
		}
	default:
		s.wantPicture(c)
		s.fetchPictures(ctx)
	}
}

func (s *Session) tellPicture(ctx context.Context, x *client, c *contact, i avatar.Info) {
	s.send(ctx, xmpp.NewMessage("headline", c.bare, x.full).Add(avatar.Event(i)))
}

func (s *Session) wantPicture(c *contact) {
	if s.pictures.wanted == nil {
		s.pictures.wanted = make(map[string]bool)
	}
	s.pictures.wanted[c.Name] = true
}

// fetchPictures goes on with what is wanted, a few at a time.
func (s *Session) fetchPictures(ctx context.Context) {
	for len(s.pictures.wanted) > 0 && s.pictures.busy < maxPictures && s.online() {
		name := slices.Min(slices.Collect(maps.Keys(s.pictures.wanted)))
		delete(s.pictures.wanted, name)
		c := s.contacts.byName[name]
		if c == nil || c.IconHash == "" || c.pictureOf() != nil {
			continue
		}
		hash := c.IconHash
		s.pictures.busy++
		s.fetchVCard(ctx, name, func(ctx context.Context, s *Session, card *vcard.VCard, _ *refused) {
			s.pictures.busy--
			if c := s.contacts.byName[name]; c != nil && c.IconHash == hash && card != nil {
				s.fetched(ctx, c, card.Photo)
			}
			s.fetchPictures(ctx)
		})
	}
}

// fetched: the network gave a contact's picture, or has none for him.
func (s *Session) fetched(ctx context.Context, c *contact, data []byte) {
	info, ok := avatar.Describe(data)
	known := c.pictureOf() != nil
	c.picture = &picture{c.IconHash, info}
	if !ok {
		return
	}
	s.keepPhoto(info.ID, data)
	s.savePicture(c)
	if known {
		return
	}
	for _, x := range s.notified() {
		s.tellPicture(ctx, x, c, info)
	}
}

// savePicture keeps the description with a contact whom the store has already.
func (s *Session) savePicture(c *contact) {
	if !s.kept() || !c.stored || c.row.Settings[pictureSetting] == c.picture.setting() {
		return
	}
	settings := maps.Clone(c.row.Settings)
	if settings == nil {
		settings = make(map[string]string)
	}
	settings[pictureSetting] = c.picture.setting()
	c.row.Settings = settings
	s.saveContact(c)
}

// keepPhoto keeps a picture for a moment.
func (s *Session) keepPhoto(id string, data []byte) {
	if len(data) > maxPhoto || s.photo(id) != nil {
		return
	}
	p := &s.pictures
	if len(p.photos) >= maxPhotos {
		p.photos = slices.Delete(p.photos, 0, 1)
	}
	p.photos = append(p.photos, photo{id, data})
	s.timers.stop(p.drop)
	p.drop = s.timers.after(photoTime, photosDue{})
}

func (s *Session) photo(id string) []byte {
	for _, p := range s.pictures.photos {
		if p.id == id {
			return p.data
		}
	}
	return nil
}

// photosDue forgets the pictures.
type photosDue struct{}

func (photosDue) apply(_ context.Context, s *Session) { s.pictures.photos, s.pictures.drop = nil, nil }

// answerPubSub is XEP-0084 §4: a contact's picture, or what it is like.
func answerPubSub(ctx context.Context, s *Session, q question) {
	ask, ok := avatar.QueryOf(q.payload)
	switch {
	case !ok || q.inRoom(s):
		s.refuse(ctx, q.iq, xmpp.FeatureNotImplemented, "Only avatars are published here")
		return
	case ask.Node != avatar.NSData && ask.Node != avatar.NSMetadata:
		s.refuse(ctx, q.iq, xmpp.ItemNotFound, "There is no such node")
		return
	}
	if c := q.target.contact; c != nil {
		if p := c.pictureOf(); p != nil && s.showPicture(ctx, q.iq, ask, p.Info, s.photo(p.ID)) {
			return
		}
	}
	name := q.target.name
	s.fetchFor(ctx, name, q.iq, func(ctx context.Context, s *Session, card *vcard.VCard) {
		if c := s.findContact(name); c != nil && c.IconHash != "" {
			s.fetched(ctx, c, card.Photo)
		}
		info, _ := avatar.Describe(card.Photo)
		s.showPicture(ctx, q.iq, ask, info, card.Photo)
	})
}

// showPicture answers, and reports whether it could.
func (s *Session) showPicture(ctx context.Context, iq *xmpp.Element, ask avatar.Query, i avatar.Info, data []byte) bool {
	switch {
	case i.ID == "" || ask.Item != "" && ask.Item != i.ID:
		s.refuse(ctx, iq, xmpp.ItemNotFound, "There is no such picture")
	case ask.Node == avatar.NSMetadata:
		s.send(ctx, xmpp.Result(iq).Add(avatar.Metadata(i)))
	case data == nil:
		return false
	default:
		s.send(ctx, xmpp.Result(iq).Add(avatar.Data(i.ID, data)))
	}
	return true
}
