// SPDX-License-Identifier: GPL-2.0-or-later

package mam_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
	"spectrum.im/spectrum2/daemon/xmpp/mam"
	"spectrum.im/spectrum2/daemon/xmpp/rsm"
)

func parse(t testing.TB, s string) *xmpp.Element {
	t.Helper()
	e, err := xmpp.Parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

const query = "<query xmlns='urn:xmpp:mam:2' queryid='f27'>" +
	"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>" +
	"<field var='with'><value>juliet@capulet.lit</value></field><field var='start'><value>2010-06-07T00:00:00Z</value></field>" +
	"<field var='end'><value>2010-07-07T13:23:54.5+02:00</value></field><field var='after-id'><value>a</value></field>" +
	"<field var='before-id'><value>b</value></field><field var='ids'><value>1</value><value>2</value></field></x>" +
	"<set xmlns='http://jabber.org/protocol/rsm'><max>10</max></set><flip-page/></query>"

func TestQuery(t *testing.T) {
	got, err := mam.ParseQuery(parse(t, query))
	want := mam.Query{
		ID: "f27", With: "juliet@capulet.lit", Start: time.Date(2010, 6, 7, 0, 0, 0, 0, time.UTC), End: time.Date(2010, 7, 7, 11, 23, 54, 500e6, time.UTC),
		AfterID: "a", BeforeID: "b", IDs: []string{"1", "2"}, Flip: true, Page: rsm.Request{Max: 10, Index: rsm.Unlimited},
	}
	got.End = got.End.UTC()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := mam.ParseQuery(parse(t, "<query xmlns='urn:xmpp:mam:2' node='n'/>")); !errors.Is(err, mam.ErrUnsupported) {
		t.Errorf("a node's archive: %v", err)
	}
}

// TestFormCanBeFilledIn: what the form offers, a query may have.
func TestFormCanBeFilledIn(t *testing.T) {
	f := mam.Form()
	f.Type = dataform.TypeSubmit
	q, err := mam.ParseQuery(xmpp.New(mam.NS, "query").Add(f.Element()))
	if err != nil || q.With != "" || !q.Start.IsZero() || len(q.IDs) != 0 {
		t.Errorf("got %+v, %v", q, err)
	}
}

func TestStanzaIDOfAnother(t *testing.T) {
	st := parse(t, "<message xmlns='jabber:client'><stanza-id xmlns='urn:xmpp:sid:0' by='a@b' id='1'/></message>").Add(mam.StanzaID("c@d", "2"))
	if a, c, x := mam.IDBy(st, "a@b"), mam.IDBy(st, "c@d"), mam.IDBy(st, "x@y"); a != "1" || c != "2" || x != "" {
		t.Errorf("%q, %q, %q", a, c, x)
	}
}

func TestPrefsSurvive(t *testing.T) {
	want := mam.Prefs{Default: mam.Never, Always: []string{"a@b"}, Never: []string{"c@d", "e@f"}}
	got, err := mam.ParsePrefs(parse(t, want.Element().String()))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// FuzzQuery: no query makes the parser panic, or gives numbers out of range.
func FuzzQuery(f *testing.F) {
	f.Add(query)
	f.Add("<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>99999999999</max><before>x</before></set></query>")
	f.Fuzz(func(t *testing.T, s string) {
		e, err := xmpp.Parse([]byte(s))
		if err != nil {
			return
		}
		q, err := mam.ParseQuery(e)
		if err == nil && (q.Page.Max < rsm.Unlimited || len(q.IDs) > 100 || q.Start.Unix() < 0 && !q.Start.IsZero()) {
			t.Errorf("%s: %+v", s, q)
		}
	})
}
