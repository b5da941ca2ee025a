// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/backends/irc/irctest"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/mam"
	"spectrum.im/spectrum2/daemon/xmpp/rosteritem"
)

const nsCarbons = "urn:xmpp:carbons:2"

// quiet asserts that nothing with the text came to the client: what was sent
// before an answer to a ping would have come before it.
func (c *client) quiet(text string) {
	c.t.Helper()
	c.request("get", "", xmpp.New("urn:xmpp:ping", "ping"))
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, st := range c.seen {
		if strings.Contains(st.String(), text) {
			c.t.Errorf("%s got what is not for it: %s", c.full, st)
		}
	}
}

// TestHostileCarbonWentToAnotherUser: what alice said to the network's bob with
// another client was delivered to the instance's own user of that name, as from
// alice, and alice's later messages waited behind it for ever.
func TestHostileCarbonWentToAnotherUser(t *testing.T) {
	n := startIRCNetwork(t, map[string]string{"alice": "a", "bob": "b"})
	h := n.serverOn(t, "", kept)
	alice, bob := h.login(t, "alice", "a", "x", false), h.login(t, "bob", "b", "x", false)
	alice.comeOnline()
	bob.comeOnline()
	alice.request("set", "", xmpp.New(nsCarbons, "enable"))
	for _, to := range []string{"bob", "carol"} {
		mark := alice.mark()
		n.send("alice", ":alice!u@h PRIVMSG %s :for %s of the network", to, to)
		n.send("alice", ":dave!u@h PRIVMSG alice :after %s", to)
		alice.expect(mark, "a copy of what she said elsewhere", func(st *xmpp.Element) bool {
			return st.Child(nsCarbons, "sent") != nil && strings.Contains(st.String(), "for "+to)
		})
		alice.hears(mark, "dave@"+transport, "after "+to)
	}
	bob.quiet("of the network")
}

// TestHostileStanzasForAnotherUser: somebody at the domain is a contact, and
// never the user of that name.
func TestHostileStanzasForAnotherUser(t *testing.T) {
	h := startServer(t, template, "more_resources = 1", kept)
	alice, bob := h.login(t, "alice", "any", "x", false), h.login(t, "bob", "any", "x", true)
	bob.comeOnline()
	alice.comeOnline()
	for _, to := range []string{"bob@" + transport, "bob@" + transport + "/x", "BOB@" + transport, "bob@" + strings.ToUpper(transport) + "/x"} {
		alice.say(to, "chat", "mark")
		alice.say(to, "normal", "mark")
		alice.say(to, "headline", "mark")
		alice.say(to, "groupchat", "mark")
		alice.say(to, "error", "mark")
		for _, typ := range []string{"", "unavailable", "subscribe", "subscribed", "unsubscribed", "error", "probe"} {
			alice.send(xmpp.NewPresence(typ, "", to).Add(xmpp.NewText(xmpp.NSClient, "status", "mark")))
		}
		for _, typ := range []string{"get", "set", "result", "error"} {
			alice.send(xmpp.NewIQ(typ, "", to, "mark").Add(xmpp.New("jabber:iq:roster", "query")))
			alice.send(xmpp.NewIQ(typ, "", to, "s2s-mark").Add(xmpp.New("urn:xmpp:mam:2", "query")))
		}
		alice.send(xmpp.NewMessage("chat", "", to).Add(xmpp.New(nsCarbons, "received").Set("mark", "mark")))
	}
	alice.request("get", "", xmpp.New("urn:xmpp:ping", "ping"))
	bob.quiet("mark")
	bob.quiet("alice")
}

// TestHostileForgedSender: a client that says to be somebody else is cut off.
func TestHostileForgedSender(t *testing.T) {
	h := startServer(t, template, "", "")
	bob := h.login(t, "bob", "any", "x", false)
	bob.comeOnline()
	for _, from := range []string{"bob@" + transport, "bob@" + transport + "/x", transport, "alice@" + transport + "/other", "echo@" + transport, "@" + transport} {
		alice := h.login(t, "alice", "any", "x", false)
		m := xmpp.NewMessage("chat", from, "bob@"+transport)
		alice.send(m.Add(xmpp.NewText(xmpp.NSClient, "body", "forged")))
		if got := alice.ends(); got != "invalid-from" {
			t.Errorf("from %q the stream ended with %q", from, got)
		}
	}
	bob.quiet("forged")
}

// TestHostileLoginHeldOpen: a login with a wrong password that the network does
// not answer kept the owner of the account out for as long as it lasted.
func TestHostileLoginHeldOpen(t *testing.T) {
	n := startIRCNetwork(t, map[string]string{"alice": "right"})
	h := n.serverOn(t, "", kept)
	secret := base64.StdEncoding.EncodeToString([]byte("\x00alice\x00" + slow))
	var held []*client
	for range 3 {
		c := h.connect(t, "alice")
		c.write(fmt.Sprintf("<auth xmlns='%s' mechanism='PLAIN'>%s</auth>", nsSASL, secret))
		held = append(held, c)
	}
	<-n.tried
	began := time.Now()
	alice := h.login(t, "alice", "right", "x", true)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the owner got in after %s", took)
	}
	alice.comeOnline()
	for _, c := range held {
		if e := c.next(); e.Name != "failure" || e.First().Name != "not-authorized" {
			t.Errorf("the login that held the name open: %s", e)
		}
	}
	mark := alice.mark()
	n.send("alice", ":dave!u@h PRIVMSG alice :are you there?")
	alice.hears(mark, "dave@"+transport, "are you there?")
}

// TestHostileLoginThatWasLeft: who waited with the same password for the outcome
// of a login failed with it when only that one's client hung up.
func TestHostileLoginThatWasLeft(t *testing.T) {
	n := startIRCNetwork(t, map[string]string{"bob": "right"})
	h := n.serverOn(t, "", "")
	secret := base64.StdEncoding.EncodeToString([]byte("\x00alice\x00" + slow))
	first := h.connect(t, "alice")
	first.write(fmt.Sprintf("<auth xmlns='%s' mechanism='PLAIN'>%s</auth>", nsSASL, secret))
	<-n.tried
	second := h.connect(t, "alice")
	second.write(fmt.Sprintf("<auth xmlns='%s' mechanism='PLAIN'>%s</auth>", nsSASL, secret))
	h.login(t, "bob", "right", "x", false) // takes longer than the second one's way to where it waits
	first.cut()
	select {
	case <-n.tried: // the second one tries itself
	case <-time.After(limit):
		t.Errorf("the second login was not tried: %s", second.next())
	}
}

// TestHostileStrangerKeptTheOwnerOut: a session that the network had let in
// under a nick without proof could not be ended by who proved that it is his.
func TestHostileStrangerKeptTheOwnerOut(t *testing.T) {
	irc := irctest.StartErgo(t, irctest.Options{})
	h := startServer(t, "spectrum2_irc_backend", "irc_server = "+irc.Addr()+"\nmore_resources = 1", kept)
	romeo := h.login(t, "romeo", "first", "x", false)
	romeo.comeOnline()
	mark := romeo.mark()
	romeo.say("nickserv@"+transport, "chat", "REGISTER second")
	romeo.expect(mark, "NickServ's answer", func(st *xmpp.Element) bool { return strings.Contains(xmpp.Body(st), "Account created") })
	owner := h.login(t, "romeo", "second", "y", true)
	if owner.resume == "" {
		t.Error("the owner's session cannot be resumed")
	}
	if got := romeo.ends(); got != "not-authorized" {
		t.Errorf("the stranger's stream ended with %q", got)
	}
	owner.comeOnline()
}

// TestHostileStrangerRemovedTheArchive: while the network's services were away
// anybody was let in under a nick, and could have what was kept for its owner
// forgotten, and register something else in its place.
func TestHostileStrangerRemovedTheArchive(t *testing.T) {
	n := startIRCNetwork(t, map[string]string{"juliet": "true"})
	h := n.serverOn(t, "", kept)
	juliet := h.login(t, "juliet", "true", "x", false)
	juliet.comeOnline()
	mark := juliet.mark()
	n.send("juliet", ":dave!u@h PRIVMSG juliet :remember this")
	juliet.hears(mark, "dave@"+transport, "remember this")
	juliet.cut()
	h.expectStatus("0 users online")

	n.guard(false)
	mallory := h.login(t, "juliet", "guessed", "x", false)
	mallory.comeOnline()
	for _, line := range []string{"unregister", "register", "register mallory guessed"} {
		mark := mallory.mark()
		mallory.say(transport, "chat", line)
		mallory.expect(mark, "a refusal of "+line, func(st *xmpp.Element) bool { return strings.HasPrefix(xmpp.Body(st), "Error: ") })
	}
	command := xmpp.New("http://jabber.org/protocol/commands", "command")
	if r := mallory.request("set", transport, command.Set("node", "register").Set("action", "execute")); r.Get("type") != "error" {
		t.Errorf("a form to register with: %s", r)
	}
	if r := mallory.request("set", "", xmpp.New(mam.NS, "query")); r.Get("type") != "error" {
		t.Errorf("the archive of somebody else: %s", r)
	}
	mallory.cut()
	h.expectStatus("0 users online")

	n.guard(true)
	again := h.login(t, "juliet", "true", "x", false)
	mark = again.mark()
	if r := again.request("set", "", xmpp.New(mam.NS, "query")); r.Get("type") != "result" {
		t.Fatalf("archive: %s", r)
	}
	again.expect(mark, "what was kept", func(st *xmpp.Element) bool { return strings.Contains(st.String(), "remember this") })
	if file, err := os.ReadFile(h.dir + "/state/database.sql"); err != nil || strings.Contains(string(file), "guessed") {
		t.Errorf("a password is in the database (%v)", err)
	}
}

// TestHostileNames: however a name is written, it is the one account or none.
func TestHostileNames(t *testing.T) {
	h := startServer(t, template, "admin_jid = Boss@"+strings.ToUpper(transport)+"\nadmin_password = sesame\nmore_resources = 1\nmax_sessions_per_address = 0", kept)
	callers := byte(0)
	elsewhere := func() { // wrong passwords slow an address down
		callers++
		h.from = net.IPv4(127, 0, 3, callers)
	}
	for _, name := range []string{"BOSS", "boss", "ｂｏｓｓ", "Boss"} {
		elsewhere()
		if condition, text := h.refused(t, name, "any"); condition != "not-authorized" || text != "Wrong password." {
			t.Errorf("%q as a name of the administrator: %s %q", name, condition, text)
		}
	}
	boss := h.login(t, "ＢＯＳＳ", "sesame", "x", false)
	if boss.full != "boss@"+transport+"/x" {
		t.Errorf("the administrator is %s", boss.full)
	}
	for _, name := range []string{
		"", "a@b", "a/b", "alice@" + transport, "a\x00b", " ", "a b", "a\nb", "<a>", "a'b", `a"b`, "a&b", "a:b",
		strings.Repeat("x", 1024), "\u200ba", "a\u202eb", "\xff", "a\u0000", "/", "@",
	} {
		elsewhere()
		e := h.connect(t, name).authenticate("any")
		if e.Name != "failure" || e.First().Name != "not-authorized" && e.First().Name != "malformed-request" {
			t.Errorf("%q got: %s", name, e)
		}
	}
	first := h.login(t, "alice", "any", "x", false)
	first.comeOnline()
	for _, name := range []string{"ALICE", "ａｌｉｃｅ"} {
		c := h.login(t, name, "any", "other", false)
		if c.full != "alice@"+transport+"/other" {
			t.Errorf("%q is %s", name, c.full)
		}
		c.cut()
	}
}

// TestHostileLoginsThatNeverBind: each login whose client hung up at once left a
// session on the network for a minute.
func TestHostileLoginsThatNeverBind(t *testing.T) {
	h := startServer(t, template, "", "")
	for i := range 15 {
		c := h.connect(t, fmt.Sprintf("user%d", i))
		if e := c.authenticate("any"); e.Name != "success" {
			t.Fatalf("login: %s", e)
		}
		c.cut()
	}
	h.expectStatus("0 users online")
	h.login(t, "user1", "any", "x", false).comeOnline()
}

// TestHostileStrangerStaysForEver: whoever came with any name could have his
// session stay without a client, and so as many as he liked.
func TestHostileStrangerStaysForEver(t *testing.T) {
	n := startIRCNetwork(t, nil)
	n.guard(false)
	h := n.serverOn(t, "", kept+"[settings]\nstay_connected = 1\n")
	c := h.login(t, "nobody", "any", "x", false)
	c.comeOnline()
	c.cut()
	h.expectStatus("0 users online")
}

// TestHostilePasswordsAreInNoLog: whatever the level.
func TestHostilePasswordsAreInNoLog(t *testing.T) {
	irc := irctest.StartErgo(t, irctest.Options{Accounts: map[string]string{"juliet": "hunter2hunter2"}})
	h := startServer(t, "spectrum2_irc_backend", "irc_server = "+irc.Addr()+"\nadmin_jid = boss@"+transport+"\nadmin_password = opensesame1", "level = debug\n"+kept)
	h.login(t, "juliet", "hunter2hunter2", "x", false).comeOnline()
	h.refused(t, "juliet", "wrongwrong7")
	h.login(t, "guest", "guestguest9", "x", false).comeOnline()
	h.refused(t, "boss", "notsesame55")
	h.login(t, "boss", "opensesame1", "x", false)
	h.stop()
	log := h.log()
	for _, password := range []string{"hunter2hunter2", "wrongwrong7", "guestguest9", "notsesame55", "opensesame1"} {
		for _, user := range []string{"juliet", "guest", "boss"} {
			for _, secret := range []string{password, base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password)), base64.StdEncoding.EncodeToString([]byte(user + "\x00" + user + "\x00" + password))} {
				if i := strings.Index(log, secret); i >= 0 {
					t.Errorf("the log has a password: %s", log[max(0, i-200):i+len(secret)])
				}
			}
		}
	}
	if !strings.Contains(log, "level=DEBUG") && !strings.Contains(log, "DEBUG") {
		t.Error("the log is not at its most talkative")
	}
}

// TestHostileAdministratorWasDismissed: after a reload without him, or with
// another password, an administrator kept his connection, and a login under his
// name ended the program.
func TestHostileAdministratorWasDismissed(t *testing.T) {
	h := startServer(t, template, "admin_jid = boss@"+transport+"\nadmin_password = sesame", "")
	change := func(old, new string) {
		t.Helper()
		text, err := os.ReadFile(h.file)
		if err == nil {
			err = os.WriteFile(h.file, []byte(strings.Replace(string(text), old, new, 1)), 0o600)
		}
		if err == nil {
			_, err = h.control.Reload(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	boss := h.login(t, "boss", "sesame", "x", false)
	change("admin_password = sesame", "admin_password = barley")
	if got := boss.ends(); got != "not-authorized" {
		t.Errorf("with another password the stream ended with %q", got)
	}
	boss = h.login(t, "boss", "barley", "x", false)
	change("admin_jid = boss@", "admin_jid = other@")
	if got := boss.ends(); got != "not-authorized" {
		t.Errorf("without the administrator the stream ended with %q", got)
	}
	plain := h.login(t, "boss", "any", "x", false)
	plain.comeOnline()
	mark := plain.mark()
	plain.say(transport, "chat", "online_users")
	plain.expect(mark, "a refusal", func(st *xmpp.Element) bool { return strings.HasPrefix(xmpp.Body(st), "Error: ") })
	change("admin_jid = other@", "admin_jid = boss@")
	if got := plain.ends(); got != "not-authorized" {
		t.Errorf("a user whose name became an administrator's: %q", got)
	}
	h.poll("the administrator let in", func(context.Context) bool {
		c := h.connect(t, "boss")
		defer c.cut()
		return c.authenticate("barley").Name == "success"
	}, h.log)
}

// TestHostileStopDuringLogin: a login that is being tried does not hold up the
// end, and its client is told.
func TestHostileStopDuringLogin(t *testing.T) {
	n := startIRCNetwork(t, nil)
	h := n.serverOn(t, "", kept)
	c := h.connect(t, "alice")
	c.write(fmt.Sprintf("<auth xmlns='%s' mechanism='PLAIN'>%s</auth>", nsSASL, base64.StdEncoding.EncodeToString([]byte("\x00alice\x00"+slow))))
	<-n.tried
	if _, err := h.control.Reload(t.Context()); err != nil {
		t.Errorf("reload during a login: %v", err)
	}
	began := time.Now()
	h.cmd.Process.Signal(syscall.SIGTERM)
	<-h.done
	if took := time.Since(began); h.err != nil || took > 8*time.Second {
		t.Errorf("it ended after %s: %v\n%s", took, h.err, h.log())
	}
}

// TestHostileChurn: clients that come and go, in order and not, alone and
// several of one user, leave nothing behind.
func TestHostileChurn(t *testing.T) {
	h := startServer(t, template, "max_sessions_per_address = 0\nusers_per_backend = 20000\nmore_resources = 1", kept)
	round := func(first int) {
		var all sync.WaitGroup
		for worker := range 16 {
			all.Go(func() {
				for i := range 25 {
					n := first + worker*25 + i
					h.churn(t, n)
				}
			})
		}
		all.Wait()
		h.expectStatus("0 users online")
	}
	round(0)
	before := residentOf(t, h.cmd.Process.Pid)
	round(400)
	round(800)
	if grown := residentOf(t, h.cmd.Process.Pid) - before; grown > 24<<10 {
		t.Errorf("800 clients left %d KiB behind", grown)
	}
	h.poll("no client left", func(ctx context.Context) bool {
		list, err := h.control.Sessions(ctx)
		return err == nil && len(list) == 0
	}, h.log)
	h.cmd.Process.Signal(syscall.SIGQUIT) // the runtime shows all goroutines
	<-h.done
	if n := strings.Count(h.log(), "\ngoroutine "); n == 0 || n > 60 {
		t.Errorf("%d goroutines are left:\n%s", n, h.log())
	}
}

// churn is one client, whose number decides how it comes and goes.
func (h *host) churn(t testing.TB, n int) {
	user := fmt.Sprintf("user%d", n/2)
	switch n % 7 {
	case 0: // hangs up during TLS or before
		h.connect(t, user).cut()
	case 1: // a wrong password; the address is slowed down by few of them only
		c := h.connect(t, user)
		c.write("<presence/>")
		c.cut()
	case 2: // no resource
		c := h.connect(t, user)
		c.authenticate("any")
		c.cut()
	case 3: // in order
		c := h.login(t, user, "any", fmt.Sprint("r", n), false)
		c.send(xmpp.NewPresence("", "", ""))
		c.write("</stream:stream>")
		c.ends()
	case 4: // a request whose answer nobody waits for
		c := h.login(t, user, "any", fmt.Sprint("r", n), false)
		c.send(xmpp.NewIQ("get", "", "", "").Add(xmpp.New(rosteritem.NS, "query")))
		c.cut()
	case 5: // resumable, ended by the administrator
		c := h.login(t, user, "any", fmt.Sprint("r", n), true)
		c.send(xmpp.NewPresence("", "", ""))
		c.cut()
		h.poll("the end of "+c.full, func(ctx context.Context) bool {
			k, err := h.control.EndSession(ctx, c.full)
			return err == nil && k == 1
		}, h.log)
	case 6: // a room, and gone
		c := h.login(t, user, "any", fmt.Sprint("r", n), false)
		c.comeOnline()
		c.join("echoroom", user)
		c.cut()
	}
}

// residentOf is what a process holds in memory, in KiB.
func residentOf(t testing.TB, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kib int
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return kib
}
