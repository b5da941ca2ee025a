// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"spectrum.im/spectrum2/daemon/certificate"
	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/control"
	"spectrum.im/spectrum2/daemon/control/api"
	"spectrum.im/spectrum2/daemon/control/controltest"
	"spectrum.im/spectrum2/spectrumctl"
)

var update = flag.Bool("update", false, "write the golden files and the generated parts of the documentation")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"spectrumctl": func() {
			os.Exit(spectrumctl.Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
		},
		"journalctl": journalctl,
	})
}

// journalctl is a fake: it shows its arguments, or what $JOURNAL holds where
// lines for people are asked for.
func journalctl() {
	for _, a := range os.Args[1:] {
		if a == "--sync" {
			return
		}
		if a == "--output=cat" && slices.Contains(os.Args, "_SYSTEMD_INVOCATION_ID="+strings.Repeat("ab", 16)) {
			fmt.Print(strings.ReplaceAll(os.Getenv("JOURNAL"), "\\n", "\n"))
			return
		}
	}
	fmt.Println("journalctl", strings.Join(os.Args[1:], " "))
	if status, err := strconv.Atoi(os.Getenv("JOURNAL_STATUS")); err == nil {
		os.Exit(status)
	}
}

func TestScripts(t *testing.T) {
	root, err := os.MkdirTemp("", "sctl") // short: sockets have short paths
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	if err := os.Chmod(root, 0o755); err != nil { // the service's user looks in
		t.Fatal(err)
	}
	if out, err := exec.Command("../packaging/need", "openssl").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		WorkdirRoot:   root,
		UpdateScripts: *update,
		Setup:         setup,
		Condition: func(cond string) (bool, error) {
			if cond != "root" {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			return os.Geteuid() == 0, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"systemd":  cmdSystemd,
			"unit":     cmdUnit,
			"instance": cmdInstance,
			"users":    cmdUsers,
			"clients":  cmdClients,
			"down":     cmdDown,
			"exits":    cmdExits,

			"credentials": cmdCredentials,
		},
	})
}

func setup(e *testscript.Env) error {
	e.Setenv("SPECTRUM2_ROOT", e.WorkDir)
	e.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent")
	e.Setenv("LC_ALL", "C.UTF-8")
	e.Setenv("TZ", "UTC")
	e.Setenv("GORACE", "atexit_sleep_ms=0") // each run is a process
	e.Setenv("TERM", "xterm")
	e.Setenv("PATH", filepath.Join(e.WorkDir, "bin")+string(os.PathListSeparator)+e.Getenv("PATH"))
	w := &world{dir: e.WorkDir, running: map[string]*running{}, env: func() []string { return e.Vars }}
	e.Values[worldKey{}] = w
	e.Defer(w.stopAll)
	return os.MkdirAll(filepath.Join(e.WorkDir, "run/spectrum2"), 0o755)
}

type worldKey struct{}

// world is the system of one script: its instances, and its systemd if it has
// one.
type world struct {
	dir     string
	env     func() []string
	systemd *fakeSystemd

	mu      sync.Mutex
	running map[string]*running
}

// running is an instance: a real control server over a fake one.
type running struct {
	*controltest.Instance
	cancel context.CancelFunc
	done   chan error
}

func ago(d time.Duration) time.Time { return time.Now().Add(-d) }

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func (w *world) file(name string) string {
	return filepath.Join(w.dir, "etc/spectrum2/transports", name+".cfg")
}

// start starts an instance that says what its file says.
func (w *world) start(name string) error {
	c, _, err := config.Inspect(w.file(name), nil)
	if err != nil {
		return err
	}
	i := &controltest.Instance{
		State: api.Status{Instance: name, JID: c.Service.JID, Mode: api.ModeGateway, Backend: c.Service.Backend, Build: "2.9.9",
			PID: 4711, Started: ago(3*time.Hour + 12*time.Minute), State: api.StateRunning, Text: "all is well",
			Link: &api.Link{Connected: true, Address: "127.0.0.1:5347"}, FromXMPP: 7, ToXMPP: 9},
		Processes: []api.Backend{{ID: 1, PID: 4712, Program: c.Service.Backend + " 2.9.9", State: "ready", Since: ago(3*time.Hour + 12*time.Minute),
			Memory: 20 << 20, Level: 1, Scope: "spectrum2-" + name + "-backend-1.scope"}},
	}
	i.Reloading = w.reloading(name, c, i)
	if c.Service.ServerMode {
		w.serve(i, c)
	}
	l, err := control.Listen(api.SystemdSocket(w.dir, name))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{i, cancel, make(chan error, 1)}
	go func() { r.done <- control.Serve(ctx, l, i, slog.New(slog.DiscardHandler)) }()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running[name] = r
	return nil
}

// reloading compares the file with the one before, as an instance does.
func (w *world) reloading(name string, old *config.Config, i *controltest.Instance) func(context.Context) (api.Reload, error) {
	return func(context.Context) (api.Reload, error) {
		c, _, err := config.Inspect(w.file(name), nil)
		if err != nil {
			return api.Reload{}, err
		}
		changed, needRestart := config.Diff(old, c)
		old = c
		if c.Service.ServerMode {
			w.serve(i, c)
		}
		return api.Reload{Changed: changed, NeedRestart: needRestart}, nil
	}
}

// serve puts an instance in server mode into that state, with the certificate
// that its configuration names; what is there stays in use if that is broken.
func (w *world) serve(i *controltest.Instance, c *config.Config) {
	var cert api.Certificate
	text, err := os.ReadFile(filepath.Join(w.dir, c.Service.Cert))
	if err == nil {
		var info certificate.Info
		info, err = certificate.Check(text, nil, c.Service.CertPassword)
		cert = api.Certificate{Fingerprint: info.Fingerprint, NotAfter: info.NotAfter, Names: info.Names, SelfSigned: info.SelfSigned, File: c.Service.Cert}
	}
	i.Change(func(s *api.Status) {
		s.Mode, s.Link = api.ModeServer, nil
		s.Listeners = []string{"[::]:5222 starttls", "[::]:5223 tls"}
		switch {
		case err == nil:
			s.Certificate = &cert
		case s.Certificate == nil:
			s.Certificate = &api.Certificate{Fingerprint: "AA:BB", SelfSigned: true, Names: []string{c.Service.JID}, NotAfter: time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC)}
		}
	})
}

func (w *world) stop(name string) error {
	w.mu.Lock()
	r := w.running[name]
	delete(w.running, name)
	w.mu.Unlock()
	if r == nil {
		return nil
	}
	r.cancel()
	return <-r.done
}

func (w *world) stopAll() {
	for name := range w.running {
		w.stop(name)
	}
}

// reload is what the unit's ExecReload= does.
func (w *world) reload(name string) error {
	if s := spectrumctl.Run(context.Background(), []string{"reload", "--control-only", name}, strings.NewReader(""), io.Discard, io.Discard, w.env()); s != 0 {
		return fmt.Errorf("status %d", s)
	}
	return nil
}

// cmdSystemd: systemd [deny|allow|reloads N] boots the fake, makes it refuse,
// or says how often it must have been reloaded.
func cmdSystemd(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if w.systemd == nil {
		w.systemd = &fakeSystemd{start: w.start, stop: w.stop, reload: w.reload}
		ts.Check(os.MkdirAll(filepath.Join(w.dir, "run/systemd/system"), 0o755))
		end, err := w.systemd.run(w.dir)
		ts.Check(err)
		ts.Defer(end)
		ts.Setenv("DBUS_SYSTEM_BUS_ADDRESS", w.systemd.address)
	}
	f := w.systemd
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case len(args) == 0:
	case args[0] == "deny", args[0] == "allow":
		f.denied = args[0] == "deny"
	case args[0] == "reloads" && len(args) == 2:
		if got := strconv.Itoa(f.reloads); got != args[1] {
			ts.Fatalf("systemd was reloaded %s times, not %s", got, args[1])
		}
	default:
		ts.Fatalf("usage: systemd [deny|allow|reloads N]")
	}
}

// cmdCredentials: credentials NAME KEY=VALUE... are what the instance's last
// reload brought, in the order of the keys.
func cmdCredentials(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	w.mu.Lock()
	r := w.running[args[0]]
	w.mu.Unlock()
	var got []string
	for name, value := range r.Credentials() {
		got = append(got, name+"="+strings.TrimSpace(value.Reveal()))
	}
	slices.Sort(got)
	if !slices.Equal(got, args[1:]) {
		ts.Fatalf("%s was given %q", args[0], got)
	}
}

// cmdUnit: unit NAME KEY=VALUE... sets a unit's state.
func cmdUnit(ts *testscript.TestScript, neg bool, args []string) {
	worldOf(ts).systemd.change("spectrum2@"+args[0]+".service", func(u *fakeUnit) {
		words := map[string]*string{"active": &u.active, "load": &u.load, "sub": &u.sub, "text": &u.text, "result": &u.result, "next": &u.next}
		for _, a := range args[1:] {
			k, v, _ := strings.Cut(a, "=")
			var err error
			switch {
			case words[k] != nil:
				*words[k] = v
			case k == "exit":
				_, err = fmt.Sscan(v, &u.exit)
			case k == "up":
				var d time.Duration
				d, err = time.ParseDuration(v)
				u.since = time.Now().Add(-d)
			default:
				ts.Fatalf("a unit has no %s", k)
			}
			ts.Check(err)
		}
	})
}

// cmdInstance: instance NAME starts one without systemd.
func cmdInstance(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(worldOf(ts).start(args[0]))
}

// cmdUsers: users NAME adds three users in different states.
func cmdUsers(ts *testscript.TestScript, neg bool, args []string) {
	r := worldOf(ts).running[args[0]]
	if r == nil {
		ts.Fatalf("%s does not run", args[0])
	}
	r.Add(api.User{JID: "ann@example.org", LegacyName: "ann_", State: "online", Since: ago(3*time.Hour + 12*time.Minute), Backend: 1, Resources: 2, Contacts: 5, Rooms: 3},
		api.User{JID: "bob@example.org", LegacyName: "bob", State: "reconnecting", Since: ago(61 * time.Minute), Text: "irc.example.net is away"},
		api.User{JID: "eve@example.org", LegacyName: "e\x1b[31mve", State: "bad credentials", Since: ago(50 * time.Hour)})
}

// cmdClients: clients NAME connects three clients.
func cmdClients(ts *testscript.TestScript, neg bool, args []string) {
	r := worldOf(ts).running[args[0]]
	if r == nil {
		ts.Fatalf("%s does not run", args[0])
	}
	r.Connect(api.Session{JID: "ann@msn.example.org/phone", Resource: "phone", Client: "Conversations", Version: "2.17", Address: "192.0.2.7:50123",
		Transport: api.TransportTLS, TLS: "TLS 1.3", Since: ago(61 * time.Minute)},
		api.Session{JID: "ann@msn.example.org/desk", Resource: "desk", Client: "Gajim", Address: "[2001:db8::1]:40000",
			Transport: api.TransportSTARTTLS, TLS: "TLS 1.2", Since: ago(50 * time.Hour), Detached: true},
		api.Session{JID: "bob@msn.example.org/w\x1b[31meb", Resource: "w\x1b[31meb", Address: "192.0.2.8:50124",
			Transport: api.TransportWebSocket, TLS: "TLS 1.3", Since: ago(3*time.Hour + 12*time.Minute)})
}

// cmdDown: down NAME stops one.
func cmdDown(ts *testscript.TestScript, neg bool, args []string) { ts.Check(worldOf(ts).stop(args[0])) }

// cmdExits: exits N COMMAND... runs a command and wants that exit status.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if e, ok := errors.AsType[interface {
		error
		ExitCode() int
	}](err); ok {
		got = e.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit status %d, not %d", got, want)
	}
}
