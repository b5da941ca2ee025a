// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/control/api"
	"spectrum.im/spectrum2/daemon/xmpp"
)

// online starts an instance with romeo logged in.
func online(t *testing.T, more string) (*world, *process, *user) {
	w := newWorld(t)
	p := startInstance(t, w.server.addr, more)
	p.expectLog("ready")
	romeo := w.user("romeo")
	romeo.register("romeo_m", "any")
	romeo.comeOnline()
	return w, p, romeo
}

func TestEchoContactAndRoom(t *testing.T) {
	_, p, romeo := online(t, "")
	mark := romeo.mark()
	romeo.say("echo@"+transport, "chat", "hello")
	romeo.hears(mark, "echo@"+transport, "hello")
	romeo.join("echoroom", "romeo_m")
	mark = romeo.mark()
	romeo.say("echoroom@"+transport, "groupchat", "is there anybody?")
	romeo.expect(mark, "his own words in the room", func(st *xmpp.Element) bool {
		return xmpp.Body(st) == "is there anybody?" && st.Get("from") == "echoroom@"+transport+"/romeo_m"
	})
	romeo.expect(mark, "echobot's answer", func(st *xmpp.Element) bool {
		return xmpp.Body(st) != "" && st.Get("from") == "echoroom@"+transport+"/echobot"
	})
	users, err := p.control.Users(t.Context())
	if err != nil || len(users) != 1 || users[0].State != "online" || users[0].Rooms != 1 {
		t.Errorf("users: %+v, %v", users, err)
	}
}

func TestWrongSecretIsSaidAndNotRetriedInAStorm(t *testing.T) {
	w := newWorld(t)
	w.server.refuseAll()
	p := startInstance(t, w.server.addr, "")
	p.expectLog("ready")
	p.expectStatus("secret")
	st, err := p.control.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if wait := time.Until(st.Link.Next); wait < 5*time.Second {
		t.Errorf("the next try is in %v", wait)
	}
}

func TestServerAwayAtStart(t *testing.T) {
	w := newWorld(t)
	w.server.stop()
	began := time.Now()
	p := startInstance(t, w.server.addr, "")
	p.expectLog("ready")
	if d := time.Since(began); d > 15*time.Second {
		t.Errorf("ready after %v, without a server it is 5 s", d)
	}
	p.expectStatus("next try in")
	w.server.start()
	p.expectStatus("connected to " + w.server.addr)
}

func TestServerRestartedUnderLoadLosesNothing(t *testing.T) {
	w, p, romeo := online(t, "")
	w.server.awaitLink()
	for range 5 {
		for range 20 {
			romeo.say("echo@"+transport, "chat", "load")
		}
		w.server.stop()
		w.server.start()
		w.server.awaitLink()
	}
	mark := romeo.mark()
	romeo.say("echo@"+transport, "chat", "after all that")
	romeo.hears(mark, "echo@"+transport, "after all that")
	if n := len(mustBackends(t, p)); n != 1 {
		t.Errorf("%d backends", n)
	}
}

func mustBackends(t *testing.T, p *process) []api.Backend {
	t.Helper()
	b, err := p.control.Backends(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestKilledBackendCostsAReconnect(t *testing.T) {
	_, p, romeo := online(t, "")
	romeo.join("echoroom", "romeo_m")
	mark := romeo.mark()
	syscall.Kill(mustBackends(t, p)[0].PID, syscall.SIGKILL)
	romeo.expect(mark, "word of the reconnect", func(st *xmpp.Element) bool {
		return st.Name == "presence" && st.Get("from") == transport && strings.Contains(strings.ToLower(st.ChildText(xmpp.NSClient, "status")), "reconnect")
	})
	romeo.expect(mark, "the transport online again", func(st *xmpp.Element) bool {
		return st.Name == "presence" && st.Get("from") == transport && st.Get("type") == "" && st.Child(xmpp.NSClient, "show") == nil
	})
	mark = romeo.mark()
	romeo.say("echo@"+transport, "chat", "are you back?")
	romeo.hears(mark, "echo@"+transport, "are you back?")
}

func TestStoppedBackendIsReplaced(t *testing.T) {
	_, p, romeo := online(t, "")
	pid := mustBackends(t, p)[0].PID
	syscall.Kill(pid, syscall.SIGSTOP)
	defer syscall.Kill(pid, syscall.SIGCONT)
	mark := romeo.mark()
	deadline := time.After(3 * limit)
	for online := false; !online; {
		select {
		case <-p.grown:
			online = strings.Contains(p.log(), "does not answer")
		case <-deadline:
			t.Fatalf("a stopped backend is not noticed:\n%s", p.log())
		}
	}
	romeo.expect(mark, "the transport online again", func(st *xmpp.Element) bool {
		return st.Name == "presence" && st.Get("from") == transport && st.Get("type") == "" && st.Child(xmpp.NSClient, "show") == nil
	})
}

func TestMalformedAndOversizedStanzas(t *testing.T) {
	w, _, romeo := online(t, "")
	mark := romeo.mark()
	huge := strings.Repeat("x", 3<<20)
	romeo.say("echo@"+transport, "chat", huge)
	romeo.expect(mark, "an error about the size", func(st *xmpp.Element) bool {
		return st.Name == "message" && st.Get("type") == "error"
	})
	for _, bad := range []string{
		"<message to='echo@irc.localhost'><body>no sender</body></message>",
		"<message from='romeo@localhost/test' to='echo@irc.localhost' type='nonsense'/>",
		"<iq from='romeo@localhost/test' to='irc.localhost' type='get' id='1'/>",
		"<presence from='romeo@localhost/test' to='a@b@c@irc.localhost'/>",
		"<message from='@/' to='echo@irc.localhost'><body>x</body></message>",
	} {
		w.server.raw([]byte(bad))
	}
	mark = romeo.mark()
	romeo.say("echo@"+transport, "chat", "still here?")
	romeo.hears(mark, "echo@"+transport, "still here?")
	w.server.raw([]byte("<message><<<"))
	w.server.awaitLink() // the first
	w.server.awaitLink()
	mark = romeo.mark()
	romeo.say("echo@"+transport, "chat", "and now?")
	romeo.hears(mark, "echo@"+transport, "and now?")
}

func TestBrokenConfigurationEndsWith78(t *testing.T) {
	p := startFile(t, t.TempDir(), "[service]\njid = irc.localhost\nport = many\nusers_per_backend = -1\nbackend = x\n")
	select {
	case <-p.done:
	case <-time.After(limit):
		t.Fatal("it runs")
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 78 {
		t.Errorf("exit status %d", code)
	}
	for _, want := range []string{"irc.cfg:3", "service.port", "irc.cfg:4", "service.users_per_backend"} {
		if !strings.Contains(p.log(), want) {
			t.Errorf("the error does not name %s:\n%s", want, p.log())
		}
	}
}

func TestDatabaseThatCannotBeOpened(t *testing.T) {
	w := newWorld(t)
	for name, prepare := range map[string]func(path string) error{
		"corrupt": func(path string) error {
			return os.WriteFile(path, []byte(strings.Repeat("not a database ", 100)), 0o600)
		},
		"a directory": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.MkdirAll(filepath.Join(dir, "state"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := prepare(filepath.Join(dir, "state", "database.sql")); err != nil {
				t.Fatal(err)
			}
			p := startFile(t, dir, configOf(dir, w.server.addr, ""))
			select {
			case <-p.done:
			case <-time.After(limit):
				t.Fatal("it runs")
			}
			if p.cmd.ProcessState.ExitCode() != 1 || !strings.Contains(p.log(), "database.sql") {
				t.Errorf("exit status %d:\n%s", p.cmd.ProcessState.ExitCode(), p.log())
			}
		})
	}
}

func TestMissingBackendIsSaidEverywhere(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	p := startFile(t, dir, strings.Replace(configOf(dir, w.server.addr, ""), "spectrum2_template_backend", "/nonexistent/backend", 1))
	p.expectLog("ready")
	p.expectStatus("/nonexistent/backend")
}

func TestSIGTERMTellsUsers(t *testing.T) {
	_, p, romeo := online(t, "")
	mark := romeo.mark()
	p.cmd.Process.Signal(syscall.SIGTERM)
	romeo.expect(mark, "the transport go", func(st *xmpp.Element) bool {
		return st.Name == "presence" && st.Get("from") == transport && st.Get("type") == "unavailable"
	})
	select {
	case <-p.done:
	case <-time.After(limit):
		t.Fatal("it does not end")
	}
	if p.err != nil {
		t.Errorf("exit: %v", p.err)
	}
	if out, _ := exec.Command("pgrep", "-f", p.file).Output(); len(out) > 0 {
		t.Errorf("processes left: %s", out)
	}
}

func TestReloadOverTheSocket(t *testing.T) {
	_, p, _ := online(t, "")
	text, err := os.ReadFile(p.file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(s string) {
		if err := os.WriteFile(p.file, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(strings.Replace(string(text), "[logging]", "[identity]\nname = Renamed\n[logging]", 1))
	r, err := p.control.Reload(t.Context())
	if err != nil || len(r.Changed) != 1 || r.Changed[0] != "identity.name" {
		t.Errorf("reload: %+v, %v", r, err)
	}
	write(strings.Replace(string(text), "port = ", "port = 1", 1))
	if r, err = p.control.Reload(t.Context()); err == nil && (len(r.NeedRestart) != 1 || r.NeedRestart[0] != "service.port") {
		t.Errorf("reload of another port: %+v, %v", r, err)
	}
	write("[service]\njid = \n")
	if _, err = p.control.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "service.jid") {
		t.Errorf("reload of a broken file: %v", err)
	}
	if st, err := p.control.Status(context.Background()); err != nil || st.JID != transport {
		t.Errorf("after it: %+v, %v", st, err)
	}
}
