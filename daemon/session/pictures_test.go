// SPDX-License-Identifier: GPL-2.0-or-later

package session_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/session"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/avatar"
	"spectrum.im/spectrum2/daemon/xmpp/disco"
	"spectrum.im/spectrum2/daemon/xmpp/vcard"
)

// face is a picture of its own for each size.
func face(t *testing.T, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, size, size))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pictured(name string, photo []byte) *pbnetwork.Buddy {
	b := buddy(name, stOnline)
	b.IconHash = proto.String(vcard.PhotoHash(photo))
	return b
}

// curious is a client that wants to hear of avatars.
var curious = disco.Info{
	Identities: []disco.Identity{{Category: "client", Type: "pc", Name: "Curious"}},
	Features:   []string{disco.NSInfo, avatar.Notify},
}

// comes shows a client with caps; it answers what it can, if it is asked.
func (w *world) comes(resource string, info disco.Info) (wasAsked bool) {
	w.t.Helper()
	caps := disco.NewCaps("https://client.example", info).Element()
	w.post(fmt.Sprintf("<presence from='%s/%s' to='gw.example'>%s</presence>", romeo, resource, caps))
	var rest []*xmpp.Element
	for _, st := range w.front.take() {
		q := st.Child(disco.NSInfo, "query")
		if st.Name != "iq" || q == nil {
			rest = append(rest, st)
			continue
		}
		wasAsked = true
		info.Node = q.Get("node")
		w.post(fmt.Sprintf("<iq type='result' from='%s' to='gw.example' id='%s'>%s</iq>", st.Get("to"), st.Get("id"), info.Element()))
	}
	w.front.mu.Lock()
	w.front.sent = append(rest, w.front.sent...)
	w.front.mu.Unlock()
	return wasAsked
}

// told are the avatars that clients were told of: "from>to id".
func told(sts []*xmpp.Element) (out []string) {
	for _, st := range sts {
		if i, ok := avatar.EventOf(st); ok {
			out = append(out, fmt.Sprintf("%s>%s %s %dx%d %d", short(st.Get("from")), short(st.Get("to")), i.ID, i.Width, i.Height, i.Bytes))
		}
	}
	return out
}

func event(photo []byte, resource string, size int) string {
	return fmt.Sprintf("juliet@gw>romeo/%s %s %dx%d %d", resource, vcard.PhotoHash(photo), size, size, len(photo))
}

func TestClientsThatWantToKnowAreToldOfAvatars(t *testing.T) {
	one, two := face(t, 1), face(t, 2)
	inWorld(t, func(w *world) {
		w.net.photos = map[string][]byte{"juliet": one}
		w.net.contacts = []*pbnetwork.Buddy{pictured("juliet", one), buddy("nurse", stOnline)}
	}, func(w *world) {
		if !w.comes("a", curious) {
			t.Fatal("the client was not asked what it can")
		}
		w.wait(time.Second)
		w.compare(told(w.front.take()), []string{event(one, "a", 1)})
		if w.comes("b", curious) {
			t.Error("the same kind of client was asked again")
		}
		w.comes("c", disco.Info{Features: []string{"urn:other"}})
		w.compare(told(w.front.take()), []string{event(one, "b", 1)})
		w.buddyChanged(pictured("juliet", one))
		if w.net.cards != 1 {
			t.Errorf("one picture was fetched %d times", w.net.cards)
		}
		w.net.set(func(n *network) { n.photos["juliet"] = two })
		w.buddyChanged(pictured("juliet", two))
		w.compare(told(w.front.take()), []string{event(two, "a", 2), event(two, "b", 2)})
		w.buddyChanged(pictured("juliet", nil))
		w.compare(told(w.front.take()), []string{"juliet@gw>romeo/a  0x0 0", "juliet@gw>romeo/b  0x0 0"})
	})
}

func TestAvatarsAreFetchedForNobody(t *testing.T) {
	inWorld(t, func(w *world) {
		w.net.contacts = []*pbnetwork.Buddy{pictured("juliet", face(t, 1))}
	}, func(w *world) {
		w.online("a")
		w.wait(time.Minute)
		if w.net.cards != 0 {
			t.Errorf("%d pictures were fetched for no one", w.net.cards)
		}
	})
}

func TestManyAvatarsAreFetchedAFewAtATimeAndRemembered(t *testing.T) {
	photo := face(t, 3)
	inWorld(t, func(w *world) {
		w.net.photos = map[string][]byte{}
		for i := range 50 {
			name := fmt.Sprintf("c%02d", i)
			w.net.photos[name] = photo
			w.net.contacts = append(w.net.contacts, pictured(name, photo))
			w.store.contacts[name] = store.Contact{UserID: 7, Name: name, Subscription: "both", Settings: map[string]string{"icon_hash": vcard.PhotoHash(photo)}}
		}
	}, func(w *world) {
		w.comes("a", curious)
		w.wait(time.Second)
		if got := told(w.front.take()); len(got) != 50 || w.net.cards != 50 {
			t.Errorf("%d avatars told, %d fetched", len(got), w.net.cards)
		}
		w.cancel()
		<-w.done
		w.start() // a new session
		w.front.take()
		w.comes("a", curious)
		w.wait(time.Second)
		if got := told(w.front.take()); len(got) != 50 || w.net.cards != 50 {
			t.Errorf("later %d avatars told, %d fetched", len(got), w.net.cards)
		}
	})
}

func TestCapsThatLieSpeakForOneClientOnly(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		honest := disco.Info{Features: []string{"urn:honest"}}
		caps := disco.NewCaps("https://client.example", curious)
		w.post(fmt.Sprintf("<presence from='%s/liar' to='gw.example'>%s</presence>", romeo, caps.Element()))
		for _, st := range w.front.take() {
			if st.Name == "iq" {
				w.post(fmt.Sprintf("<iq type='result' from='%s' to='gw.example' id='%s'>%s</iq>", st.Get("to"), st.Get("id"), honest.Element()))
			}
		}
		if !w.comes("b", curious) {
			t.Error("what a client said under another's hash was believed")
		}
	})
}

func pubsub(node, item string) string {
	if item != "" {
		item = "<item id='" + item + "'/>"
	}
	return "<iq type='get' id='p' from='" + romeo + "/a' to='juliet@gw.example'>" +
		"<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='" + node + "'>" + item + "</items></pubsub></iq>"
}

func TestAvatarNodesOfContacts(t *testing.T) {
	photo := face(t, 4)
	id := vcard.PhotoHash(photo)
	inWorld(t, func(w *world) {
		w.net.photos = map[string][]byte{"juliet": photo}
		w.net.contacts = []*pbnetwork.Buddy{pictured("juliet", photo)}
	}, func(w *world) {
		w.online("a")
		items := func() *xmpp.Element {
			sts := w.front.take()
			if len(sts) != 1 || sts[0].Get("type") != "result" {
				t.Fatalf("answered %v", briefs(sts))
			}
			return sts[0].Child(avatar.NSPubSub, "pubsub").Child(avatar.NSPubSub, "items")
		}
		w.post(pubsub(avatar.NSMetadata, ""))
		item := items().Child(avatar.NSPubSub, "item")
		info := avatar.Of(item.Child(avatar.NSMetadata, "metadata"))
		if want := (avatar.Info{ID: id, Type: "image/png", Bytes: len(photo), Width: 4, Height: 4}); info != want || item.Get("id") != id {
			t.Errorf("metadata %+v, want %+v", info, want)
		}
		for range 3 {
			w.post(pubsub(avatar.NSData, id))
			text := items().Child(avatar.NSPubSub, "item").ChildText(avatar.NSData, "data")
			if got, err := base64.StdEncoding.DecodeString(text); err != nil || !bytes.Equal(got, photo) {
				t.Errorf("picture %q, %v", text, err)
			}
		}
		if w.net.cards != 1 {
			t.Errorf("fetched %d times", w.net.cards)
		}
		for _, c := range []struct{ stanza, condition string }{
			{pubsub(avatar.NSData, strings.Repeat("0", 40)), "item-not-found"},
			{pubsub("urn:other", ""), "item-not-found"},
			{strings.Replace(pubsub("x", ""), "items", "subscriptions", 2), "feature-not-implemented"},
			{strings.ReplaceAll(pubsub(avatar.NSData, ""), "juliet", "nurse"), "item-not-found"},
			{strings.ReplaceAll(pubsub(avatar.NSData, ""), "type='get'", "type='set'"), "service-unavailable"},
		} {
			w.post(c.stanza)
			if cond, _ := xmpp.ErrorOf(w.front.take()[0]); cond != c.condition {
				t.Errorf("%s answered %q", c.stanza, cond)
			}
		}
		w.net.set(func(n *network) { n.away = true })
		w.wait(2 * time.Minute) // the photo is forgotten
		w.backend((*link).crash)
		w.front.take()
		w.post(pubsub(avatar.NSData, id))
		if cond, _ := xmpp.ErrorOf(w.front.take()[0]); cond != "recipient-unavailable" {
			t.Errorf("offline: %q", cond)
		}
	})
}

func TestContactsSayThatTheyHaveAvatars(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.online("a")
		w.post("<iq type='get' id='1' from='" + romeo + "/a' to='juliet@gw.example'><query xmlns='" + disco.NSInfo + "'/></iq>")
		info := disco.ParseInfo(w.front.take()[0].Child(disco.NSInfo, "query"))
		pep := false
		for _, i := range info.Identities {
			pep = pep || i.Category == "pubsub" && i.Type == "pep"
		}
		if !pep || !info.Has(avatar.NSPubSub) {
			t.Errorf("%+v", info)
		}
	})
}

func TestOneCapsCacheServesManySessions(t *testing.T) {
	cache := session.NewCapsCache()
	for i := range 2 {
		inWorld(t, func(w *world) { w.opts = func(o *session.Options) { o.Caps = cache } }, func(w *world) {
			if got := w.comes("a", curious); got != (i == 0) {
				t.Errorf("session %d asked: %v", i, got)
			}
		})
	}
}
