// SPDX-License-Identifier: GPL-2.0-or-later

package clients

import (
	"bytes"
	"context"
	"encoding/base64"
	"slices"
	"strconv"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/private"
	"spectrum.im/spectrum2/daemon/xmpp/pubsub"
	"spectrum.im/spectrum2/daemon/xmpp/vcard"
)

// Where the parts of the user's own card are kept: the text in private storage,
// under a name of ours, and the picture as his PEP avatar (XEP-0084), so that
// clients of both kinds see the same one (XEP-0398).
const (
	nsCard         = "urn:spectrum2:vcard"
	avatarData     = "urn:xmpp:avatar:data"
	avatarMetadata = "urn:xmpp:avatar:metadata"
)

// vcardRequest is XEP-0054 for the user's own card.
func (c *Client) vcardRequest(ctx context.Context, iq, payload *xmpp.Element) {
	switch {
	case payload.Name != "vCard":
		c.refuse(iq, xmpp.BadRequest, "This is no card")
	case iq.Get("type") == "get":
		card := c.u.card(ctx)
		if card == nil {
			card = vcard.Query() // an empty one (XEP-0054 §3.1)
		}
		c.reply(xmpp.Result(iq).Add(card))
	default:
		c.setCard(ctx, iq, payload)
	}
}

// setCard keeps the card, and gives the network the picture.
func (c *Client) setCard(ctx context.Context, iq, card *xmpp.Element) {
	u := c.u
	if len(xmpp.Append(nil, card, xmpp.NSClient)) > cardLimit*2 {
		c.refuse(iq, xmpp.NotAcceptable, "This card is too large")
		return
	}
	v, _ := vcard.Of(iq)
	if len(v.Photo) > cardLimit {
		c.refuse(iq, xmpp.NotAcceptable, "This picture is too large")
		return
	}
	if u.kept() == nil {
		u.own.mu.Lock()
		u.own.card = card
		u.own.mu.Unlock()
		u.setAvatar(ctx, v.Photo)
		c.reply(xmpp.Result(iq))
		return
	}
	doc := private.Query(xmpp.New(nsCard, "card").Add(withoutPhoto(card)))
	if err := u.keep(ctx, "set", doc, nil); err != nil {
		c.refuse(iq, err.Condition, err.Text)
		return
	}
	if err := u.publishAvatar(ctx, v); err != nil {
		c.refuse(iq, err.Condition, err.Text)
		return
	}
	c.reply(xmpp.Result(iq))
}

// setAvatar hands the picture to the network.
func (u *User) setAvatar(ctx context.Context, photo []byte) {
	s := u.session.Load()
	if s == nil {
		return
	}
	if err := (*s).SetAvatar(ctx, photo); err != nil {
		u.o.Log.Debug("picture not handed to the session", "err", err)
	}
}

func withoutPhoto(card *xmpp.Element) *xmpp.Element {
	c := *card
	c.Nodes = slices.DeleteFunc(slices.Clone(card.Nodes), func(n xmpp.Node) bool { return n.Element.Is(vcard.NS, "PHOTO") })
	return &c
}

// publishAvatar makes the card's picture the user's PEP avatar. Services tell
// the session of it.
func (u *User) publishAvatar(ctx context.Context, v vcard.VCard) *Error {
	id := vcard.PhotoHash(v.Photo)
	if id == u.avatarID(ctx) {
		return nil
	}
	meta := xmpp.New(avatarMetadata, "metadata")
	item := "current"
	if id != "" {
		data := xmpp.NewText(avatarData, "data", base64.StdEncoding.EncodeToString(v.Photo))
		if err := u.keep(ctx, "set", publish(avatarData, id, data), nil); err != nil {
			return err
		}
		typ := v.PhotoType
		if bytes.HasPrefix(v.Photo, []byte("\x89PNG")) || typ == "" {
			typ = "image/png"
		}
		item = id
		meta.Add(xmpp.New(avatarMetadata, "info").Set("id", id).Set("bytes", strconv.Itoa(len(v.Photo))).Set("type", typ))
	}
	return u.keep(ctx, "set", publish(avatarMetadata, item, meta), nil)
}

func publish(node, id string, payload *xmpp.Element) *xmpp.Element {
	p := xmpp.New(pubsub.NS, "publish").Set("node", node)
	return xmpp.New(pubsub.NS, "pubsub").Add(p.Add(pubsub.Item{ID: id, Payload: payload}.Element(pubsub.NS)))
}

// card is the user's own card, nil without one.
func (u *User) card(ctx context.Context) *xmpp.Element {
	if u.kept() == nil {
		u.own.mu.Lock()
		defer u.own.mu.Unlock()
		return u.own.card
	}
	var doc *xmpp.Element
	if u.keep(ctx, "get", private.Query(xmpp.New(nsCard, "card")), &doc) != nil {
		return nil
	}
	card := doc.Child(nsCard, "card").Child(vcard.NS, "vCard")
	photo := u.avatar(ctx)
	switch {
	case len(photo) == 0:
		return card
	case card == nil:
		card = vcard.Query()
	}
	pictured := vcard.VCard{Photo: photo}.Element()
	return with(card, pictured.Child(vcard.NS, "PHOTO"))
}

// avatarID is the id of the picture that the user shows, "" for none.
func (u *User) avatarID(ctx context.Context) string {
	item := u.lastItem(ctx, avatarMetadata, "")
	return item.Child(avatarMetadata, "metadata").Child(avatarMetadata, "info").Get("id")
}

// avatar is the picture itself.
func (u *User) avatar(ctx context.Context) []byte {
	id := u.avatarID(ctx)
	if id == "" {
		return nil
	}
	text := u.lastItem(ctx, avatarData, id).ChildText(avatarData, "data")
	photo, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return photo
}

// lastItem is an item of one of the user's nodes: the one with this id, or the
// last.
func (u *User) lastItem(ctx context.Context, node, id string) *xmpp.Element {
	items := xmpp.New(pubsub.NS, "items").Set("node", node)
	if id == "" {
		items.Set("max_items", "1")
	} else {
		items.Add(xmpp.New(pubsub.NS, "item").Set("id", id))
	}
	var got *xmpp.Element
	if u.keep(ctx, "get", xmpp.New(pubsub.NS, "pubsub").Add(items), &got) != nil {
		return nil
	}
	return got.Child(pubsub.NS, "items").Child(pubsub.NS, "item")
}

// keep asks Services in the account's own name. answer, if not nil, is given
// the payload.
func (u *User) keep(ctx context.Context, typ string, payload *xmpp.Element, answer **xmpp.Element) *Error {
	refused := &Error{xmpp.ServiceUnavailable, "This is not kept here"}
	s := u.kept()
	if s == nil {
		return refused
	}
	reply, handled := s.IQ(ctx, xmpp.NewIQ(typ, u.bare, u.bare, "").Add(payload))
	switch {
	case !handled:
		return refused
	case reply.Get("type") == "error":
		condition, text := xmpp.ErrorOf(reply)
		return &Error{condition, text}
	case answer != nil:
		*answer = reply.First()
	}
	return nil
}
