// SPDX-License-Identifier: GPL-2.0-or-later

package disco_test

import (
	"reflect"
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
	"spectrum.im/spectrum2/daemon/xmpp/disco"
)

func simple() disco.Info {
	return disco.Info{
		Identities: []disco.Identity{{Category: "client", Type: "pc", Name: "Exodus 0.9.1"}},
		Features: []string{
			"http://jabber.org/protocol/caps", "http://jabber.org/protocol/disco#info",
			"http://jabber.org/protocol/disco#items", "http://jabber.org/protocol/muc",
		},
	}
}

// TestHash has the examples of XEP-0115 §5.2 and §5.3.
func TestHash(t *testing.T) {
	if got := simple().Hash(); got != "QgayPKawpkPSDYmwT/WM94uAlu0=" {
		t.Errorf("simple: %s", got)
	}
	const query = `<query xmlns='http://jabber.org/protocol/disco#info' node='http://psi-im.org#q07IKJEyjvHSyhy//CH0CxmKi8w='>
	<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>
	<identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>
	<feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#info'/>
	<feature var='http://jabber.org/protocol/disco#items'/><feature var='http://jabber.org/protocol/muc'/>
	<x xmlns='jabber:x:data' type='result'>
	<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>
	<field var='ip_version' type='text-multi'><value>ipv4</value><value>ipv6</value></field>
	<field var='os'><value>Mac</value></field><field var='os_version'><value>10.5.1</value></field>
	<field var='software'><value>Psi</value></field><field var='software_version'><value>0.11</value></field>
	</x></query>`
	e, err := xmpp.Parse([]byte(query))
	if err != nil {
		t.Fatal(err)
	}
	info := disco.ParseInfo(e)
	if got := info.Hash(); got != "q07IKJEyjvHSyhy//CH0CxmKi8w=" {
		t.Errorf("complex: %s", got)
	}
	if back := disco.ParseInfo(info.Element()); !reflect.DeepEqual(back, info) {
		t.Errorf("%+v\nbecame %+v", info, back)
	}
	if !info.Has("http://jabber.org/protocol/muc") || info.Has("urn:x") {
		t.Error("Has")
	}
}

// TestHashLeavesUntypedFormsOut after XEP-0115 §5.4.
func TestHashLeavesUntypedFormsOut(t *testing.T) {
	i := simple()
	i.Forms = []*dataform.Form{dataform.New(dataform.TypeResult, "").Add(dataform.Field{Var: "x", Values: []string{"y"}})}
	if i.Hash() != simple().Hash() {
		t.Error("a form without FORM_TYPE counts")
	}
}

func TestCaps(t *testing.T) {
	p := xmpp.NewPresence("", "a", "b")
	if _, ok := disco.CapsOf(p); ok {
		t.Error("caps out of nothing")
	}
	want := disco.NewCaps("https://spectrum.im", simple())
	if got, ok := disco.CapsOf(p.Add(want.Element())); !ok || got != want || got.Hash != "sha-1" {
		t.Error(got)
	}
}

func TestItems(t *testing.T) {
	want := disco.Items{Node: "n", Items: []disco.Item{{JID: "a@b", Name: "A"}, {JID: "b", Node: "c"}}}
	if got := disco.ParseItems(want.Element()); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}
