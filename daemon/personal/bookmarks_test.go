// SPDX-License-Identifier: GPL-2.0-or-later

package personal_test

import (
	"strings"
	"testing"
)

const (
	modern = "urn:xmpp:bookmarks:1"
	legacy = "storage:bookmarks"
	other  = "#other@irc.example.org"
)

func storage(s string) string { return "<storage xmlns='storage:bookmarks'>" + s + "</storage>" }

// modernOptions are what clients of XEP-0402 send with each item.
var modernOptions = []string{"persist_items", "true", "max_items", "max", "send_last_published_item", "never", "access_model", "whitelist"}

func TestBothKindsOfBookmarksAreOneList(t *testing.T) {
	w := newWorld(t)
	ask := private(storage(""))
	empty := private("<storage xmlns='storage:bookmarks'/>")
	equal(t, "none", w.must(phone, "get", ask), empty)
	equal(t, "no node", w.refused(phone, "", "get", items(legacy)), "item-not-found")
	w.Subscribe("laptop", []string{modern + "+notify"})
	w.Subscribe("phone", []string{legacy + "+notify"})

	// A new client marks a room; the old ones see it, in both places.
	const conference = "<conference xmlns='urn:xmpp:bookmarks:1' name='Chan' autojoin='true'><nick>me</nick><password>pw</password><extensions><x xmlns='urn:x'/></extensions></conference>"
	w.must(laptop, "set", publish(modern, room, conference, modernOptions...))
	old := "<conference name='Chan' autojoin='true' jid='" + room + "'><nick>me</nick><password>pw</password></conference>"
	equal(t, "private storage", w.must(phone, "get", ask), private(storage(old)))
	equal(t, "old node", w.must(phone, "get", items(legacy)), "<pubsub><items node='storage:bookmarks'><item id='current'>"+storage(old)+"</item></items></pubsub>")
	equalList(t, "the old client", w.events(phone), []string{"<items node='storage:bookmarks'><item id='current'>" + storage(old) + "</item></items>"})
	equalList(t, "the new client", w.events(laptop), []string{"<items node='" + modern + "'><item id='" + room + "'>" + conference + "</item></items>"})

	// An old client adds one, and something that is no room; nothing is lost.
	rest := "<url name='Page' url='https://example.org'/><conference name='Not an address' jid='@'/>"
	added := "<conference name='Other' autojoin='1' jid='" + other + "'/>"
	w.must(phone, "set", private(storage(old+added+rest)))
	native := "<conference xmlns='urn:xmpp:bookmarks:1' name='Other' autojoin='true'/>"
	equalList(t, "the new client sees one more", w.events(laptop), []string{"<items node='" + modern + "'><item id='" + other + "'>" + native + "</item></items>"})
	w.events(phone)
	equal(t, "the new node", w.must(laptop, "get", items(modern)),
		"<pubsub><items node='"+modern+"'><item id='"+room+"'>"+conference+"</item><item id='"+other+"'>"+native+"</item></items></pubsub>")
	both := old + strings.Replace(added, "'1'", "'true'", 1) + rest
	w.open()
	equal(t, "private storage again", w.must(phone, "get", ask), private(storage(both)))

	// An old client renames the first and takes the other away, with PEP.
	w.Subscribe("laptop", []string{modern + "+notify"})
	w.Subscribe("phone", []string{legacy + "+notify"})
	w.events(phone)
	renamed := strings.Replace(old, "'Chan'", "'Channel'", 1)
	w.must(phone, "set", publish(legacy, "current", storage(renamed), "persist_items", "true", "access_model", "whitelist"))
	equalList(t, "the new client is told", w.events(laptop), []string{
		"<items node='" + modern + "'><item id='" + room + "'>" + strings.Replace(conference, "'Chan'", "'Channel'", 1) + "</item></items>",
		"<items node='" + modern + "'><retract id='" + other + "'/></items>",
	})
	equalList(t, "the old client is told", w.events(phone), []string{"<items node='storage:bookmarks'><item id='current'>" + storage(renamed) + "</item></items>"})

	// The new client takes the last one away.
	w.must(laptop, "set", ps("<retract node='"+modern+"' notify='true'><item id='"+room+"'/></retract>"))
	equalList(t, "the old client sees none", w.events(phone), []string{"<items node='storage:bookmarks'><item id='current'><storage xmlns='storage:bookmarks'/></item></items>"})
	equal(t, "none again", w.must(phone, "get", ask), empty)
}

func TestBookmarksAreNotSentAtLogin(t *testing.T) {
	w := newWorld(t)
	w.must(laptop, "set", private(storage("<conference jid='"+room+"'/>")))
	w.Subscribe("phone", []string{modern, legacy})
	equalList(t, "at login", w.events(phone), nil)
	w.must(laptop, "set", publish(modern, other, "<conference xmlns='urn:xmpp:bookmarks:1'/>", modernOptions...))
	equal(t, "both are told", len(w.events(phone)), 2)
	w.must(laptop, "set", own("<delete node='"+modern+"'/>"))
	equal(t, "deleted for both", len(w.events(phone)), 2)
	equal(t, "nothing left", w.must(phone, "get", private(storage(""))), private("<storage xmlns='storage:bookmarks'/>"))
}
