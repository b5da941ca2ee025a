// SPDX-License-Identifier: GPL-2.0-or-later

package personal_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// pubsub is a request; options are pairs of option and value.
func publish(node, id, payload string, options ...string) string {
	form := ""
	for i := 0; i+1 < len(options); i += 2 {
		form += fmt.Sprintf("<field var='pubsub#%s'><value>%s</value></field>", options[i], options[i+1])
	}
	if form != "" {
		form = "<publish-options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/pubsub#publish-options</value></field>" + form + "</x></publish-options>"
	}
	if id != "" {
		id = " id='" + id + "'"
	}
	return ps(fmt.Sprintf("<publish node='%s'><item%s>%s</item></publish>%s", node, id, payload, form))
}

func ps(s string) string {
	return "<pubsub xmlns='http://jabber.org/protocol/pubsub'>" + s + "</pubsub>"
}

func own(s string) string {
	return "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'>" + s + "</pubsub>"
}

func items(node string) string { return ps("<items node='" + node + "'/>") }

const tune = "http://jabber.org/protocol/tune"

func song(s string) string { return "<tune xmlns='" + tune + "'>" + s + "</tune>" }

func TestPublishedItemsReachTheClients(t *testing.T) {
	w := newWorld(t)
	w.Subscribe("laptop", []string{tune + "+notify", "urn:other+notify"})
	w.Subscribe("phone", []string{"urn:other"})
	equal(t, "the answer", w.must(phone, "set", publish(tune, "current", song("a"))), "<pubsub><publish node='"+tune+"'><item id='current'/></publish></pubsub>")
	event := func(s string) string {
		return "<items node='" + tune + "'><item id='current'>" + song(s) + "</item></items>"
	}
	equalList(t, "the laptop", w.events(laptop), []string{event("a")})
	equalList(t, "the phone", w.events(phone), nil)

	// At login, and when a client learns something new, the last item comes.
	w.Subscribe("tablet", []string{tune + "+notify"})
	equalList(t, "the tablet", w.events(me+"/tablet"), []string{event("a")})
	w.Subscribe("tablet", []string{tune + "+notify", "urn:other+notify"})
	equalList(t, "the tablet again", w.events(me+"/tablet"), nil)
	w.Gone("laptop")
	w.must(phone, "set", publish(tune, "current", song("b")))
	equalList(t, "who is gone", w.events(laptop), nil)
	equalList(t, "who is not", w.events(me+"/tablet"), []string{event("b")})
	w.open()
	equal(t, "what is kept", w.must(laptop, "get", items(tune)), "<pubsub><items node='"+tune+"'><item id='current'>"+song("b")+"</item></items></pubsub>")
}

func TestNodeKeepsAsManyItemsAsItShould(t *testing.T) {
	w := newWorld(t)
	for i := range 4 {
		w.must(laptop, "set", publish("urn:n", fmt.Sprint(i), song(fmt.Sprint(i)), "max_items", "3", "persist_items", "true"))
	}
	w.must(laptop, "set", publish("urn:n", "2", song("again")))
	ids := func(node string) (ids []string) {
		t.Helper()
		for e := range w.ask(laptop, "get", items(node)).First().First().Children() {
			ids = append(ids, e.Get("id"))
		}
		return ids
	}
	equalList(t, "three", ids("urn:n"), []string{"1", "3", "2"})
	newest := w.ask(laptop, "get", ps("<items node='urn:n' max_items='1'/>")).First().First()
	equal(t, "the newest", newest.First().Get("id"), "2")
	named := w.ask(laptop, "get", ps("<items node='urn:n'><item id='3'/><item id='no such'/></items>")).First().First()
	equal(t, "by id", named.First().Get("id")+fmt.Sprint(len(named.Nodes)), "31")
	w.must(laptop, "set", own("<configure node='urn:n'><x xmlns='jabber:x:data' type='submit'><field var='pubsub#max_items'><value>1</value></field></x></configure>"))
	equalList(t, "one is left", ids("urn:n"), []string{"2"})
	for i := range 3 {
		w.must(laptop, "set", publish("urn:last", fmt.Sprint(i), song("x"), "persist_items", "0", "max_items", "10"))
	}
	equalList(t, "of a node that does not persist", ids("urn:last"), []string{"2"})
}

func TestLargeNodesAreReadInPages(t *testing.T) {
	w := newWorld(t)
	large := strings.Repeat("x", 60000)
	for i := range 12 {
		w.must(laptop, "set", publish("urn:n", fmt.Sprint(i), song(large), "max_items", "max"))
	}
	const rsm = "http://jabber.org/protocol/rsm"
	var got []string
	for set := "<set xmlns='" + rsm + "'><before/></set>"; ; {
		answer := w.ask(laptop, "get", ps("<items node='urn:n'/>"+set)).First()
		if len(answer.String()) > 600000 {
			t.Fatalf("an answer of %d bytes", len(answer.String()))
		}
		page := answer.Child(rsm, "set")
		equal(t, "count", page.ChildText(rsm, "count"), "12")
		var ids []string
		for e := range answer.First().Children() {
			ids = append(ids, e.Get("id"))
		}
		got = append(ids, got...)
		if page.Child(rsm, "first").Get("index") == "0" {
			break
		}
		set = "<set xmlns='" + rsm + "'><before>" + page.ChildText(rsm, "first") + "</before></set>"
	}
	equal(t, "all", strings.Join(got, " "), "0 1 2 3 4 5 6 7 8 9 10 11")
	answer := w.ask(laptop, "get", ps("<items node='urn:n'/><set xmlns='"+rsm+"'><max>1</max><after>3</after></set>")).First()
	equal(t, "one page", answer.First().First().Get("id"), "4")
	equal(t, "behind what is not there", w.refused(laptop, "", "get", ps("<items node='urn:n'/><set xmlns='"+rsm+"'><after>no</after></set>")), "item-not-found")
	if answer = w.ask(laptop, "get", items("urn:n")).First(); answer.Child(rsm, "set").ChildText(rsm, "last") != "11" {
		t.Error("without a page the newest items are not there")
	}
}

func TestPublishOptionsArePresumptions(t *testing.T) {
	w := newWorld(t)
	w.must(laptop, "set", publish("urn:n", "1", song("x"), "access_model", "whitelist", "max_items", "max"))
	w.must(laptop, "set", publish("urn:n", "1", song("x"), "access_model", "whitelist", "max_items", "1000", "unknown", "x"))
	for _, options := range [][]string{{"access_model", "open"}, {"max_items", "5"}, {"max_items", "100000"}, {"send_last_published_item", "never"}, {"persist_items", "perhaps"}} {
		equal(t, strings.Join(options, "="), w.refused(laptop, "", "set", publish("urn:n", "1", song("y"), options...)), "conflict+precondition-not-met")
	}
	equal(t, "what is kept", w.must(laptop, "get", items("urn:n")), "<pubsub><items node='urn:n'><item id='1'>"+song("x")+"</item></items></pubsub>")
	w.must(laptop, "set", own("<configure node='urn:n'><x xmlns='jabber:x:data' type='submit'><field var='pubsub#access_model'><value>open</value></field></x></configure>"))
	w.must(laptop, "set", publish("urn:n", "1", song("y"), "access_model", "open"))
}

func TestItemsAndNodesAreTakenAway(t *testing.T) {
	w := newWorld(t)
	w.Subscribe("laptop", []string{"urn:n"})
	for i := range 3 {
		w.must(phone, "set", publish("urn:n", fmt.Sprint(i), song("x"), "max_items", "5"))
	}
	w.events(laptop)
	w.must(phone, "set", ps("<retract node='urn:n' notify='true'><item id='1'/></retract>"))
	equalList(t, "retracted", w.events(laptop), []string{"<items node='urn:n'><retract id='1'/></items>"})
	w.must(phone, "set", own("<purge node='urn:n'/>"))
	equalList(t, "purged", w.events(laptop), []string{"<purge node='urn:n'/>"})
	equal(t, "empty", w.must(laptop, "get", items("urn:n")), "<pubsub><items node='urn:n'/></pubsub>")
	w.must(phone, "set", own("<delete node='urn:n'/>"))
	equalList(t, "deleted", w.events(laptop), []string{"<delete node='urn:n'/>"})
	equal(t, "gone", w.refused(laptop, "", "get", items("urn:n")), "item-not-found")
}

func TestNodesAreMadeAndShown(t *testing.T) {
	w := newWorld(t)
	w.must(laptop, "set", ps("<create node='urn:n'/><configure><x xmlns='jabber:x:data' type='submit'><field var='pubsub#title'><value>My node</value></field></x></configure>"))
	w.must(laptop, "set", publish("urn:n", "1", song("x")))
	instant := w.ask(laptop, "set", ps("<create/>")).First().First().Get("node")
	w.must(laptop, "set", own("<delete node='"+instant+"'/>"))
	equal(t, "the nodes", w.must(laptop, "get", "<query xmlns='http://jabber.org/protocol/disco#items'/>"),
		"<query xmlns='http://jabber.org/protocol/disco#items'><item jid='"+me+"' node='urn:n' name='My node'/></query>")
	equal(t, "its items", w.must(laptop, "get", "<query xmlns='http://jabber.org/protocol/disco#items' node='urn:n'/>"),
		"<query xmlns='http://jabber.org/protocol/disco#items' node='urn:n'><item jid='"+me+"' name='1'/></query>")
	if info := w.must(laptop, "get", "<query xmlns='http://jabber.org/protocol/disco#info' node='urn:n'/>"); !strings.Contains(info, "type='leaf'") {
		t.Error(info)
	}
	if form := w.must(laptop, "get", own("<configure node='urn:n'/>")); !strings.Contains(form, "My node") || !strings.Contains(form, "pubsub#max_items") {
		t.Error(form)
	}
	if form := w.must(laptop, "get", own("<default/>")); !strings.Contains(form, "pubsub#access_model") {
		t.Error(form)
	}
	equal(t, "mine", w.must(laptop, "get", ps("<affiliations/>")), "<pubsub><affiliations><affiliation node='urn:n' affiliation='owner'/></affiliations></pubsub>")
}

func TestPubsubThatIsWrong(t *testing.T) {
	w := newWorld(t)
	w.must(laptop, "set", publish("urn:n", "1", song("x")))
	long := strings.Repeat("n", 192)
	for _, c := range [][3]string{
		{"set", ps(""), "bad-request"},
		{"get", ps(""), "bad-request"},
		{"set", own(""), "bad-request"},
		{"get", own(""), "bad-request"},
		{"set", ps("<publish><item/></publish>"), "bad-request+nodeid-required"},
		{"set", ps("<publish node='urn:n'/>"), "bad-request+item-required"},
		{"set", ps("<publish node='urn:n'><item/></publish>"), "bad-request+payload-required"},
		{"set", publish("urn:n", "1", song("")+song("")), "bad-request+invalid-payload"},
		{"set", ps("<publish node='urn:n'><item><a xmlns='a'/></item><item><a xmlns='a'/></item></publish>"), "not-allowed+max-items-exceeded"},
		{"set", publish("urn:n", "1", song(strings.Repeat("x", 70000))), "not-acceptable+payload-too-big"},
		{"set", publish(long, "1", song("x")), "not-acceptable"},
		{"set", publish("urn:n", long, song("x")), "not-acceptable"},
		{"set", ps("<retract node='urn:n'><item/></retract>"), "bad-request+item-required"},
		{"set", ps("<retract node='urn:n'><item id='2'/></retract>"), "item-not-found"},
		{"set", ps("<retract node='urn:no'><item id='2'/></retract>"), "item-not-found"},
		{"set", ps("<create node='urn:n'/>"), "conflict"},
		{"set", ps("<create node='urn:m'/><configure><x xmlns='jabber:x:data' type='submit'><field var='pubsub#access_model'><value>x</value></field></x></configure>"), "not-acceptable"},
		{"set", ps("<subscribe node='urn:n' jid='" + me + "'/>"), "feature-not-implemented+unsupported"},
		{"get", ps("<subscriptions/>"), "feature-not-implemented+unsupported"},
		{"get", items("urn:no"), "item-not-found"},
		{"get", ps("<items/>"), "bad-request+nodeid-required"},
		{"get", ps("<items node='urn:n' max_items='x'/>"), "bad-request"},
		{"set", own("<configure node='urn:n'/>"), "bad-request"},
		{"set", own("<configure node='urn:no'/>"), "item-not-found"},
		{"set", own("<delete node='urn:no'/>"), "item-not-found"},
		{"set", own("<affiliations node='urn:n'/>"), "feature-not-implemented+unsupported"},
		{"set", publish("urn:xmpp:bookmarks:1", "@", "<conference xmlns='urn:xmpp:bookmarks:1'/>"), "bad-request+invalid-payload"},
		{"set", publish("urn:xmpp:bookmarks:1", room, song("x")), "bad-request+invalid-payload"},
		{"set", publish("storage:bookmarks", "current", song("x")), "bad-request+invalid-payload"},
		{"get", "<query xmlns='http://jabber.org/protocol/disco#info' node='urn:no'/>", "item-not-found"},
		{"get", "<query xmlns='http://jabber.org/protocol/disco#items' node='urn:no'/>", "item-not-found"},
	} {
		equal(t, c[0]+" "+c[1][:min(len(c[1]), 150)], w.refused(laptop, "", c[0], c[1]), c[2])
	}
}

func TestNodesAreBounded(t *testing.T) {
	w := newWorld(t)
	for i := range 100 {
		w.must(laptop, "set", publish(fmt.Sprint("urn:n:", i), "1", song("x")))
	}
	equal(t, "one more", w.refused(laptop, "", "set", publish("urn:more", "1", song("x"))), "resource-constraint+max-nodes-exceeded")
	equal(t, "one more made", w.refused(laptop, "", "set", ps("<create node='urn:more'/>")), "resource-constraint+max-nodes-exceeded")
	w.must(laptop, "set", publish("urn:n:5", "1", song("y")))
}

func TestOwnPictureGoesToTheNetwork(t *testing.T) {
	w := newWorld(t)
	photo := strings.Repeat("picture", 20000)
	data := "<data xmlns='urn:xmpp:avatar:data'>\n" + base64.StdEncoding.EncodeToString([]byte(photo)) + "\n</data>"
	w.must(laptop, "set", publish("urn:xmpp:avatar:data", "abc", data))
	w.must(laptop, "set", publish("urn:xmpp:avatar:metadata", "abc", "<metadata xmlns='urn:xmpp:avatar:metadata'><info id='abc' bytes='1' type='image/png'/></metadata>"))
	w.must(laptop, "set", publish("urn:xmpp:avatar:metadata", "none", "<metadata xmlns='urn:xmpp:avatar:metadata'><info id='elsewhere' url='https://x'/></metadata>"))
	w.must(laptop, "set", publish("urn:xmpp:avatar:metadata", "none", "<metadata xmlns='urn:xmpp:avatar:metadata'/>"))
	if len(w.photos) != 2 || string(w.photos[0]) != photo || w.photos[1] != nil {
		t.Errorf("the network was given %d pictures", len(w.photos))
	}
}
