// SPDX-License-Identifier: GPL-2.0-or-later

package clients_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
)

const rosterGet = `<iq type='get' id='r'><query xmlns='jabber:iq:roster' ver=''/></iq>`

func queryOf(st *xmpp.Element) rosteritem.Query {
	q := st.Child(rosteritem.NS, "query")
	if q == nil {
		return rosteritem.Query{}
	}
	return rosteritem.Parse(q)
}

func TestRosterGetAndVersions(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.s.roster[joe] = rosteritem.Item{JID: joe, Name: "Joe", Subscription: "both", Groups: []string{"b", "a"}}
		a := w.online("a", 0)
		q := queryOf(a.asks(rosterGet))
		if q.Ver == "" || len(q.Items) != 1 || !q.Items[0].Equal(w.s.roster[joe]) {
			t.Fatalf("roster: %+v", q)
		}
		st := a.asks(`<iq type='get' id='r'><query xmlns='jabber:iq:roster' ver='` + q.Ver + `'/></iq>`)
		if st.Get("type") != "result" || st.First() != nil {
			t.Errorf("nothing changed, but: %s", st)
		}
		a.send(`<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='ann@` + domain + `' name='Ann'><group>x</group></item></query></iq>`)
		got := a.got()
		if len(got) != 2 {
			t.Fatalf("after a change: %v", brief(got))
		}
		push := queryOf(got[0])
		if push.Ver == q.Ver || len(push.Items) != 1 || push.Items[0].Name != "Ann" || got[0].Get("from") != me || got[0].Get("type") != "set" {
			t.Errorf("push: %s", got[0])
		}
		if got[1].Get("type") != "result" {
			t.Errorf("answer: %s", got[1])
		}
		// The version of the push is the one of the list, also for another
		// process, which knows nothing of the first.
		again := newWorld(t)
		again.s.roster = w.s.roster
		b := again.online("b", 0)
		if st := b.asks(`<iq type='get' id='r'><query xmlns='jabber:iq:roster' ver='` + push.Ver + `'/></iq>`); st.First() != nil {
			t.Errorf("the version of the push is not the list's: %s", st)
		}
		a.asks2(`<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='ann@` + domain + `' subscription='remove'/></query></iq>`)
		if st := a.asks(`<iq type='get' id='r'><query xmlns='jabber:iq:roster' ver='` + q.Ver + `'/></iq>`); st.First() != nil {
			t.Errorf("the list is what it was before, but: %s", st)
		}
	})
}

func TestPushesGoToWhoAskedForTheRoster(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.several("a:0 b:0 c")
		p[0].asks(rosterGet)
		p[2].asks(`<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>`)
		if err := w.s.edit(t.Context(), rosteritem.Item{JID: joe, Subscription: "both"}); err != nil {
			t.Fatal(err)
		}
		for i, want := range []int{1, 0, 1} {
			if got := p[i].got(); len(got) != want {
				t.Errorf("%s got %v", p[i].full, brief(got))
			}
		}
	})
}

// TestRosterChangesThatAreRefused is RFC 6121 §2.3.3.
func TestRosterChangesThatAreRefused(t *testing.T) {
	long := strings.Repeat("x", 1024)
	for _, c := range []struct{ items, condition string }{
		{``, xmpp.BadRequest},
		{`<item jid='` + joe + `'/><item jid='ann@` + domain + `'/>`, xmpp.BadRequest},
		{`<item name='x'/>`, xmpp.BadRequest},
		{`<item jid='@@'/>`, xmpp.JIDMalformed},
		{`<item jid='` + me + `'/>`, xmpp.NotAllowed},
		{`<item jid='` + me + `/a'/>`, xmpp.NotAllowed},
		{`<item jid='` + domain + `'/>`, xmpp.NotAcceptable},
		{`<item jid='joe@jabber.org'/>`, xmpp.NotAcceptable},
		{`<item jid='` + joe + `' name='` + long + `'/>`, xmpp.NotAcceptable},
		{`<item jid='` + joe + `'><group/></item>`, xmpp.NotAcceptable},
		{`<item jid='` + joe + `'><group>` + long + `</group></item>`, xmpp.NotAcceptable},
		{`<item jid='` + joe + `'>` + manyGroups(101) + `</item>`, xmpp.NotAcceptable},
		{`<item jid='` + joe + `'><group>a</group><group>a</group></item>`, xmpp.BadRequest},
		{`<item jid='` + joe + `' subscription='remove'/>`, xmpp.ItemNotFound},
	} {
		inWorld(t, func(t *testing.T, w *world) {
			p := w.online("a", 0)
			p.asks(rosterGet)
			st := p.asks(`<iq type='set' id='s'><query xmlns='jabber:iq:roster'>` + c.items + `</query></iq>`)
			if got, _ := xmpp.ErrorOf(st); got != c.condition || len(w.s.roster) != 0 {
				t.Errorf("%.200s: %s, want %s", c.items, got, c.condition)
			}
		})
	}
}

func manyGroups(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "<group>%d</group>", i)
	}
	return b.String()
}

func TestAContactIsAddedByItsBareAddress(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.online("a", 0)
		p.asks(`<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='JOE@` + domain + `/x' subscription='both' name='J'/></query></iq>`)
		if w.s.roster[joe].Name != "J" {
			t.Errorf("roster: %+v", w.s.roster)
		}
	})
}

func TestARosterThatCannotBeRead(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.online("a", 0)
		w.s.refuse = errDown
		refused(t, p.asks(rosterGet), xmpp.RecipientUnavailable)
		w.s.refuse = nil
		if st := p.asks(rosterGet); st.Get("type") != "result" {
			t.Error(st)
		}
	})
}

// TestAPushNeverComesBeforeAnOlderList: the list changes while it is on its way.
func TestAPushNeverComesBeforeAnOlderList(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p, other := w.online("a", 0), w.online("b", 0)
		other.asks(rosterGet)
		before := rosteritem.Item{JID: joe, Name: "old", Subscription: "both"}
		after := before
		after.Name = "new"
		w.s.roster[joe] = before
		w.s.reading = func() {
			for _, name := range []string{"newer", "new"} {
				i := after
				i.Name = name
				_ = w.u.PushRoster(context.Background(), []rosteritem.Item{i})
			}
		}
		got := p.asks2(rosterGet)
		if len(got) != 2 || queryOf(got[0]).Items[0].Name != "old" || queryOf(got[1]).Items[0].Name != "new" {
			t.Fatalf("got %v", got)
		}
		if len(other.got()) != 2 {
			t.Error("the other client waits for nothing")
		}
		w.s.reading, w.s.roster[joe] = nil, after
		if st := p.asks(`<iq type='get' id='r'><query xmlns='jabber:iq:roster' ver='` + queryOf(got[1]).Ver + `'/></iq>`); st.First() != nil {
			t.Errorf("the version of the push is not the list's: %s", st)
		}
	})
}

// TestClientsHaveTheSessionsRoster: whatever happens to the list and whoever
// asks for it when, each client that follows has what the session has, and the
// version that it remembers is the list's.
func TestClientsHaveTheSessionsRoster(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		mirrors := map[*peer]*mirror{}
		for _, r := range []string{"a", "b", "c"} {
			mirrors[w.bind(r)] = &mirror{items: map[string]rosteritem.Item{}}
		}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			i := rosteritem.Item{
				JID:  rapid.SampledFrom([]string{"a@" + domain, "b@" + domain, "c@" + domain}).Draw(rt, "jid"),
				Name: rapid.SampledFrom([]string{"", "x", "y"}).Draw(rt, "name"), Subscription: "both",
				Groups: rapid.SliceOfN(rapid.SampledFrom([]string{"g", "h"}), 0, 2).Draw(rt, "groups"),
			}
			switch rapid.IntRange(0, 2).Draw(rt, "what") {
			case 0:
				_ = w.s.edit(t.Context(), i)
			case 1:
				_ = w.s.RemoveContact(t.Context(), i.JID)
			default:
				for p, m := range mirrors {
					if rapid.Bool().Draw(rt, "asks") {
						m.following = true
						p.send(`<iq type='get' id='r'><query xmlns='jabber:iq:roster' ver='` + m.ver + `'/></iq>`)
					}
				}
			}
			for p, m := range mirrors {
				w.u.Clients() // everything before it has happened
				m.take(p.conn.take())
			}
		}
		want, _ := w.s.Roster(t.Context())
		ver := ""
		for p, m := range mirrors {
			if !m.following {
				continue
			}
			if len(m.items) != len(want) {
				rt.Fatalf("%s has %d contacts of %d", p.full, len(m.items), len(want))
			}
			for _, i := range want {
				if !m.items[i.JID].Equal(i) {
					rt.Fatalf("%s has %+v instead of %+v", p.full, m.items[i.JID], i)
				}
			}
			if ver != "" && m.ver != ver {
				rt.Fatalf("versions differ: %s, %s", m.ver, ver)
			}
			ver = m.ver
		}
	})
}

// mirror is a client's copy of the roster, kept as RFC 6121 §2.6 says.
type mirror struct {
	following bool
	ver       string
	items     map[string]rosteritem.Item
}

func (m *mirror) take(sts []*xmpp.Element) {
	for _, st := range sts {
		q := queryOf(st)
		switch {
		case st.Name != "iq" || st.Child(rosteritem.NS, "query") == nil:
			continue
		case st.Get("type") == "result":
			m.items = map[string]rosteritem.Item{}
		}
		m.ver = q.Ver
		for _, i := range q.Items {
			if i.Subscription == rosteritem.Remove {
				delete(m.items, i.JID)
			} else {
				m.items[i.JID] = i
			}
		}
	}
}
