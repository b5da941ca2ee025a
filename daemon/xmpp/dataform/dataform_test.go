// SPDX-License-Identifier: GPL-2.0-or-later

package dataform_test

import (
	"reflect"
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
)

func TestRoundTrip(t *testing.T) {
	want := dataform.New(dataform.TypeForm, "jabber:iq:register").Add(
		dataform.Field{Var: "username", Type: dataform.TextSingle, Label: "Name", Desc: "your name", Required: true, Values: []string{"joe"}},
		dataform.Field{Var: "lang", Type: dataform.ListSingle, Options: []dataform.Option{{Label: "German", Value: "de"}, {Value: "en"}}},
		dataform.Field{Type: dataform.Fixed, Values: []string{"one", "two"}},
	)
	want.Title, want.Instructions = "Registration", "first\nsecond"
	want.Reported = []dataform.Field{{Var: "a", Label: "A"}}
	want.Items = [][]dataform.Field{{{Var: "a", Values: []string{"1"}}}, {{Var: "a", Values: []string{"2"}}}}
	e, err := xmpp.Parse([]byte(want.Element().String()))
	if err != nil {
		t.Fatal(err)
	}
	if got := dataform.Parse(e); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestSubmission(t *testing.T) {
	e, err := xmpp.Parse([]byte(`<x xmlns='jabber:x:data'><field var='FORM_TYPE'><value>t</value></field>` +
		`<field var='a'><value>1</value><value>2</value></field><field var='b'><value>true</value></field><field var='c'/><field><value>n</value></field></x>`))
	if err != nil {
		t.Fatal(err)
	}
	f := dataform.Parse(e)
	if f.Type != dataform.TypeSubmit || f.FormType() != "t" || f.Get("a") != "1" || !f.Bool("b") || f.Bool("a") != true || f.Bool("c") || !f.Has("c") || f.Has("d") {
		t.Errorf("%+v", f)
	}
	if got := f.Values(); !reflect.DeepEqual(got, map[string]string{"a": "1\n2", "b": "true", "c": ""}) {
		t.Errorf("%v", got)
	}
	if got := dataform.Parse(dataform.Submit("t", "a", "1").Element()); got.Get("a") != "1" || got.FormType() != "t" {
		t.Errorf("%+v", got)
	}
}

func TestNoForm(t *testing.T) {
	var f *dataform.Form
	if dataform.Of(xmpp.New("urn:x", "y")) != nil || f.Element() != nil || f.Get("a") != "" || len(f.Values()) != 0 {
		t.Error("a form out of nothing")
	}
}
