// SPDX-License-Identifier: GPL-2.0-or-later

package systemd_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"spectrum.im/spectrum2/daemon/systemd"
)

func itoa(n int) string { return strconv.Itoa(n) }

// helper says which other program the test binary is, for tests that need a
// process of their own.
const helper = "SPECTRUM2_TEST_HELPER"

// nextHelper is the value of helper for what the stub executes.
const nextHelper = "SPECTRUM2_TEST_NEXT"

func TestMain(m *testing.M) {
	switch os.Getenv(helper) {
	case "":
		os.Exit(m.Run())
	case "listeners":
		os.Setenv("LISTEN_PID", itoa(os.Getpid()))
		printInherited()
	case "stub":
		os.Setenv(helper, os.Getenv(nextHelper))
		fmt.Fprintln(os.Stderr, "stub:", systemd.RunStub(os.Args[2:]))
		os.Exit(1)
	case "reach":
		reach(os.Args[1:])
	}
	os.Exit(0)
}

// printInherited is the program that systemd hands descriptors to.
func printInherited() {
	in, err := systemd.Listeners()
	fmt.Println("error", err)
	var lines []string
	for name, ls := range in.Listeners {
		for _, l := range ls {
			lines = append(lines, "listener "+name+" "+l.Addr().String())
		}
	}
	for name, fs := range in.Files {
		for _, f := range fs {
			b, err := io.ReadAll(f)
			lines = append(lines, fmt.Sprintf("file %s %s %v", name, b, err))
		}
	}
	slices.Sort(lines)
	fmt.Println(strings.Join(lines, "\n"))
	fmt.Println("left", os.Getenv("LISTEN_FDS")+os.Getenv("LISTEN_FDNAMES")+os.Getenv("LISTEN_PID"))
	in.Close()
}

func TestListenersAreFoundByName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backend.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	lf, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer lf.Close()
	var stored []*os.File
	for _, text := range []string{"one", "two"} {
		f := filepath.Join(t.TempDir(), text)
		if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := os.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		stored = append(stored, r)
	}

	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helper+"=listeners", "LISTEN_FDS=3", "LISTEN_FDNAMES=log-1:backend:log-1")
	cmd.ExtraFiles = []*os.File{stored[0], lf, stored[1]}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := "error <nil>\nfile log-1 one <nil>\nfile log-1 two <nil>\nlistener backend " + path + "\nleft \n"
	if string(out) != want {
		t.Errorf("got:\n%s\nwant:\n%s", out, want)
	}
	// The socket is systemd's: closing it in the program must not remove it.
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the listener's socket is gone: %v", err)
	}
}

func TestListenersForAnotherProcessAreNotTaken(t *testing.T) {
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("LISTEN_FDS", "1")
	in, err := systemd.Listeners()
	if err != nil || len(in.Listeners)+len(in.Files) != 0 {
		t.Errorf("took %v, %v", in, err)
	}
}
