// SPDX-License-Identifier: GPL-2.0-or-later

package rosteritem_test

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
)

func TestAQueryComesOutAsItWentIn(t *testing.T) {
	for _, q := range []rosteritem.Query{
		{},
		{Versioned: true},
		{Versioned: true, Ver: "v1", Items: []rosteritem.Item{
			{JID: "a@b", Name: "A", Subscription: "both", Groups: []string{"g", "h"}},
			{JID: "c@b", Subscription: "none", Ask: true},
			{JID: "d@b", Subscription: rosteritem.Remove},
		}},
	} {
		e, err := xmpp.Parse([]byte(q.Element().String()))
		if err != nil {
			t.Fatal(err)
		}
		if got := rosteritem.Parse(e); !reflect.DeepEqual(got, q) {
			t.Errorf("%+v became %+v", q, got)
		}
	}
}

func TestASumSaysWhatIsInTheListHoweverItCameThere(t *testing.T) {
	a := rosteritem.Item{JID: "a@b", Name: "A", Subscription: "both", Groups: []string{"g", "h"}}
	b := rosteritem.Item{JID: "c@b", Subscription: "none"}
	turned := a
	turned.Groups = []string{"h", "g"}
	both := rosteritem.SumOf(a).Add(rosteritem.SumOf(b))
	if rosteritem.SumOf(b).Add(rosteritem.SumOf(turned)) != both || !a.Equal(turned) {
		t.Error("order counts")
	}
	if both.Sub(rosteritem.SumOf(a)) != rosteritem.SumOf(b) {
		t.Error("what is taken away stays")
	}
	if s := (rosteritem.Sum{}).String(); s == "" || s == both.String() {
		t.Errorf("the version of an empty list is %q", s)
	}
}

// TestItemsThatDifferHaveDifferentSums: nor do fields run into each other.
func TestItemsThatDifferHaveDifferentSums(t *testing.T) {
	text := rapid.StringMatching(`[ab]{0,3}`)
	item := rapid.Custom(func(t *rapid.T) rosteritem.Item {
		return rosteritem.Item{
			JID: text.Draw(t, "jid"), Name: text.Draw(t, "name"), Subscription: text.Draw(t, "subscription"),
			Ask: rapid.Bool().Draw(t, "ask"), Groups: rapid.SliceOfN(text, 0, 3).Draw(t, "groups"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := item.Draw(t, "a"), item.Draw(t, "b")
		if (rosteritem.SumOf(a) == rosteritem.SumOf(b)) != a.Equal(b) {
			t.Fatalf("%+v and %+v", a, b)
		}
	})
}
