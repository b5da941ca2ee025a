// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/commands"
	"spectrum.im/spectrum2/daemon/xmpp/dataform"
	ibr "spectrum.im/spectrum2/daemon/xmpp/register"
)

// canaryMark begins every password of these tests: it must be seen nowhere.
const canaryMark = "CanaryPassword"

func canary(what string) string { return canaryMark + "For" + what + "4711" }

// searched is everything that a secret could be seen in.
type searched struct {
	t     *testing.T
	marks [][]byte
}

// search looks for the canary in the forms that it may come out in.
func search(t *testing.T) *searched {
	s := &searched{t: t, marks: [][]byte{[]byte(canaryMark), []byte(secret), []byte(hex.EncodeToString([]byte(canaryMark)))}}
	for shift := range 3 { // base64 of something that holds it
		b := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + canaryMark))
		s.marks = append(s.marks, []byte(b[4:len(b)-4]))
	}
	return s
}

// in reports where it is found, without repeating it.
func (s *searched) in(what string, text []byte) {
	s.t.Helper()
	for _, m := range s.marks {
		if i := bytes.Index(text, m); i >= 0 {
			s.t.Errorf("a secret is in %s, after %q", what, text[max(0, i-80):i])
			return
		}
	}
}

func (s *searched) answer(what string, v any, err error) {
	s.t.Helper()
	b, jsonErr := json.Marshal(v)
	if jsonErr != nil {
		s.t.Fatal(jsonErr)
	}
	s.in(what, fmt.Appendf(b, "%v", err))
}

// processes looks at the command lines and environments of p and all its
// children.
func (s *searched) processes(p *process) {
	s.t.Helper()
	found := 0
	for _, pid := range descendants(s.t, p.cmd.Process.Pid) {
		for _, file := range []string{"cmdline", "environ", "comm"} {
			b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), file))
			if err != nil {
				continue // it has ended
			}
			found++
			s.in(fmt.Sprintf("%s of process %d", file, pid), b)
		}
	}
	if found < 6 {
		s.t.Errorf("only %d files of processes were there to look at", found)
	}
}

// descendants are the process and all that it started.
func descendants(t *testing.T, root int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	children := map[int][]int{}
	for _, f := range stats {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		var pid, parent int
		var state string
		fmt.Sscan(string(b), &pid)
		fmt.Sscan(string(b[bytes.LastIndexByte(b, ')')+1:]), &state, &parent)
		children[parent] = append(children[parent], pid)
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// files looks at everything below dir but what except names.
func (s *searched) files(dir string, except func(name string) bool) {
	s.t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || except(e.Name()) {
			return err
		}
		b, err := os.ReadFile(path)
		n++
		s.in(path, b)
		return err
	})
	if err != nil || n == 0 {
		s.t.Errorf("%d files in %s, %v", n, dir, err)
	}
}

func isDatabase(name string) bool { return strings.HasPrefix(name, "database.sql") }
func isConfig(name string) bool   { return name == "irc.cfg" }

// stanzas looks at all that users got.
func (s *searched) stanzas(w *world) {
	s.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for user, seen := range w.seen {
		for _, st := range seen {
			s.in("what "+user+" got", []byte(st.String()))
		}
	}
}

// tool runs spectrumctl, or another of our programs, and returns all that it
// prints.
func tool(t *testing.T, program string, args ...string) ([]byte, error) {
	t.Helper()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(filepath.Join(bin, program), args...).CombinedOutput()
}

// everything looks at the instance from all sides.
func (s *searched) everything(p *process) {
	s.t.Helper()
	ctx := s.t.Context()
	st, err := p.control.Status(ctx)
	s.answer("status", st, err)
	users, err := p.control.Users(ctx)
	s.answer("users", users, err)
	backends, err := p.control.Backends(ctx)
	s.answer("backends", backends, err)
	help, err := p.control.Query(ctx, "help")
	s.answer("help", help, err)
	for _, line := range queries(help) {
		text, err := p.control.Query(ctx, line)
		s.answer(line, text, err)
	}
	socket := "--socket=" + filepath.Join(p.dir, "run", "control.sock")
	for _, args := range [][]string{
		{"status", "irc", socket}, {"users", "irc", socket, "--json"}, {"backends", "irc", socket}, {"sessions", "irc", socket, "--json"},
		{"show", p.file}, {"show", p.file, "--json"}, {"check", p.file},
		{"query", "irc", "get status", socket}, {"db", "status", p.file, "--json"}, {"db", "export", p.file, "-o", "-"},
		{"register", "irc", "x@localhost", socket}, {"nonsense", canaryFree},
	} {
		out, _ := tool(s.t, "spectrumctl", args...)
		s.in("spectrumctl "+strings.Join(args, " "), out)
	}
	s.processes(p)
	s.in("the log", []byte(p.log()))
	s.files(p.dir, func(name string) bool { return isDatabase(name) || isConfig(name) })
}

const canaryFree = "nothing"

// queries are the lines for the variables that help names, and commands that
// change nothing.
func queries(help string) []string {
	lines := []string{"status", "online_users", "online_users_count", "get", "get nonsense", "set log_level debug"}
	for _, word := range strings.Fields(help) {
		if word = strings.Trim(word, ",.:;()"); strings.Contains(word, "_") || strings.HasPrefix(word, "backends") {
			lines = append(lines, "get "+word)
		}
	}
	return lines
}

// TestCanaryInGatewayMode puts passwords through every path of a gateway.
func TestCanaryInGatewayMode(t *testing.T) {
	s := search(t)
	w := newWorld(t)
	dir := t.TempDir()
	takeCores(t, dir)
	config := strings.Replace(configOf(dir, w.server.addr, "admin_jid = boss@localhost"), "[logging]\nfile =\n", "[logging]\nlevel = debug\nfile = "+dir+"/log/spectrum2.log\n", 1)
	p := startFile(t, dir, config)
	p.expectLog("ready")

	romeo, juliet, paris, boss := w.user("romeo"), w.user("juliet"), w.user("paris"), w.user("boss")
	romeo.register("romeo_m", canary("Romeo"))
	register(t, juliet, canary("Juliet"))
	for line, want := range map[string]string{"register": "username"} {
		if text := paris.asks(line); !strings.Contains(text, want) {
			t.Fatalf("%s: %q", line, text)
		}
	}
	paris.asks("paris_c")
	if text := paris.asks(canary("Paris")); text != "You are registered." {
		t.Fatalf("registration by chat: %q", text)
	}
	boss.asks("register nurse@localhost nurse_n " + canary("Nurse"))
	boss.asks("register nurse@localhost nurse_n " + canary("Nurse") + " too many words")
	boss.asks("set password " + canary("Nonsense"))
	romeo.comeOnline()
	juliet.comeOnline()
	romeo.joinWith("echoroom", "romeo_m", canary("Room"))

	if out, err := tool(t, "spectrumctl", "db", "export", p.file, "-o", "-"); err != nil || !bytes.Contains(out, []byte("romeo_m")) {
		t.Errorf("export: %v: %s", err, out)
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "state", "database.sql*")); !holds(t, found, canary("Romeo")) {
		t.Error("the password is not even in the database: this test finds nothing")
	}

	// Another password, a broken stanza with one, a message that says one.
	romeo.register("romeo_m", canary("RomeoAgain"))
	romeo.comeOnline()
	romeo.request("set", transport, xmpp.New(ibr.NS, "query").Add(xmpp.NewText(ibr.NS, "password", canary("Alone"))))
	romeo.request("set", transport, ibr.Query{Form: dataform.Submit("urn:wrong", "password", canary("WrongForm"))}.Element())
	s.everything(p)

	// Reload, with a mistake as well; a backend that crashes.
	if _, err := p.control.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	rewrite(t, p.file, config+"[service]\npassword = "+canary("Config")+"\nport = none\n")
	r, err := p.control.Reload(t.Context())
	s.answer("reload", r, err)
	if err == nil {
		t.Error("a broken configuration was taken")
	}
	rewrite(t, p.file, config)
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGABRT} {
		mark := romeo.mark()
		syscall.Kill(mustBackends(t, p)[0].PID, sig)
		romeo.expect(mark, "the transport online again", func(st *xmpp.Element) bool {
			return st.Name == "presence" && st.Get("from") == transport && st.Get("type") == "" && st.Child(xmpp.NSClient, "show") == nil
		})
	}
	s.everything(p)
	s.stanzas(w)

	unregisterAll(t, p, romeo, juliet, paris)
	s.everything(p)
	p.cmd.Process.Signal(syscall.SIGABRT) // the stacks of a hanging one go to the journal
	<-p.done
	noCore(t, p, dir)
	s.in("the stacks", []byte(p.log()))
	s.files(dir, isConfig)
}

// register registers by command.
func register(t *testing.T, u *user, password string) {
	t.Helper()
	step := func(c commands.Command) *commands.Command {
		got := commands.Parse(u.request("set", transport, c.Element()).Child(commands.NS, "command"))
		if got == nil {
			t.Fatal("no command came back")
		}
		return got
	}
	first := step(commands.Command{Node: "register", Action: commands.Execute})
	last := step(commands.Command{Node: "register", SessionID: first.SessionID, Action: commands.Complete, Form: dataform.Submit("", "username", "juliet_c", "password", password)})
	if last.Status != commands.Completed {
		t.Fatalf("registration by command: %+v", last)
	}
}

// holds reports whether text is in one of the files.
func holds(t *testing.T, files []string, text string) bool {
	t.Helper()
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(text)) {
			return true
		}
	}
	return false
}

func rewrite(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// unregisterAll removes the users and looks whether the database has forgotten
// them, while the instance runs.
func unregisterAll(t *testing.T, p *process, users ...*user) {
	t.Helper()
	names := [][]byte{[]byte(canaryMark), []byte("nurse@localhost"), []byte("nurse_n"), []byte("romeo_m"), []byte("juliet_c"), []byte("paris_c")}
	for _, u := range users {
		names = append(names, []byte(u.bare))
		if r := u.request("set", transport, ibr.Query{Remove: true}.Element()); r.Get("type") != "result" {
			t.Fatalf("unregistering: %s", r)
		}
	}
	if _, err := p.control.Query(t.Context(), "unregister nurse@localhost"); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(p.dir, "state", "database.sql*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("files of the database: %v, %v", files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			if bytes.Contains(b, n) {
				t.Errorf("%s still has %s", filepath.Base(f), n)
			}
		}
	}
}

// TestCanaryInARefusedLogin: the network refuses a login, by IQ and by chat.
func TestCanaryInARefusedLogin(t *testing.T) {
	s := search(t)
	w := newWorld(t)
	dir := t.TempDir()
	config := strings.Replace(configOf(dir, w.server.addr, ""), "[logging]\nfile =\n", "[logging]\nlevel = debug\nfile =\n", 1)
	p := startFile(t, dir, config+"[template]\ncode = 4711\n")
	p.expectLog("ready")
	romeo := w.user("romeo")
	mark := romeo.mark()
	romeo.send(xmpp.NewIQ("set", "", transport, "reg1").Add(ibr.Query{Fields: []ibr.Field{{Name: "username", Value: "romeo_m"}, {Name: "password", Value: canary("Refused")}}}.Element()))
	romeo.expect(mark, "the question for the code", func(st *xmpp.Element) bool {
		return st.Name == "message" && st.Get("from") == transport && xmpp.Body(st) != ""
	})
	s.everything(p)
	romeo.say(transport, "chat", canary("WrongCode"))
	r := romeo.expect(mark, "the registration's answer", func(st *xmpp.Element) bool { return st.Get("id") == "reg1" })
	if cond, _ := xmpp.ErrorOf(r); cond != xmpp.NotAuthorized {
		t.Errorf("a wrong code: %s", r)
	}
	s.everything(p)
	s.stanzas(w)
	s.files(dir, isConfig) // not even in the database
}

// TestCanaryInServerMode: passwords of clients and of the administrator.
func TestCanaryInServerMode(t *testing.T) {
	s := search(t)
	h := startServer(t, template, "admin_jid = boss@"+transport+"\nadmin_password = "+canary("Boss"), kept+"[logging]\nlevel = debug\n")
	romeo := h.login(t, "romeo", canary("Romeo"), "orchard", true)
	romeo.comeOnline()
	boss := h.login(t, "boss", canary("Boss"), "office", false)
	boss.comeOnline()
	if condition, text := h.refused(t, "boss", canary("Guessed")); condition != "not-authorized" || strings.Contains(text, canaryMark) {
		t.Errorf("a guessed password: %s", condition)
	}
	romeo.cut()
	romeo = h.login(t, "romeo", canary("Romeo"), "orchard", true)
	romeo.comeOnline()
	s.everything(h.process)
	if _, err := h.control.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	mark := romeo.mark()
	syscall.Kill(mustBackends(t, h.process)[0].PID, syscall.SIGABRT)
	romeo.expect(mark, "the transport back", func(st *xmpp.Element) bool {
		return st.Name == "presence" && st.Get("from") == transport && st.Get("type") == "" && st.Child(xmpp.NSClient, "show") == nil
	})
	s.everything(h.process)
	for _, c := range []*client{romeo, boss} {
		c.mu.Lock()
		for _, st := range c.seen {
			s.in("what "+c.full+" got", []byte(st.String()))
		}
		c.mu.Unlock()
	}

	refusing := startServer(t, template, "", "[logging]\nlevel = debug\n[template]\ncode = 1\n")
	if condition, text := refusing.refused(t, "romeo", canary("Refused")); condition == "" || strings.Contains(text, canaryMark) {
		t.Errorf("a refused login: %s", condition)
	}
	s.everything(refusing.process)
}
