// SPDX-License-Identifier: GPL-2.0-or-later

package register_test

import (
	"reflect"
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
	"spectrum.im/spectrum2/daemon/xmpp/register"
)

func TestRoundTrip(t *testing.T) {
	want := &register.Query{
		Registered: true, Instructions: "type", Fields: []register.Field{{"username", "joe"}, {"password", ""}},
		Form: dataform.New(dataform.TypeForm, register.NS).Add(dataform.Field{Var: "username"}), URL: "https://example.org/",
	}
	if got := register.Parse(want.Element()); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if got := register.Parse(register.Query{Remove: true}.Element()); !got.Remove || got.Registered {
		t.Errorf("%+v", got)
	}
	if register.Parse(xmpp.New("urn:x", "query")) != nil || register.Parse(nil) != nil {
		t.Error("a query out of nothing")
	}
}

func TestValues(t *testing.T) {
	legacy := &register.Query{Fields: []register.Field{{"username", "joe"}, {"password", "x"}}}
	if got := legacy.Values(); got["username"] != "joe" || got["password"] != "x" || len(got) != 2 {
		t.Errorf("%v", got)
	}
	both := &register.Query{Fields: legacy.Fields, Form: dataform.Submit(register.NS, "username", "ann")}
	if got := both.Values(); got["username"] != "ann" || len(got) != 1 {
		t.Errorf("the data form does not count: %v", got)
	}
	if both.Cancelled() || !(&register.Query{Form: &dataform.Form{Type: dataform.TypeCancel}}).Cancelled() {
		t.Error("Cancelled")
	}
}
