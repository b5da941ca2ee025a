// SPDX-License-Identifier: GPL-2.0-or-later

package search_test

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
	"spectrum.im/spectrum2/daemon/xmpp/search"
)

var form = search.Form{
	Instructions: "Who?",
	Fields: []search.Field{
		{Name: "nick", Label: "Nickname"},
		{Name: "uin", Label: "Number"},
		{Name: "gender", Options: []string{"female", "male"}},
	},
}

var found = search.Result{
	Columns: []search.Column{{Name: "nick", Label: "Nickname"}, {Name: "uin"}, {Name: "jid"}},
	Rows: []search.Row{
		{JID: "1@icq.example", Values: []string{"Juliet", "1", "odd"}},
		{JID: "2@icq.example", Values: []string{"Nurse"}},
	},
	More: true,
}

// ask is a client's IQ.
func ask(t *testing.T, typ, query string) *xmpp.Element {
	t.Helper()
	iq, err := xmpp.Parse([]byte("<iq xmlns='jabber:client' from='a@b/c' to='icq.example' id='1' type='" + typ + "'>" + query + "</iq>"))
	if err != nil {
		t.Fatal(err)
	}
	return iq
}

// through is what the client gets: over the wire.
func through(t *testing.T, st *xmpp.Element) *xmpp.Element {
	t.Helper()
	back, err := xmpp.Parse([]byte(st.String()))
	if err != nil {
		t.Fatalf("%s: %v", st, err)
	}
	return back
}

const (
	empty  = "<query xmlns='jabber:iq:search'/>"
	legacy = "<query xmlns='jabber:iq:search'><nick>jul</nick><last/><uin>9</uin></query>"
	typed  = "<query xmlns='jabber:iq:search'><nick>other</nick><x xmlns='jabber:x:data' type='submit'>" +
		"<field var='FORM_TYPE'><value>jabber:iq:search</value></field><field var='uin'><value>1</value></field>" +
		"<field var='unheard'><value>1</value></field><field var='nick'><value/></field></x></query>"
	cancelled = "<query xmlns='jabber:iq:search'><x xmlns='jabber:x:data' type='cancel'/></query>"
)

func TestFormIsOfferedBothWays(t *testing.T) {
	q := through(t, search.Reply(t.Context(), ask(t, "get", empty), form, nil)).Child(search.NS, "query")
	if q.ChildText(search.NS, "instructions") != "Who?" || q.Child(search.NS, "nick") == nil || q.Child(search.NS, "uin") != nil {
		t.Errorf("legacy rendering: %s", q)
	}
	x := dataform.Of(q)
	if x.FormType() != search.NS || x.Field("uin").Label != "Number" || x.Field("gender").Type != dataform.ListSingle || len(x.Field("gender").Options) != 2 {
		t.Errorf("form: %s", q)
	}
}

func TestSearchesAreAnsweredAsTheyWereAsked(t *testing.T) {
	for query, want := range map[string]map[string]string{legacy: {"nick": "jul"}, typed: {"uin": "1"}} {
		var asked map[string]string
		reply := through(t, search.Reply(t.Context(), ask(t, "set", query), form, func(_ context.Context, fields map[string]string) (search.Result, error) {
			asked = fields
			return found, nil
		}))
		if !reflect.DeepEqual(asked, want) {
			t.Errorf("searched by %v, want %v", asked, want)
		}
		q := reply.Child(search.NS, "query")
		if query == legacy {
			item := q.Child(search.NS, "item")
			if item.Get("jid") != "1@icq.example" || item.ChildText(search.NS, "nick") != "Juliet" || item.Child(search.NS, "uin") != nil {
				t.Errorf("legacy items: %s", q)
			}
			continue
		}
		x := dataform.Of(q)
		if x.Type != dataform.TypeResult || len(x.Reported) != 3 || x.Reported[0].Var != "jid" || len(x.Items) != 2 || x.Instructions == "" {
			t.Fatalf("table: %s", q)
		}
		for i, want := range []string{"1@icq.example", "Juliet", "1"} {
			if got := x.Items[0][i].Value(); got != want {
				t.Errorf("cell %d is %q, want %q", i, got, want)
			}
		}
		if len(x.Items[1]) != 3 || x.Items[1][2].Value() != "" {
			t.Errorf("a row that is too short: %+v", x.Items[1])
		}
	}
}

func TestSearchesThatAreRefused(t *testing.T) {
	fail := func(err error) search.Find {
		return func(context.Context, map[string]string) (search.Result, error) { return search.Result{}, err }
	}
	needed := search.Form{Fields: []search.Field{{Name: "nick", Label: "Nickname", Required: true}, {Name: "email"}}}
	for name, c := range map[string]struct {
		typ, query      string
		form            search.Form
		find            search.Find
		condition, text string
	}{
		"no search":            {"set", "<query xmlns='urn:other'/>", form, nil, "bad-request", "This is no search"},
		"nothing at all":       {"get", "", form, nil, "bad-request", "This is no search"},
		"an empty form":        {"set", empty, form, nil, "not-acceptable", "Fill in at least one field"},
		"a field that is none": {"set", "<query xmlns='jabber:iq:search'><email>a@b</email></query>", form, nil, "not-acceptable", "Fill in at least one field"},
		"a needed field":       {"set", "<query xmlns='jabber:iq:search'><email>a@b</email></query>", needed, nil, "not-acceptable", "Nickname is needed"},
		"the network's reason": {"set", legacy, form, fail(&search.Error{Condition: "not-authorized", Text: "Log in."}), "not-authorized", "Log in."},
		"an inner error":       {"set", legacy, form, fail(errors.New("dial tcp 10.0.0.1")), "service-unavailable", "The search could not be made"},
	} {
		reply := through(t, search.Reply(t.Context(), ask(t, c.typ, c.query), c.form, c.find))
		if cond, text := xmpp.ErrorOf(reply); cond != c.condition || text != c.text {
			t.Errorf("%s: %s %q", name, cond, text)
		}
	}
	if r := search.Reply(t.Context(), ask(t, "set", cancelled), form, nil); r.Get("type") != "result" || r.First() != nil {
		t.Errorf("a dismissed form: %s", r)
	}
}

// Whatever a client sends, the answer can be sent.
func FuzzReply(f *testing.F) {
	for _, q := range []string{empty, legacy, typed, cancelled, ""} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		iq, err := xmpp.Parse([]byte("<iq xmlns='jabber:client' from='a@b/c' to='x' id='1' type='set'>" + query + "</iq>"))
		if err != nil {
			return
		}
		through(t, search.Reply(t.Context(), iq, form, func(context.Context, map[string]string) (search.Result, error) { return found, nil }))
	})
}
