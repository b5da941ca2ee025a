// SPDX-License-Identifier: GPL-2.0-or-later

package vcard_test

import (
	"bytes"
	"reflect"
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/vcard"
)

func TestRoundTrip(t *testing.T) {
	want := vcard.VCard{
		FullName: "Joe Doe", Nickname: "joe", Given: "Joe", Family: "Doe", Email: "joe@example.org", Phone: "+49 1",
		URL: "https://example.org/", Birthday: "1970-01-01", Desc: "hello", Photo: []byte("\x89PNG\r\n\x1a\n0000"), PhotoType: "image/png",
	}
	in := want
	in.PhotoType = ""
	if got, ok := vcard.Of(xmpp.NewIQ("result", "", "", "").Add(in.Element())); !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if got, ok := vcard.Of(xmpp.NewIQ("result", "", "", "").Add(vcard.Query())); !ok || !reflect.DeepEqual(got, vcard.VCard{}) {
		t.Errorf("empty: %+v", got)
	}
	if _, ok := vcard.Of(xmpp.NewIQ("result", "", "", "")); ok {
		t.Error("a card out of nothing")
	}
}

func TestAddressAndWork(t *testing.T) {
	want := vcard.VCard{
		Phone: "1", Mobile: "2", Street: "Via Cappello 23", City: "Verona", Region: "Veneto", PostalCode: "37121", Country: "Italy",
		Organisation: "Capulet", Title: "Heiress",
	}
	if got, ok := vcard.Of(xmpp.NewIQ("result", "", "", "").Add(want.Element())); !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if got := (vcard.VCard{Gender: "female"}).Element().ChildText(vcard.NS, "DESC"); got != "Gender: female" {
		t.Errorf("gender is told as %q", got)
	}
}

func TestPhotoIsReadLeniently(t *testing.T) {
	for in, want := range map[string]string{"aGVs\n  bG8=\n": "hello", "no base64!": "", "": ""} {
		st := xmpp.NewIQ("result", "", "", "").Add(xmpp.New(vcard.NS, "vCard").Add(xmpp.New(vcard.NS, "PHOTO").Add(xmpp.NewText(vcard.NS, "BINVAL", in))))
		if got, _ := vcard.Of(st); !bytes.Equal(got.Photo, []byte(want)) {
			t.Errorf("%q: %q", in, got.Photo)
		}
	}
}

func TestUpdate(t *testing.T) {
	hash := vcard.PhotoHash([]byte("abc"))
	if hash != "a9993e364706816aba3e25717850c26c9cd0d89d" || vcard.PhotoHash(nil) != "" {
		t.Error(hash)
	}
	for want, x := range map[string]*xmpp.Element{hash: vcard.Update(hash), "": vcard.Update("")} {
		if got, ok := vcard.UpdateOf(xmpp.NewPresence("", "", "").Add(x)); !ok || got != want {
			t.Errorf("%q: %q, %v", want, got, ok)
		}
	}
	for _, x := range []*xmpp.Element{nil, vcard.Unknown()} {
		if _, ok := vcard.UpdateOf(xmpp.NewPresence("", "", "").Add(x)); ok {
			t.Error("says something")
		}
	}
}
