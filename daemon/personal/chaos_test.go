// SPDX-License-Identifier: GPL-2.0-or-later

package personal_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/mam"
)

// TestEverythingAtOnce: several clients ask, publish, come and go while
// messages arrive; no message is lost, none is twice there, and each client
// hears of changes in their order.
func TestEverythingAtOnce(t *testing.T) {
	w := newWorld(t)
	const writers, each = 4, 50
	w.Subscribe("phone", []string{"urn:n"})
	var group sync.WaitGroup
	ids := make([][]string, writers)
	for i := range writers {
		group.Go(func() {
			for j := range each {
				text := fmt.Sprintf("%d-%d", i, j)
				st := parse(t, "<message from='"+ann+"' to='"+me+"' type='chat'><body>"+text+"</body></message>")
				ids[i] = append(ids[i], mam.IDBy(w.Record(st, false), me))
				from := fmt.Sprintf("%s/%d", me, i)
				for _, request := range []*xmpp.Element{
					xmpp.NewIQ("set", from, "", "").Add(parse(t, publish("urn:n", text, song(text), "max_items", "max"))),
					xmpp.NewIQ("set", from, "", "").Add(parse(t, blockOf("block", fmt.Sprintf("%s@spam.example", text)))),
					xmpp.NewIQ("get", from, "", "").Add(parse(t, blocklist)),
					xmpp.NewIQ("set", from, "", "").Add(parse(t, queryOf("<max>1</max><before/>"))),
				} {
					if reply, _ := w.IQ(t.Context(), request); reply.Get("type") != "result" {
						t.Errorf("%s", reply)
					}
				}
				w.Subscribe(fmt.Sprint(i), []string{"urn:n"})
				w.Gone(fmt.Sprint(i))
				w.Blocked(ann)
			}
		})
	}
	group.Wait()
	heard, kept := w.events(phone), []string(nil)
	for i, e := range heard {
		_, id, _ := strings.Cut(e, "<item id='")
		heard[i], _, _ = strings.Cut(id, "'")
	}
	for after := ""; ; {
		answer := w.ask(laptop, "get", ps("<items node='urn:n'/><set xmlns='http://jabber.org/protocol/rsm'><max>70</max><after>"+after+"</after></set>")).First()
		found := 0
		for e := range answer.First().Children() {
			kept, after, found = append(kept, e.Get("id")), e.Get("id"), found+1
		}
		if found == 0 {
			break
		}
	}
	equalList(t, "the order of events is that of the items", heard, kept)
	equal(t, "items", len(kept), writers*each)

	var archived []string
	for set := ""; ; {
		f := w.query("", set)
		archived = append(archived, f.ids...)
		if f.complete {
			break
		}
		set = "<after>" + f.last + "</after>"
	}
	want := slices.Sorted(slices.Values(slices.Concat(ids...)))
	equalList(t, "the archive", archived, want)
	for i := range writers {
		if !slices.IsSorted(ids[i]) {
			t.Errorf("names do not sort: %v", ids[i])
		}
	}
	equal(t, "blocked", len(w.ask(laptop, "get", blocklist).First().Nodes), writers*each)
}
