// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"context"
	"fmt"
	"testing"

	"spectrum.im/spectrum2/daemon/backends/oscar/oscartest"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/commands"
	"spectrum.im/spectrum2/daemon/xmpp/disco"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
	directory "spectrum.im/spectrum2/daemon/xmpp/search"
)

// TestServerModeICQ: a UIN and its password are all that a user needs.
func TestServerModeICQ(t *testing.T) {
	icq := oscartest.Start(t, oscartest.Options{Accounts: map[string]string{"100001": "montague", "100002": "capulet", "100003": "angelica"}})
	h := startServer(t, "spectrum2_libpurple_backend", "protocol = prpl-icq\nmore_resources = 1", kept+fmt.Sprintf("[purple]\nserver = %s\nport = %d\n", oscartest.Host, icq.Port))
	if condition, text := h.refused(t, "100001", "guessed"); condition != "not-authorized" || text == "" {
		t.Errorf("a wrong password: %s %q", condition, text)
	}
	romeo, juliet := h.login(t, "100001", "montague", "orchard", true), h.login(t, "100002", "capulet", "balcony", true)
	romeo.comeOnline()
	juliet.comeOnline()
	if romeo.resume == "" {
		t.Error("a login that the network checked cannot be resumed")
	}
	for _, say := range []struct {
		from, to *client
		text     string
	}{{romeo, juliet, "She speaks! Она говорит ☀"}, {juliet, romeo, "What man art thou?"}} {
		mark := say.to.mark()
		say.from.say(say.to.user+"@"+transport, "chat", say.text)
		say.to.hears(mark, say.from.user+"@"+transport, say.text)
	}

	// The directory (XEP-0055), and the network's own commands (XEP-0050).
	icq.SetICQ("100003", map[string]any{"basic_info": map[string]any{"nickname": "nurse", "last_name": "Capulet", "first_name": "Angelica"}})
	r := romeo.request("set", transport, xmpp.New(directory.NS, "query").Add(xmpp.NewText(directory.NS, "nick", "nurse")))
	if found := r.Child(directory.NS, "query").Child(directory.NS, "item"); found == nil || found.Get("jid") != "100003@"+transport || found.ChildText(directory.NS, "last") != "Capulet" {
		t.Errorf("the directory: %s", r)
	}
	info := romeo.request("get", transport, xmpp.New(disco.NSInfo, "query"))
	if !disco.ParseInfo(info.Child(disco.NSInfo, "query")).Has(directory.NS) {
		t.Errorf("the directory is not announced: %s", info)
	}
	run := commands.Command{Node: "password", Action: commands.Execute}
	r = romeo.request("set", transport, run.Element())
	if c := commands.Parse(r.Child(commands.NS, "command")); c == nil || c.Status != commands.Executing || c.Form == nil {
		t.Errorf("the form of a new password: %s", r)
	}

	// The list is on the server: it is there at the next login, from anywhere.
	item := xmpp.New(rosteritem.NS, "item").Set("jid", "100002@"+transport).Set("name", "Juliet").
		Add(xmpp.NewText(rosteritem.NS, "group", "Capulets"))
	mark := juliet.mark()
	if r := romeo.request("set", "", xmpp.New(rosteritem.NS, "query").Add(item)); r.Get("type") != "result" {
		t.Fatalf("adding a contact: %s", r)
	}
	romeo.send(xmpp.NewPresence("subscribe", "", "100002@"+transport))
	juliet.expect(mark, "his request", func(st *xmpp.Element) bool {
		return st.Name == "presence" && st.Get("type") == "subscribe" && st.Get("from") == "100001@"+transport
	})
	juliet.send(xmpp.NewPresence("subscribed", "", "100001@"+transport))
	h.poll("the contact on ICQ's list", func(context.Context) bool {
		r := romeo.request("get", "", xmpp.New(rosteritem.NS, "query"))
		i := r.Child(rosteritem.NS, "query").Child(rosteritem.NS, "item")
		return i != nil && i.Get("name") == "Juliet" && i.Get("subscription") == "both"
	}, h.log)
	other := startServer(t, "oscar_backend", "protocol = icq", fmt.Sprintf("[oscar]\nhost = %s\nport = %d\n", oscartest.Host, icq.Port))
	h.stop()
	again := other.login(t, "100001", "montague", "elsewhere", false)
	again.comeOnline()
	r = again.request("get", "", xmpp.New(rosteritem.NS, "query"))
	i := r.Child(rosteritem.NS, "query").Child(rosteritem.NS, "item")
	if i == nil || i.Get("jid") != "100002@"+transport || i.Get("name") != "Juliet" || i.ChildText(rosteritem.NS, "group") != "Capulets" {
		t.Errorf("the list on another machine: %s", r)
	}
}
