// SPDX-License-Identifier: GPL-2.0-or-later

package avatar_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/png"
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/avatar"
)

func face(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 32, 16))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDescribe(t *testing.T) {
	photo := face(t)
	i, ok := avatar.Describe(photo)
	if !ok || i.Type != "image/png" || i.Bytes != len(photo) || i.Width != 32 || i.Height != 16 || len(i.ID) != 40 {
		t.Errorf("%+v, %v", i, ok)
	}
	if i, ok := avatar.Describe([]byte("no picture that we can measure")); !ok || i.Width != 0 || i.Bytes == 0 {
		t.Errorf("%+v, %v", i, ok)
	}
	if _, ok := avatar.Describe(nil); ok {
		t.Error("a picture out of nothing")
	}
}

func TestEventsComeThrough(t *testing.T) {
	i, _ := avatar.Describe(face(t))
	for _, want := range []avatar.Info{i, {}, {ID: "x", Type: "image/gif", Bytes: 1}} {
		st, err := xmpp.Parse([]byte(xmpp.NewMessage("headline", "a@b", "c@d").Add(avatar.Event(want)).String()))
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := avatar.EventOf(st); !ok || got != want {
			t.Errorf("%+v became %+v, %v", want, got, ok)
		}
	}
	if _, ok := avatar.EventOf(xmpp.NewMessage("", "a", "b")); ok {
		t.Error("an event out of nothing")
	}
}

func TestAnswers(t *testing.T) {
	photo := face(t)
	i, _ := avatar.Describe(photo)
	item := avatar.Data(i.ID, photo).Child(avatar.NSPubSub, "items").Child(avatar.NSPubSub, "item")
	got, err := base64.StdEncoding.DecodeString(item.ChildText(avatar.NSData, "data"))
	if err != nil || !bytes.Equal(got, photo) || item.Get("id") != i.ID {
		t.Errorf("data: %s, %v", item, err)
	}
	items := avatar.Metadata(i).Child(avatar.NSPubSub, "items")
	if got := avatar.Of(items.Child(avatar.NSPubSub, "item").Child(avatar.NSMetadata, "metadata")); items.Get("node") != avatar.NSMetadata || got != i {
		t.Errorf("metadata: %s", items)
	}
}

func TestQueries(t *testing.T) {
	for text, want := range map[string]avatar.Query{
		"<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='n'><item id='i'/></items></pubsub>": {Node: "n", Item: "i"},
		"<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='n' max_items='1'/></pubsub>":        {Node: "n"},
		"<pubsub xmlns='http://jabber.org/protocol/pubsub'><items/></pubsub>":                               {},
	} {
		e, err := xmpp.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := avatar.QueryOf(e); !ok || got != want {
			t.Errorf("%s: %+v, %v", text, got, ok)
		}
	}
	for _, e := range []*xmpp.Element{nil, xmpp.New(avatar.NSPubSub, "pubsub"), xmpp.New("urn:x", "pubsub").Add(xmpp.New(avatar.NSPubSub, "items"))} {
		if _, ok := avatar.QueryOf(e); ok {
			t.Errorf("a query out of %v", e)
		}
	}
}

// What contacts send as pictures is measured, whatever it is.
func FuzzDescribe(f *testing.F) {
	f.Add(face(f))
	f.Add([]byte("GIF89a\x01\x00\x01\x00"))
	f.Add([]byte("\xff\xd8\xff\xe0"))
	f.Fuzz(func(t *testing.T, photo []byte) {
		i, ok := avatar.Describe(photo)
		if ok != (len(photo) > 0) || i.Bytes != len(photo) {
			t.Errorf("%+v, %v", i, ok)
		}
		if got := avatar.Of(i.Element()); i.Width > 0 && i.Height > 0 && got != i {
			t.Errorf("%+v became %+v", i, got)
		}
	})
}
