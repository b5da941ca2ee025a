// SPDX-License-Identifier: GPL-2.0-or-later

package systemd_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"

	"spectrum.im/spectrum2/daemon/systemd"
)

func TestStubsCommandLineIsReadAsItWasWritten(t *testing.T) {
	for _, s := range []systemd.StubSpec{
		{Instance: "irc", Number: 1, Limits: map[string]string{}},
		{Instance: "irc", Number: 7, Scope: true, Limits: map[string]string{"memory_max": "200M", "tasks_max": "10%"}},
		{Instance: "a.b", Number: 0, Limits: map[string]string{}, Landlock: &systemd.Landlock{
			RW: []string{"/var/lib/with space=1", "/srv"}, RO: []string{"/run/x"}, Socket: "/run/s"}},
		{Instance: "irc", Limits: map[string]string{}, Landlock: &systemd.Landlock{}},
	} {
		argv := s.Argv("/usr/bin/spectrum2", []string{"/usr/bin/backend", "--", "--rw=/", "config"})
		if argv[0] != "/usr/bin/spectrum2" || argv[1] != systemd.StubCommand {
			t.Fatalf("command line %q", argv)
		}
		got, program, err := systemd.ParseStub(argv[2:])
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("read %+v, %v, want %+v", got, err, s)
		}
		if fmt.Sprint(program) != "[/usr/bin/backend -- --rw=/ config]" {
			t.Errorf("program %q", program)
		}
	}
}

func TestStubRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, args := range []string{
		"", "--instance=irc", "--instance=irc --", "--number=x -- /bin/true", "--rw=/ -- /bin/true",
		"--root -- /bin/true", "stray -- /bin/true",
	} {
		if _, _, err := systemd.ParseStub(strings.Fields(args)); err == nil {
			t.Errorf("no error for %q", args)
		}
	}
	if err := systemd.RunStub(strings.Fields("--number=1 --limit=memory_max=much -- /bin/true")); err == nil ||
		!strings.Contains(err.Error(), "scope.memory_max") {
		t.Errorf("error for a bad limit: %v", err)
	}
	if err := systemd.RunStub(strings.Fields("--number=1 -- /no/such/backend")); err == nil ||
		!strings.Contains(err.Error(), "/no/such/backend") {
		t.Errorf("error for a missing backend: %v", err)
	}
}

// runStub starts the stub as the main process would, with this test's binary
// in the place of spectrum2; next is what helper the backend is.
func runStub(t *testing.T, s systemd.StubSpec, next string, argv []string, files ...*os.File) (stdout, stderr string, pid int) {
	t.Helper()
	var out, errs strings.Builder
	cmd := exec.Cmd{Path: os.Args[0], Args: s.Argv(os.Args[0], argv), Stdout: &out, Stderr: &errs, ExtraFiles: files,
		Env: append(os.Environ(), helper+"=stub", nextHelper+"="+next)}
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s%s", err, &out, &errs)
	}
	return out.String(), errs.String(), cmd.Process.Pid
}

func TestBackendIsTheProcessThatWasStarted(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.WriteString("token\n"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	out, errs, pid := runStub(t, systemd.StubSpec{Instance: "irc", Number: 1}, "",
		[]string{"/bin/sh", "-c", `read token <&3; echo $$ $token "$@"`, "sh", "--number=2", "last"}, r)
	if want := fmt.Sprintf("%d token --number=2 last\n", pid); out != want || errs != "" {
		t.Errorf("got %q and %q, want %q", out, errs, want)
	}
}

func TestBackendRunsWithoutAScopeWithOneWarning(t *testing.T) {
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
	out, errs, _ := runStub(t, systemd.StubSpec{Instance: "irc", Number: 3, Scope: true}, "", []string{"/bin/echo", "here"})
	if out != "here\n" || strings.Count(errs, "\n") != 1 || !strings.HasPrefix(errs, "<4>spectrum2: backend 3 runs without a scope") {
		t.Errorf("got %q and %q", out, errs)
	}
}

// reach is a backend that says what it can do.
func reach(tries []string) {
	for _, try := range tries {
		what, path, _ := strings.Cut(try, ":")
		var err error
		switch what {
		case "read":
			_, err = os.ReadFile(path)
		case "list":
			_, err = os.ReadDir(path)
		case "write":
			err = os.WriteFile(path, nil, 0o600)
		case "connect":
			_, err = net.Dial("unix", path)
		case "move":
			from, to, _ := strings.Cut(path, ",")
			err = os.Rename(from, to)
		case "run":
			err = exec.Command(path).Run()
		case "signal":
			pid, _ := strconv.Atoi(path)
			err = syscall.Kill(pid, 0)
		}
		fmt.Println(try, err == nil)
	}
}

func TestBackendReachesWhatItWasGivenAndNothingElse(t *testing.T) {
	if abi, err := ll.LandlockGetABIVersion(); err != nil || abi < 1 {
		t.Skipf("this kernel has no Landlock (ABI %d, %v): run it on one that has", abi, err)
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, d := range []string{"work/a", "work/b", "other"} {
		if err := os.MkdirAll(at(d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"copy.cfg", "secret", "work/a/file", "other/file"} {
		if err := os.WriteFile(at(f), []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(at("run"), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", at("run/backend.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()

	can := []string{"read:" + at("copy.cfg"), "write:" + at("work/new"), "list:" + at("work"),
		"move:" + at("work/a/file") + "," + at("work/b/file"), "connect:" + at("run/backend.sock"), "read:/etc/passwd",
		"list:/usr", "run:/bin/true", "read:/proc/self/status", "write:/dev/null"}
	cannot := []string{"write:" + at("copy.cfg"), "read:" + at("secret"), "write:" + at("new"), "list:" + at("other"),
		"read:" + at("other/file"), "list:/etc", "read:/etc/shadow", "write:/usr/spectrum2-test", "list:/root", "list:/var/log",
		"write:/tmp/spectrum2-landlock-test"}
	if abi, _ := ll.LandlockGetABIVersion(); abi >= 6 {
		cannot = append(cannot, "signal:"+strconv.Itoa(os.Getpid()))
	}
	s := systemd.StubSpec{Instance: "irc", Number: 1, Landlock: &systemd.Landlock{
		RW: []string{at("work"), at("missing")}, RO: []string{at("copy.cfg")}, Socket: at("run/backend.sock")}}
	out, errs, _ := runStub(t, s, "reach", append(append([]string{os.Args[0]}, can...), cannot...))
	if errs != "" {
		t.Errorf("on standard error: %s", errs)
	}
	var want strings.Builder
	for _, c := range can {
		fmt.Fprintln(&want, c, true)
	}
	for _, c := range cannot {
		fmt.Fprintln(&want, c, false)
	}
	if out != want.String() {
		t.Errorf("got:\n%s\nwant:\n%s", out, &want)
	}
}
