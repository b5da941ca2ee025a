// SPDX-License-Identifier: GPL-2.0-or-later

package personal_test

import (
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
)

// FuzzRequests: whatever a client asks, it gets one answer that fits, or
// nobody says that it did; and what was kept before can be read afterwards.
func FuzzRequests(f *testing.F) {
	for _, seed := range []string{
		queryOf("<max>3</max><before/>", "with", ann, "ids", "a b", "start", "2020-01-01T00:00:00Z"),
		"<prefs xmlns='urn:xmpp:mam:2' default='never'><always><jid>a@b</jid></always></prefs>",
		blockOf("block", ann, "b.example"), blockOf("unblock", ann), blocklist,
		private(storage("<conference jid='" + room + "' autojoin='1'><nick>x</nick></conference><url/>")),
		private("<a xmlns='urn:a'><b/></a>"),
		publish(modern, room, "<conference xmlns='urn:xmpp:bookmarks:1'/>", modernOptions...),
		publish("urn:xmpp:avatar:metadata", "x", "<metadata xmlns='urn:xmpp:avatar:metadata'><info id='x'/></metadata>"),
		publish(legacy, "current", storage("<conference jid='"+room+"'/>")),
		ps("<retract node='urn:n'><item id='1'/></retract>"), ps("<create node='x'/><configure/>"),
		ps("<items node='urn:n' max_items='2'><item id='1'/></items><set xmlns='http://jabber.org/protocol/rsm'><max>1</max><after>1</after></set>"),
		own("<configure node='urn:n'><x xmlns='jabber:x:data' type='submit'><field var='pubsub#max_items'><value>max</value></field></x></configure>"),
		own("<purge node='urn:n'/>"), own("<delete node='urn:n'/>"), own("<affiliations node='urn:n'/>"), ps("<affiliations/>"),
		"<query xmlns='http://jabber.org/protocol/disco#items' node='urn:n'/>",
		"<metadata xmlns='urn:xmpp:mam:2'/>",
	} {
		f.Add(seed, false, false)
		f.Add(seed, true, false)
		f.Add(seed, true, true)
	}
	w := newWorld(f)
	w.Subscribe("laptop", []string{modern, legacy, "urn:n"})
	f.Fuzz(func(t *testing.T, payload string, set, toRoom bool) {
		e, err := xmpp.Parse([]byte("<w xmlns='jabber:client'>" + payload + "</w>"))
		if err != nil {
			return
		}
		typ, to := "get", ""
		if set {
			typ = "set"
		}
		if toRoom {
			to = room
		}
		iq := xmpp.NewIQ(typ, laptop, to, "1")
		iq.Nodes = e.Nodes
		reply, handled := w.IQ(t.Context(), iq)
		switch {
		case handled != (reply != nil):
			t.Fatalf("handled %v, answer %v", handled, reply)
		case handled && (reply.Get("to") != laptop || reply.Get("id") != "1" || reply.Name != "iq"):
			t.Fatalf("answer %s", reply)
		case handled && reply.Get("type") == "error":
			if condition, _ := xmpp.ErrorOf(reply); condition == xmpp.InternalServerError {
				t.Fatalf("answer %s", reply)
			}
		}
		for _, st := range w.received("") {
			if !xmpp.IsStanza(st) || st.Get("to") == "" {
				t.Fatalf("sent %s", st)
			}
		}
		w.t = t
		for _, ask := range []string{private(storage("")), "<query xmlns='http://jabber.org/protocol/disco#items'/>", blocklist} {
			w.must(laptop, "get", ask)
		}
	})
}
