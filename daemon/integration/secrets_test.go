// SPDX-License-Identifier: GPL-2.0-or-later

package integration_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"spectrum.im/spectrum2/daemon/backends/irc/irctest"
	"spectrum.im/spectrum2/daemon/backends/oscar/oscartest"
	"spectrum.im/spectrum2/daemon/store/dbtest"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/muc"
	ibr "spectrum.im/spectrum2/daemon/xmpp/register"
)

// takeCores lets every program of the test leave a core, as on a system where
// an administrator looks for a bug: those of Go do it at a crash too.
func takeCores(t *testing.T, dir string) {
	t.Helper()
	if _, err := programs(); err != nil {
		t.Fatal(err)
	}
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &before); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{Cur: before.Max, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &before); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("GOTRACEBACK", "crash")
	t.Chdir(dir)
}

// noCore wants none below dir, and none of the process itself.
func noCore(t *testing.T, p *process, dir string) {
	t.Helper()
	if st, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || st.CoreDump() {
		t.Errorf("the main process left a core: %v", p.cmd.ProcessState)
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(e.Name(), "core") {
			t.Errorf("there is a core: %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// joinWith joins a room with a password.
func (u *user) joinWith(room, nick, password string) {
	u.t.Helper()
	mark := u.mark()
	u.send(xmpp.NewPresence("", "", room+"@"+transport+"/"+nick).Add(xmpp.New(muc.NS, "x").Add(xmpp.NewText(muc.NS, "password", password))))
	u.expect(mark, "an answer from "+room, func(st *xmpp.Element) bool { return strings.HasPrefix(st.Get("from"), room+"@"+transport) })
}

// TestCanaryOnIRC: PASS, SASL and NickServ, right and wrong, and a channel's
// key.
func TestCanaryOnIRC(t *testing.T) {
	irc := irctest.StartErgo(t, irctest.Options{Accounts: map[string]string{"romeo_m": canary("Romeo")}})
	for _, more := range []string{"", "irc_send_pass = 1"} {
		s, w, dir := search(t), newWorld(t), t.TempDir()
		text := strings.Replace(configOf(dir, w.server.addr, "irc_server = "+irc.Addr()+"\n"+more), "spectrum2_template_backend", "spectrum2_irc_backend", 1)
		p := startFile(t, dir, strings.Replace(text, "[logging]\nfile =\n", "[logging]\nlevel = debug\nfile = "+dir+"/log/spectrum2.log\n", 1))
		p.expectLog("ready")
		romeo, juliet := w.user("romeo"), w.user("juliet")
		romeo.register("romeo_m", canary("Romeo"))
		romeo.comeOnline()
		romeo.joinWith("#orchard", "romeo_m", canary("Channel"))
		juliet.request("set", transport, ibr.Query{Fields: []ibr.Field{{Name: "username", Value: "romeo_m"}, {Name: "password", Value: canary("Guessed")}}}.Element())
		s.everything(p)
		mark := romeo.mark()
		syscall.Kill(mustBackends(t, p)[0].PID, syscall.SIGABRT)
		romeo.expect(mark, "the transport online again", func(st *xmpp.Element) bool {
			return st.Name == "presence" && st.Get("from") == transport && st.Get("type") == "" && st.Child(xmpp.NSClient, "show") == nil
		})
		s.everything(p)
		s.stanzas(w)
		p.stop()
	}
}

// TestCanaryOnOSCAR: the right password and a wrong one, in server mode.
func TestCanaryOnOSCAR(t *testing.T) {
	s := search(t)
	icq := oscartest.Start(t, oscartest.Options{Accounts: map[string]string{"100001": canaryMark[:8]}}) // ICQ's have eight characters
	s.marks = append(s.marks, []byte("Guessed1"))
	h := startServer(t, "spectrum2_oscar_backend", "protocol = icq", fmt.Sprintf("%s[logging]\nlevel = debug\n[oscar]\nhost = %s\nport = %d\n", kept, oscartest.Host, icq.Port))
	if condition, text := h.refused(t, "100001", "Guessed1"); condition != "not-authorized" || strings.Contains(text, "Guessed1") {
		t.Errorf("a wrong password: %s", condition)
	}
	romeo := h.login(t, "100001", canaryMark[:8], "orchard", true)
	romeo.comeOnline()
	s.marks = append(s.marks, []byte(canaryMark[:8]+"\x00"), []byte(`"`+canaryMark[:8]+`"`), []byte("="+canaryMark[:8]))
	s.everything(h.process)
}

// TestCanaryOnDatabaseServers: keys and passwords of servers; sealed passwords
// are nowhere in the server's files either, its log included.
func TestCanaryOnDatabaseServers(t *testing.T) {
	for typ, start := range map[string]func(testing.TB, ...string) *dbtest.Server{"pqxx": dbtest.NewPostgreSQL, "mysql": dbtest.NewMariaDB} {
		t.Run(typ, func(t *testing.T) {
			s := search(t)
			s.marks = append(s.marks, []byte("Canary 'Password'"))
			db, w, dir := start(t), newWorld(t), t.TempDir()
			text, _, _ := strings.Cut(configOf(dir, w.server.addr, ""), "[logging]")
			text += fmt.Sprintf("[logging]\nlevel = debug\nfile = %s/log\n[database]\ntype = %s\nserver = 127.0.0.1\nport = %d\nuser = %s\ndatabase = %s\n", dir, typ, db.Port(), dbtest.User, db.Database(t))
			password, key := "password = "+dbtest.Password+"\n", "encryption_key = "+canary("Key")+"\n"
			p := startFile(t, dir, text+password+key)
			p.expectLog("ready")
			romeo, juliet := w.user("romeo"), w.user("juliet")
			romeo.register("romeo_m", canary("Romeo"))
			romeo.comeOnline()
			romeo.joinWith("echoroom", "romeo_m", canary("Room"))
			juliet.request("set", transport, ibr.Query{Fields: []ibr.Field{{Name: "username", Value: strings.Repeat("j", 5000)}, {Name: "password", Value: canary("Juliet")}}}.Element())

			for _, wrong := range []string{password + "encryption_key = " + canary("Wrong") + "\n", password + "encryption_key = " + canary("Wrong") + "\nencryption_key_old = " + canary("Neither") + "\n"} {
				rewrite(t, p.file, text+wrong)
				r, err := p.control.Reload(t.Context())
				if s.answer("reload", r, err); err == nil {
					t.Error("a wrong key was taken")
				}
			}
			rewrite(t, p.file, text+password+key)
			s.everything(p)
			if err := db.Crash(); err != nil {
				t.Fatal(err)
			}
			r := romeo.request("set", transport, ibr.Query{Fields: []ibr.Field{{Name: "username", Value: "romeo_m"}, {Name: "password", Value: canary("RomeoAgain")}}}.Element())
			if r.Get("type") != "error" {
				t.Errorf("another password without the database: %s", r)
			}
			s.everything(p)
			s.stanzas(w)
			p.stop()
			if err := db.Start(); err != nil {
				t.Fatal(err)
			}

			rewrite(t, p.file, text+"password = "+canary("Database")+"\n"+key)
			out, err := tool(t, "spectrum2", "db", "status", p.file)
			if s.in("the refusal of the server", out); err == nil {
				t.Error("the server takes any password")
			}
			s.marks = [][]byte{[]byte(canaryMark)}
			s.files(db.Dir(), func(string) bool { return false })
		})
	}
}

// TestSecretArgumentsStayWithTheirProcess: what an administrator gives on the
// command line he is warned of, and backends do not get it.
func TestSecretArgumentsStayWithTheirProcess(t *testing.T) {
	w, dir := newWorld(t), t.TempDir()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	p := startFile(t, dir, configOf(dir, w.server.addr, ""),
		"--proxy.password="+canary("Proxy"), "--irc.irc.example.org.sasl="+canary("SASL"), "--template.key="+canary("Key"))
	p.expectLog("ready")
	if log := p.log(); strings.Count(log, "everybody on this machine can see it in the list of processes") < 3 || strings.Contains(log, canaryMark) {
		t.Errorf("%s\n%s", bin, log)
	}
	for _, b := range mustBackends(t, p) {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", b.PID))
		if err != nil || len(line) == 0 || bytes.Contains(line, []byte(canaryMark)) {
			t.Errorf("arguments of a backend: %q, %v", line, err)
		}
	}
}

// TestReloadThatFailsKeepsTheKey: neither half of a reload whose other half is
// wrong comes into force, for a key may never go back.
func TestReloadThatFailsKeepsTheKey(t *testing.T) {
	h := startServer(t, template, "", kept+"encryption_key = first\n")
	romeo := h.login(t, "romeo", "any", "orchard", false)
	romeo.comeOnline()
	b, err := os.ReadFile(h.file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	with := func(cert, keys string) string {
		return strings.NewReplacer("pidfile =\n", "pidfile =\ncert = "+cert+"\n", "encryption_key = first\n", keys).Replace(text)
	}
	fingerprint := func() string {
		st, err := h.control.Status(t.Context())
		if err != nil || st.Certificate == nil {
			t.Fatalf("status: %+v, %v", st, err)
		}
		return st.Certificate.Fingerprint
	}
	inUse := fingerprint()
	reload := func(text, want string) {
		t.Helper()
		rewrite(t, h.file, text)
		if _, err := h.control.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("reload: %v, want %q", err, want)
		}
		if fingerprint() != inUse {
			t.Error("another certificate is in use")
		}
	}

	broken := filepath.Join(h.dir, "broken.pem")
	rewrite(t, broken, "-----BEGIN CERTIFICATE-----\nbroken\n")
	reload(with(broken, "encryption_key = second\nencryption_key_old = first\n"), broken)
	rewrite(t, h.file, text) // the first key alone: refused once the second had been in force
	if _, err := h.control.Reload(t.Context()); err != nil {
		t.Errorf("back to the old configuration: %v", err)
	}
	romeo.send(xmpp.NewPresence("", "", "echoroom@"+transport+"/romeo_m").Add(xmpp.New(muc.NS, "x").Add(xmpp.NewText(muc.NS, "password", "of the room"))))
	encrypted := ""
	h.poll("the room's password encrypted", func(context.Context) bool {
		encrypted = mustDB(t, h.file, "", "Passwords:", "status")
		return strings.Contains(encrypted, "1 encrypted")
	}, func() string { return encrypted })
	if !strings.Contains(encrypted, "1 encrypted\n") {
		t.Errorf("with another key than the one in force: %s", encrypted)
	}

	other := startServer(t, template, "", "")
	made, err := filepath.Glob(filepath.Join(other.dir, "state", "*.pem"))
	if err != nil || len(made) != 1 {
		t.Fatalf("the other's certificate: %v, %v", made, err)
	}
	reload(with(made[0], "encryption_key = third\n"), "database.encryption_key")
	mustDB(t, h.file, "", "1 encrypted with another key", "status")
	rewrite(t, h.file, with(made[0], "encryption_key = first\n"))
	if _, err := h.control.Reload(t.Context()); err != nil || fingerprint() == inUse {
		t.Errorf("the other certificate is good: %v", err)
	}
}
