// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/commands"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
	"spectrum.im/spectrum2/daemon/xmpp/disco"
	"spectrum.im/spectrum2/daemon/xmpp/gateway"
	"spectrum.im/spectrum2/daemon/xmpp/muc"
	ibr "spectrum.im/spectrum2/daemon/xmpp/register"
	"spectrum.im/spectrum2/daemon/xmpp/vcard"
	"spectrum.im/spectrum2/daemon/xmpp/version"
)

// ready starts an instance of the template backend, which asks for a password
// and refuses the one called wrong.
func ready(t *testing.T, more string) (*world, *process) {
	w := newWorld(t)
	p := startInstance(t, w.server.addr, more)
	p.expectLog("ready")
	return w, p
}

// asks sends the transport a line and returns its answer.
func (u *user) asks(line string) string {
	u.t.Helper()
	mark := u.mark()
	u.say(transport, "chat", line)
	return xmpp.Body(u.expect(mark, "an answer to "+line, func(st *xmpp.Element) bool {
		return st.Name == "message" && st.Get("from") == transport && xmpp.Body(st) != ""
	}))
}

func TestRegistrationByLegacyAndDataForm(t *testing.T) {
	w, _ := ready(t, "")
	romeo := w.user("romeo")
	form := ibr.Parse(romeo.request("get", transport, ibr.Query{}.Element()).Child(ibr.NS, "query"))
	if form == nil || form.Instructions == "" || len(form.Fields) != 2 || form.Form == nil || form.Registered {
		t.Fatalf("form: %+v", form)
	}
	wrong := dataform.Submit(ibr.NS, "username", "romeo_m", "password", "wrong")
	r := romeo.request("set", transport, ibr.Query{Form: wrong}.Element())
	if cond, text := xmpp.ErrorOf(r); cond != xmpp.NotAuthorized || text == "" {
		t.Fatalf("a wrong password: %s", r)
	}
	if q := ibr.Parse(romeo.request("get", transport, ibr.Query{}.Element()).Child(ibr.NS, "query")); q.Registered {
		t.Fatal("a wrong password was kept")
	}
	mark := romeo.mark()
	right := dataform.Submit(ibr.NS, "username", "romeo_m", "password", "right")
	if r = romeo.request("set", transport, ibr.Query{Form: right}.Element()); r.Get("type") != "result" {
		t.Fatalf("registration: %s", r)
	}
	romeo.expect(mark, "the transport ask for his presence", func(st *xmpp.Element) bool {
		return st.Name == "presence" && st.Get("type") == "subscribe" && st.Get("from") == transport
	})
	if q := ibr.Parse(romeo.request("get", transport, ibr.Query{}.Element()).Child(ibr.NS, "query")); !q.Registered || strings.Contains(q.Element().String(), "right") {
		t.Errorf("form of a registered user: %s", q.Element())
	}
	romeo.comeOnline()
	r = romeo.request("set", transport, ibr.Query{Form: dataform.Submit(ibr.NS, "username", "romeo_m", "password", "wrong")}.Element())
	if cond, _ := xmpp.ErrorOf(r); cond != xmpp.NotAuthorized {
		t.Errorf("a changed password that is wrong: %s", r)
	}
	mark = romeo.mark()
	romeo.send(xmpp.NewPresence("", "", transport))
	romeo.expect(mark, "the transport online with the old password", func(st *xmpp.Element) bool {
		return st.Name == "presence" && st.Get("from") == transport && st.Get("type") == "" && st.Child(xmpp.NSClient, "show") == nil
	})
}

func TestUnregisteringRemovesEverything(t *testing.T) {
	_, p, romeo := online(t, "admin_jid = boss@localhost")
	mark := romeo.mark()
	if r := romeo.request("set", transport, ibr.Query{Remove: true}.Element()); r.Get("type") != "result" {
		t.Fatalf("unregistering: %s", r)
	}
	for _, want := range []struct{ from, typ string }{
		{"echo@" + transport, "unsubscribe"}, {"echo@" + transport, "unsubscribed"}, {transport, "unsubscribe"}, {transport, "unsubscribed"},
	} {
		romeo.expect(mark, want.typ+" of "+want.from, func(st *xmpp.Element) bool {
			return st.Name == "presence" && st.Get("type") == want.typ && bareOf(st) == want.from
		})
	}
	if users, err := p.control.Users(t.Context()); err != nil || len(users) != 0 {
		t.Errorf("users left: %v, %v", users, err)
	}
	if text := romeo.asks("status"); !strings.Contains(text, "not registered") {
		t.Errorf("status says %q", text)
	}
}

func bareOf(st *xmpp.Element) string {
	j, err := xmpp.ParseJID(st.Get("from"))
	if err != nil {
		return ""
	}
	return j.Bare().String()
}

func TestRegistrationByCommandAndByChat(t *testing.T) {
	w, _ := ready(t, "")
	juliet := w.user("juliet")
	cmd := func(c commands.Command) *commands.Command {
		r := juliet.request("set", transport, c.Element())
		got := commands.Parse(r.Child(commands.NS, "command"))
		if got == nil {
			t.Fatalf("no command in %s", r)
		}
		return got
	}
	first := cmd(commands.Command{Node: "register", Action: commands.Execute})
	if first.Status != commands.Executing || first.Form == nil || !first.Form.Has("username") || first.SessionID == "" {
		t.Fatalf("first step: %+v", first)
	}
	last := cmd(commands.Command{Node: "register", SessionID: first.SessionID, Action: commands.Complete, Form: dataform.Submit("", "username", "juliet_c", "password", "x")})
	if last.Status != commands.Completed {
		t.Fatalf("last step: %+v", last)
	}
	paris := w.user("paris")
	if text := paris.asks("register"); !strings.Contains(text, "username") {
		t.Errorf("register: %q", text)
	}
	if text := paris.asks("paris_c"); !strings.Contains(text, "password") {
		t.Errorf("after the name: %q", text)
	}
	if text := paris.asks("hunter2"); text != "You are registered." {
		t.Errorf("after the password: %q", text)
	}
	if text := paris.asks("status"); !strings.Contains(text, "paris_c") {
		t.Errorf("status: %q", text)
	}
	if text := w.user("tybalt").asks("register tybalt_c wrong"); !strings.HasPrefix(text, "Error: The network refused") {
		t.Errorf("a wrong password by chat: %q", text)
	}
	if text := paris.asks("unregister"); text != "You are not registered any more." {
		t.Errorf("unregister: %q", text)
	}
}

func TestLoginThatAsksForACode(t *testing.T) {
	w := newWorld(t)
	p := startTemplate(t, w.server.addr, "", "code = 4711")
	p.expectLog("ready")
	romeo := w.user("romeo")
	mark := romeo.mark()
	iq := xmpp.NewIQ("set", "", transport, "reg1").Add(ibr.Query{Fields: []ibr.Field{{Name: "username", Value: "romeo_m"}, {Name: "password", Value: "x"}}}.Element())
	romeo.send(iq)
	romeo.expect(mark, "the question for the code", func(st *xmpp.Element) bool {
		return st.Name == "message" && st.Get("from") == transport && xmpp.Body(st) != ""
	})
	romeo.say(transport, "chat", "4711")
	r := romeo.expect(mark, "the registration's answer", func(st *xmpp.Element) bool { return st.Get("id") == "reg1" })
	if r.Get("type") != "result" {
		t.Errorf("registration: %s", r)
	}
}

func TestDiscovery(t *testing.T) {
	_, _, romeo := online(t, "admin_jid = boss@localhost")
	info := disco.ParseInfo(romeo.request("get", transport, disco.InfoQuery("")).Child(disco.NSInfo, "query"))
	for _, f := range []string{disco.NSInfo, disco.NSItems, commands.NS, gateway.NS, ibr.NS, vcard.NS, version.NS, muc.NS, "urn:xmpp:ping", "jabber:iq:last"} {
		if !info.Has(f) {
			t.Errorf("no feature %s", f)
		}
	}
	if len(info.Identities) == 0 || info.Identities[0].Category != "gateway" {
		t.Errorf("identities %+v", info.Identities)
	}
	caps := disco.Caps{}
	romeo.expect(0, "presence with caps", func(st *xmpp.Element) bool {
		c, ok := disco.CapsOf(st)
		if ok && st.Get("from") == transport {
			caps = c
		}
		return ok && st.Get("from") == transport
	})
	if caps.Ver != info.Hash() {
		t.Errorf("caps %q, the hash of disco#info is %q", caps.Ver, info.Hash())
	}
	if r := romeo.request("get", transport, disco.InfoQuery(caps.Node+"#"+caps.Ver)); r.Get("type") != "result" {
		t.Errorf("disco#info of the caps node: %s", r)
	}
	nodes := disco.ParseItems(romeo.request("get", transport, disco.ItemsQuery(commands.NS)).Child(disco.NSItems, "query"))
	for _, n := range nodes.Items {
		if n.Node == "reload" {
			t.Error("a user is offered reload")
		}
	}
	if len(nodes.Items) < 5 {
		t.Errorf("commands: %+v", nodes.Items)
	}
	rooms := disco.ParseItems(romeo.request("get", transport, disco.ItemsQuery("")).Child(disco.NSItems, "query"))
	if len(rooms.Items) != 1 || rooms.Items[0].JID != "echoroom@"+transport {
		t.Errorf("rooms: %+v", rooms.Items)
	}
	r := romeo.request("set", transport, xmpp.New(gateway.NS, "query").Add(xmpp.NewText(gateway.NS, "prompt", "joe@example.net")))
	if got := r.Child(gateway.NS, "query").ChildText(gateway.NS, "jid"); got != `joe\40example.net@`+transport {
		t.Errorf("gateway prompt gives %q", got)
	}
	if v := version.Of(romeo.request("get", transport, version.Query())); v.Name != "Spectrum 2" {
		t.Errorf("version %+v", v)
	}
	if cond, _ := xmpp.ErrorOf(romeo.request("get", transport, xmpp.New("urn:example:unknown", "query"))); cond != xmpp.ServiceUnavailable {
		t.Errorf("an unknown request: %s", cond)
	}
}

func TestStrangersAreToldWhatToDo(t *testing.T) {
	w, _ := ready(t, "")
	tybalt := w.user("tybalt")
	mark := tybalt.mark()
	tybalt.say("echo@"+transport, "chat", "hello")
	e := tybalt.expect(mark, "an error", func(st *xmpp.Element) bool { return st.Get("type") == "error" })
	if cond, text := xmpp.ErrorOf(e); cond != xmpp.RegistrationRequired || !strings.Contains(text, "Register first") {
		t.Errorf("a message: %s", e)
	}
	mark = tybalt.mark()
	tybalt.send(xmpp.NewPresence("", "", "echoroom@"+transport+"/tybalt").Add(xmpp.New(muc.NS, "x")))
	e = tybalt.expect(mark, "an error", func(st *xmpp.Element) bool { return st.Name == "presence" && st.Get("type") == "error" })
	if cond, _ := xmpp.ErrorOf(e); cond != xmpp.RegistrationRequired {
		t.Errorf("a room: %s", e)
	}
	if text := tybalt.asks("reload"); !strings.Contains(text, "administrator") {
		t.Errorf("reload: %q", text)
	}
}

func TestAdministratorOverChat(t *testing.T) {
	w, _ := ready(t, "admin_jid = boss@localhost")
	boss := w.user("boss")
	for line, want := range map[string]string{
		"status":                  "Running (0 users connected using 1 backends)",
		"register n@localhost n1": "User registered",
		"unregister no@localhost": "Error: User 'no@localhost' is not registered",
		"nonsense":                "Error: Unknown variable or command",
		"online_users_count":      "0",
		"unregister not-a-jid":    `Error: "not-a-jid" is not a user's JID, which looks like user@example.org`,
	} {
		if got := boss.asks(line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

func TestClosedRegistration(t *testing.T) {
	w, _ := ready(t, "[registration]\nenable_public_registration = 0\nnotify_jid = boss@localhost\n[service]\nallowed_servers = localhost")
	romeo, boss := w.user("romeo"), w.user("boss")
	romeo.register("romeo_m", "x")
	boss.hears(0, transport, "registered: romeo@localhost")
	stranger := &user{w, "paris@elsewhere.example", "paris@elsewhere.example/test"}
	r := stranger.request("get", transport, ibr.Query{}.Element())
	if cond, text := xmpp.ErrorOf(r); cond != xmpp.Forbidden || text == "" {
		t.Errorf("a stranger's form: %s", r)
	}
}
