// SPDX-License-Identifier: GPL-2.0-or-later

// Package avatar is user avatars (XEP-0084) as far as somebody who has a
// picture shows it: what the two nodes answer, and the notification of a new
// one. Nodes in general (XEP-0060, XEP-0163) are not its business.
package avatar

import (
	"bytes"
	"encoding/base64"
	"image"
	_ "image/gif" // what Describe measures
	_ "image/jpeg"
	_ "image/png"
	"net/http"
	"strconv"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/vcard"
)

// The nodes, which are namespaces too; who wants to hear of new pictures says
// Notify in his caps (XEP-0163 §4).
const (
	NSData     = "urn:xmpp:avatar:data"
	NSMetadata = "urn:xmpp:avatar:metadata"
	Notify     = NSMetadata + "+notify"
)

// Namespaces of publish-subscribe (XEP-0060).
const (
	NSPubSub = "http://jabber.org/protocol/pubsub"
	nsEvent  = NSPubSub + "#event"
)

// Info describes a picture.
type Info struct {
	// ID is the SHA-1 of the bytes, in hexadecimal.
	ID, Type      string
	Bytes         int
	Width, Height int // 0 where unknown
}

// Describe looks at a picture; false if it is not one. Only its head is read.
func Describe(photo []byte) (Info, bool) {
	if len(photo) == 0 {
		return Info{}, false
	}
	i := Info{ID: vcard.PhotoHash(photo), Type: http.DetectContentType(photo), Bytes: len(photo)}
	if c, _, err := image.DecodeConfig(bytes.NewReader(photo)); err == nil {
		i.Width, i.Height = c.Width, c.Height
	}
	return i, true
}

// Element is <metadata/>; the zero Info says that there is no picture
// (XEP-0084 §4.2.2).
func (i Info) Element() *xmpp.Element {
	m := xmpp.New(NSMetadata, "metadata")
	if i.ID == "" {
		return m
	}
	e := xmpp.New(NSMetadata, "info").Set("bytes", strconv.Itoa(i.Bytes)).Set("id", i.ID).Set("type", i.Type)
	if i.Width > 0 && i.Height > 0 {
		e.Set("width", strconv.Itoa(i.Width)).Set("height", strconv.Itoa(i.Height))
	}
	return m.Add(e)
}

// Of reads a <metadata/>'s first <info/>; the zero Info for none.
func Of(metadata *xmpp.Element) Info {
	e := metadata.Child(NSMetadata, "info")
	if e == nil {
		return Info{}
	}
	number := func(name string) int {
		n, err := strconv.Atoi(e.Get(name))
		if err != nil || n < 0 {
			return 0
		}
		return n
	}
	return Info{ID: e.Get("id"), Type: e.Get("type"), Bytes: number("bytes"), Width: number("width"), Height: number("height")}
}

// Query is a request for items of a node.
type Query struct {
	Node string
	// Item is the one that is wanted, "" for the latest.
	Item string
}

// QueryOf reads <pubsub/>; false if it asks for no items.
func QueryOf(pubsub *xmpp.Element) (Query, bool) {
	items := pubsub.Child(NSPubSub, "items")
	if !pubsub.Is(NSPubSub, "pubsub") || items == nil {
		return Query{}, false
	}
	return Query{Node: items.Get("node"), Item: items.Child(NSPubSub, "item").Get("id")}, true
}

// Data is the <pubsub/> that answers with the picture itself.
func Data(id string, photo []byte) *xmpp.Element {
	data := xmpp.NewText(NSData, "data", base64.StdEncoding.EncodeToString(photo))
	return answer(NSPubSub, "pubsub", NSData, id, data)
}

// Metadata is the <pubsub/> that answers with what there is.
func Metadata(i Info) *xmpp.Element {
	return answer(NSPubSub, "pubsub", NSMetadata, i.ID, i.Element())
}

// Event is the <event/> that tells of a picture, or with the zero Info that
// there is none any more.
func Event(i Info) *xmpp.Element { return answer(nsEvent, "event", NSMetadata, i.ID, i.Element()) }

// EventOf reads what a message tells; false if it is about something else.
func EventOf(message *xmpp.Element) (Info, bool) {
	items := message.Child(nsEvent, "event").Child(nsEvent, "items")
	if items.Get("node") != NSMetadata {
		return Info{}, false
	}
	m := items.Child(nsEvent, "item").Child(NSMetadata, "metadata")
	return Of(m), m != nil
}

func answer(space, name, node, id string, payload *xmpp.Element) *xmpp.Element {
	item := xmpp.New(space, "item")
	if id != "" {
		item.Set("id", id)
	}
	return xmpp.New(space, name).Add(xmpp.New(space, "items").Set("node", node).Add(item.Add(payload)))
}
