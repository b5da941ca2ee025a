// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"context"
	"slices"
	"strings"
	"syscall"
	"testing"

	"spectrum.im/spectrum2/daemon/backends/irc/irctest"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
)

const template = "spectrum2_template_backend"

func TestServerModeTalks(t *testing.T) {
	h := startServer(t, template, "", "")
	if condition, text := h.refused(t, "romeo", "wrong"); condition != "not-authorized" || text == "" {
		t.Errorf("a wrong password: %s %q", condition, text)
	}
	romeo := h.login(t, "romeo", "any", "orchard", false)
	if romeo.full != "romeo@"+transport+"/orchard" {
		t.Errorf("bound to %s", romeo.full)
	}
	item := romeo.contact("echo@" + transport)
	if item.Get("jid") != "echo@"+transport || item.Get("subscription") != "both" || item.ChildText(rosteritem.NS, "group") != "Template" {
		t.Errorf("in the roster: %s", item)
	}
	mark := romeo.mark()
	romeo.comeOnline()
	romeo.expect(mark, "echo's presence", func(st *xmpp.Element) bool {
		return st.Name == "presence" && strings.HasPrefix(st.Get("from"), "echo@") && st.Get("type") == ""
	})
	mark = romeo.mark()
	romeo.say("echo@"+transport, "chat", "hello")
	romeo.hears(mark, "echo@"+transport, "hello")
	romeo.join("echoroom", "romeo_m")
	mark = romeo.mark()
	romeo.say("echoroom@"+transport, "groupchat", "is there anybody?")
	romeo.expect(mark, "echobot's answer", func(st *xmpp.Element) bool {
		return xmpp.Body(st) != "" && st.Get("from") == "echoroom@"+transport+"/echobot"
	})
	h.expectStatus("1 user online, 1 backend, 1 client connected, listening on 127.0.0.1:")
}

// TestServerModeResumes: what came while the client was away comes once.
func TestServerModeResumes(t *testing.T) {
	h := startServer(t, template, "more_resources = 1", kept)
	romeo := h.login(t, "romeo", "any", "orchard", true)
	romeo.comeOnline()
	mark := romeo.mark()
	romeo.say("echo@"+transport, "chat", "before")
	romeo.hears(mark, "echo@"+transport, "before")
	romeo.cut()
	other := h.login(t, "romeo", "any", "balcony", false)
	other.comeOnline()
	there := other.mark()
	other.say("echo@"+transport, "chat", "while away")
	other.hears(there, "echo@"+transport, "while away")
	mark = romeo.mark()
	romeo.resumed("any")
	romeo.hears(mark, "echo@"+transport, "while away")
	romeo.say("echo@"+transport, "chat", "after")
	romeo.hears(mark, "echo@"+transport, "after")
	for _, text := range []string{"before", "while away", "after"} {
		if n := romeo.count(text); n != 1 {
			t.Errorf("%q came %d times", text, n)
		}
	}
}

func TestServerModeClientThatIsAwayCanBeEnded(t *testing.T) {
	h := startServer(t, template, "", kept)
	romeo := h.login(t, "romeo", "any", "orchard", true)
	romeo.comeOnline()
	romeo.cut()
	h.poll("the client away", func(ctx context.Context) bool {
		list, err := h.control.Sessions(ctx)
		return err == nil && len(list) == 1 && list[0].Detached
	}, h.log)
	if n, err := h.control.EndSession(t.Context(), "romeo@"+transport); n != 1 || err != nil {
		t.Errorf("ending a client that is away: %d, %v", n, err)
	}
	h.expectStatus("0 users online")
	h.login(t, "romeo", "any", "orchard", true).comeOnline()
}

func TestServerModeSecondClientReplacesTheFirst(t *testing.T) {
	h := startServer(t, template, "", "")
	first := h.login(t, "romeo", "any", "orchard", false)
	first.comeOnline()
	second := h.login(t, "romeo", "any", "balcony", false)
	if got := first.ends(); got != "conflict" {
		t.Errorf("the first client's stream ended with %q", got)
	}
	second.comeOnline()
	mark := second.mark()
	second.say("echo@"+transport, "chat", "still there?")
	second.hears(mark, "echo@"+transport, "still there?")
}

func TestServerModeSeveralClients(t *testing.T) {
	h := startServer(t, template, "more_resources = 1", "")
	desk, phone := h.login(t, "romeo", "any", "desk", false), h.login(t, "romeo", "any", "phone", false)
	desk.comeOnline()
	phone.comeOnline()
	phone.request("set", "", xmpp.New("urn:xmpp:carbons:2", "enable"))
	mark, there := desk.mark(), phone.mark()
	desk.say("echo@"+transport, "chat", "hello")
	desk.hears(mark, "echo@"+transport, "hello")
	phone.expect(there, "a copy of what the desk sent", func(st *xmpp.Element) bool { return st.Child("urn:xmpp:carbons:2", "sent") != nil })
	list, err := h.control.Sessions(t.Context())
	if err != nil || len(list) != 2 || list[0].Resource != "desk" || !strings.HasPrefix(list[0].TLS, "TLS 1.") {
		t.Errorf("sessions: %+v, %v", list, err)
	}
	if n, err := h.control.EndSession(t.Context(), phone.full); n != 1 || err != nil {
		t.Errorf("ending one: %d, %v", n, err)
	}
	if got := phone.ends(); got != "policy-violation" {
		t.Errorf("the phone's stream ended with %q", got)
	}
}

// TestServerModeTakeover: whoever knows a name only gets neither the session nor
// what was kept.
func TestServerModeTakeover(t *testing.T) {
	irc := irctest.StartErgo(t, irctest.Options{Accounts: map[string]string{"juliet": "true"}})
	h := startServer(t, "spectrum2_irc_backend", "irc_server = "+irc.Addr()+"\nmore_resources = 1", kept)
	mercutio := irctest.Dial(t, irc.Addr(), "mercutio")

	// A nick that nobody registered: the first password holds it while it is in use.
	romeo := h.login(t, "romeo", "first", "orchard", true)
	romeo.comeOnline()
	if romeo.resume != "" {
		t.Error("a login that the network did not check can be resumed")
	}
	if condition, text := h.refused(t, "romeo", "second"); condition != "not-authorized" || !strings.Contains(text, "another password") {
		t.Errorf("another password for a nick in use: %s %q", condition, text)
	}
	mark := romeo.mark()
	mercutio.Say("romeo", "wherefore?")
	romeo.hears(mark, "mercutio@"+transport, "wherefore?")
	if r := romeo.request("set", "", xmpp.New("urn:xmpp:mam:2", "query")); r.Get("type") != "error" {
		t.Errorf("an archive for a nick that nobody registered: %s", r)
	}

	// A registered one: the network decides, and its owner has an archive.
	juliet := h.login(t, "juliet", "true", "balcony", true)
	juliet.comeOnline()
	if juliet.resume == "" {
		t.Error("a login that the network checked cannot be resumed")
	}
	mark = juliet.mark()
	mercutio.Say("juliet", "a secret")
	juliet.hears(mark, "mercutio@"+transport, "a secret")
	mark = juliet.mark()
	if r := juliet.request("set", "", xmpp.New("urn:xmpp:mam:2", "query")); r.Get("type") != "result" {
		t.Fatalf("archive: %s", r)
	}
	juliet.expect(mark, "the message from the archive", func(st *xmpp.Element) bool {
		return strings.Contains(st.String(), "a secret") && st.Child("urn:xmpp:mam:2", "result") != nil
	})
	if condition, _ := h.refused(t, "juliet", "false"); condition != "not-authorized" {
		t.Errorf("a wrong password for a nick in use: %s", condition)
	}
	mark = juliet.mark()
	mercutio.Say("juliet", "still you?")
	juliet.hears(mark, "mercutio@"+transport, "still you?")
}

func TestServerModeAdministrator(t *testing.T) {
	h := startServer(t, template, "admin_jid = boss@"+transport+"\nadmin_password = sesame", "")
	if condition, _ := h.refused(t, "boss", "guessed"); condition != "not-authorized" {
		t.Errorf("a guessed password: %s", condition)
	}
	boss := h.login(t, "boss", "sesame", "office", false)
	r := boss.request("get", "", xmpp.New(rosteritem.NS, "query"))
	item := r.Child(rosteritem.NS, "query").Child(rosteritem.NS, "item")
	if item == nil || item.Get("jid") != transport || item.Get("name") != "Admin" {
		t.Errorf("roster: %s", r)
	}
	boss.comeOnline()
	mark := boss.mark()
	boss.say(transport, "chat", "status")
	boss.hears(mark, transport, "Running (0 users connected using 1 backends)")
	romeo := h.login(t, "romeo", "any", "orchard", false)
	romeo.comeOnline()
	mark = romeo.mark()
	romeo.say(transport, "chat", "online_users")
	romeo.expect(mark, "a refusal", func(st *xmpp.Element) bool { return strings.HasPrefix(xmpp.Body(st), "Error: ") })

	nobody := startServer(t, template, "admin_jid = boss@"+transport, "")
	if condition, _ := nobody.refused(t, "boss", ""); condition == "" {
		t.Error("an administrator without a password got in")
	}
}

func TestServerModeStop(t *testing.T) {
	h := startServer(t, template, "", "")
	romeo := h.login(t, "romeo", "any", "orchard", true)
	romeo.comeOnline()
	h.cmd.Process.Signal(syscall.SIGTERM)
	if got := romeo.ends(); got != "system-shutdown" {
		t.Errorf("the stream ended with %q", got)
	}
	<-h.done
	if h.err != nil {
		t.Errorf("exit: %v", h.err)
	}
}

func TestServerModeRules(t *testing.T) {
	h := startServer(t, template, "", "[registration]\nallowed_usernames = [a-m].*\n")
	if condition, text := h.refused(t, "romeo", "any"); condition != "not-authorized" || !strings.Contains(text, "not allowed") {
		t.Errorf("a name that is not allowed: %s %q", condition, text)
	}
	h.login(t, "juliet", "any", "balcony", false).comeOnline()
	vip := startServer(t, template, "vip_only = 1\nvip_message = For the Capulets only", kept)
	if condition, text := vip.refused(t, "romeo", "any"); condition != "account-disabled" || text != "For the Capulets only" {
		t.Errorf("a user who is no VIP: %s %q", condition, text)
	}
}

// TestServerModeKilledBackend: a killed backend costs a reconnect of the network.
func TestServerModeKilledBackend(t *testing.T) {
	h := startServer(t, template, "", "")
	romeo := h.login(t, "romeo", "any", "orchard", false)
	romeo.comeOnline()
	list := mustBackends(t, h.process)
	mark := romeo.mark()
	if err := syscall.Kill(list[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	romeo.expect(mark, "the transport away", func(st *xmpp.Element) bool {
		return st.Name == "presence" && st.Get("from") == transport && st.ChildText(xmpp.NSClient, "show") == "away"
	})
	romeo.expect(mark, "the transport back", func(st *xmpp.Element) bool {
		return st.Name == "presence" && st.Get("from") == transport && st.Get("type") == "" && st.Child(xmpp.NSClient, "show") == nil
	})
	mark = romeo.mark()
	romeo.say("echo@"+transport, "chat", "hello again")
	romeo.hears(mark, "echo@"+transport, "hello again")
}

func TestServerModeLoginThatAsksForACode(t *testing.T) {
	h := startServer(t, template, "", "[template]\ncode = 4711\n")
	if condition, text := h.refused(t, "romeo", "any"); condition != "temporary-auth-failure" || !strings.Contains(text, "code") {
		t.Errorf("a login that needs a code: %s %q", condition, text)
	}
}

// TestServerModeArchive: what was said can be read again after the next login.
func TestServerModeArchive(t *testing.T) {
	h := startServer(t, template, "", kept)
	romeo := h.login(t, "romeo", "any", "orchard", false)
	romeo.comeOnline()
	romeo.join("echoroom", "romeo_m")
	mark := romeo.mark()
	romeo.say("echo@"+transport, "chat", "remember me")
	romeo.hears(mark, "echo@"+transport, "remember me")
	romeo.say("echoroom@"+transport, "groupchat", "all of you")
	romeo.expect(mark, "echobot's answer", func(st *xmpp.Element) bool {
		return xmpp.Body(st) != "" && st.Get("from") == "echoroom@"+transport+"/echobot"
	})
	romeo.cut()
	h.expectStatus("0 users online")
	again := h.login(t, "romeo", "any", "balcony", false)
	again.comeOnline()
	for to, want := range map[string][]string{"": {"remember me", "remember me"}, "echoroom@" + transport: {"all of you", "all of you"}} {
		mark := again.mark()
		if r := again.request("set", to, xmpp.New("urn:xmpp:mam:2", "query")); r.Get("type") != "result" {
			t.Fatalf("archive of %q: %s", to, r)
		}
		var got []string
		again.mu.Lock()
		for _, st := range again.seen[mark:] {
			if result := st.Child("urn:xmpp:mam:2", "result"); result != nil {
				m := result.Child("urn:xmpp:forward:0", "forwarded").Child(xmpp.NSClient, "message")
				got = append(got, xmpp.Body(m))
			}
		}
		again.mu.Unlock()
		if !slices.Equal(got, want) {
			t.Errorf("the archive of %q has %q, want %q", to, got, want)
		}
	}
}
