// SPDX-License-Identifier: GPL-2.0-or-later

package private_test

import (
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/private"
)

func TestDocuments(t *testing.T) {
	e, err := xmpp.Parse([]byte("<query xmlns='jabber:iq:private'> <a xmlns='urn:a'/> <b xmlns='urn:b'/></query>"))
	if err != nil {
		t.Fatal(err)
	}
	docs := private.Documents(e)
	if len(docs) != 2 || private.Query(docs...).String() != "<query xmlns='jabber:iq:private'><a xmlns='urn:a'/><b xmlns='urn:b'/></query>" {
		t.Errorf("%v", docs)
	}
}

func TestReservedNamespaces(t *testing.T) {
	for space, want := range map[string]bool{
		"storage:bookmarks": false, "exodus:prefs": false, "jabber:x:encrypted": false,
		"": true, "jabber:iq:private": true, "jabber:iq:roster": true, "jabber:client": true, "vcard-temp": true,
	} {
		if private.Reserved(space) != want {
			t.Errorf("%q reserved: %v", space, !want)
		}
	}
}
