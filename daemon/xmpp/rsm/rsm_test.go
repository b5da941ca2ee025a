// SPDX-License-Identifier: GPL-2.0-or-later

package rsm_test

import (
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/rsm"
)

func parse(t *testing.T, s string) *xmpp.Element {
	t.Helper()
	e, err := xmpp.Parse([]byte("<q>" + s + "</q>"))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRequest(t *testing.T) {
	for s, want := range map[string]rsm.Request{
		"": {Max: rsm.Unlimited, Index: rsm.Unlimited},
		"<set xmlns='http://jabber.org/protocol/rsm'/>":                                              {Max: rsm.Unlimited, Index: rsm.Unlimited},
		"<set xmlns='http://jabber.org/protocol/rsm'><max> 10 </max><after>a</after></set>":          {Max: 10, After: "a", Index: rsm.Unlimited},
		"<set xmlns='http://jabber.org/protocol/rsm'><max>0</max><before/></set>":                    {Last: true, Index: rsm.Unlimited},
		"<set xmlns='http://jabber.org/protocol/rsm'><before>b</before><index>7</index></set>":       {Max: rsm.Unlimited, Last: true, Before: "b", Index: 7},
		"<set xmlns='http://jabber.org/protocol/rsm'><max>99999999999999999999999999999</max></set>": {Max: 1 << 30, Index: rsm.Unlimited},
	} {
		got, err := rsm.Of(parse(t, s))
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"<max/>", "<max>-1</max>", "<max>a</max>", "<index>1.5</index>"} {
		if got, err := rsm.Of(parse(t, "<set xmlns='http://jabber.org/protocol/rsm'>"+s+"</set>")); err == nil {
			t.Errorf("%s: %+v", s, got)
		}
	}
}

func TestPage(t *testing.T) {
	for want, p := range map[string]rsm.Page{
		"<set xmlns='http://jabber.org/protocol/rsm'/>":                                                              {Index: rsm.Unlimited, Count: rsm.Unlimited},
		"<set xmlns='http://jabber.org/protocol/rsm'><count>0</count></set>":                                         {Index: 3},
		"<set xmlns='http://jabber.org/protocol/rsm'><first index='0'>a</first><last>b</last><count>9</count></set>": {First: "a", Last: "b", Count: 9},
		"<set xmlns='http://jabber.org/protocol/rsm'><first>a</first><last>a</last></set>":                           {First: "a", Last: "a", Index: rsm.Unlimited, Count: rsm.Unlimited},
	} {
		if got := p.Element().String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
