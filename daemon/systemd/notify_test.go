// SPDX-License-Identifier: GPL-2.0-or-later

package systemd_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"spectrum.im/spectrum2/daemon/systemd"
)

// pid1 is the end of the notify socket that systemd has.
type pid1 struct {
	t *testing.T
	c *net.UnixConn
}

// listen makes the socket and the environment that systemd would.
func listen(t *testing.T) *pid1 {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return &pid1{t, c}
}

// next is the next message with its descriptors.
func (p *pid1) next() (string, []*os.File) {
	p.t.Helper()
	p.c.SetReadDeadline(time.Now().Add(5 * time.Second))
	b, oob := make([]byte, 4096), make([]byte, 256)
	n, on, _, _, err := p.c.ReadMsgUnix(b, oob)
	if err != nil {
		p.t.Fatalf("no message for systemd: %v", err)
	}
	scms, err := unix.ParseSocketControlMessage(oob[:on])
	if err != nil {
		p.t.Fatal(err)
	}
	var files []*os.File
	for _, m := range scms {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return string(b[:n]), files
}

func TestNotifierSendsWhatSystemdReads(t *testing.T) {
	p := listen(t)
	n := systemd.NewNotifier()
	for _, c := range []struct {
		want string
		send func() error
	}{
		{"READY=1", n.Ready},
		{"STOPPING=1", n.Stopping},
		{"WATCHDOG=1", n.Watchdog},
		{"EXTEND_TIMEOUT_USEC=90000000", func() error { return n.ExtendTimeout(90 * time.Second) }},
		{"STATUS=3 users online, 1 backend", func() error { return n.Status("3 users online,\n1 backend") }},
		{"FDSTOREREMOVE=1\nFDNAME=state", func() error { return n.RemoveFD("state") }},
	} {
		if err := c.send(); err != nil {
			t.Errorf("%s: %v", c.want, err)
		}
		if got, _ := p.next(); got != c.want {
			t.Errorf("sent %q, want %q", got, c.want)
		}
	}
	if err := n.Reloading(); err != nil {
		t.Error(err)
	}
	if got, _ := p.next(); !strings.HasPrefix(got, "RELOADING=1\nMONOTONIC_USEC=") || strings.HasSuffix(got, "=0") {
		t.Errorf("sent %q", got)
	}
}

func TestSameStatusIsSentOnce(t *testing.T) {
	p := listen(t)
	n := systemd.NewNotifier()
	for _, text := range []string{"one", "one", "two"} {
		if err := n.Status(text); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"STATUS=one", "STATUS=two"} {
		if got, _ := p.next(); got != want {
			t.Errorf("sent %q, want %q", got, want)
		}
	}
}

func TestStatusThatGotLostIsSentAgain(t *testing.T) {
	p := listen(t)
	n := systemd.NewNotifier()
	path := p.c.LocalAddr().String()
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := n.Status("online"); err == nil {
		t.Fatal("no error without a listener")
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if err := n.Status("online"); err != nil {
		t.Fatal(err)
	}
	if got, _ := p.next(); got != "STATUS=online" {
		t.Errorf("sent %q", got)
	}
}

func TestStoreHandsADescriptorOver(t *testing.T) {
	p := listen(t)
	n := systemd.NewNotifier()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("kept"); err != nil {
		t.Fatal(err)
	}
	if err := n.StoreFD("state", f); err != nil {
		t.Fatal(err)
	}
	text, files := p.next()
	if text != "FDSTORE=1\nFDPOLL=0\nFDNAME=state" || len(files) != 1 {
		t.Fatalf("sent %q with %d descriptors", text, len(files))
	}
	defer files[0].Close()
	b := make([]byte, 4)
	if _, err := files[0].ReadAt(b, 0); err != nil || string(b) != "kept" {
		t.Errorf("read %q, %v through the stored descriptor", b, err)
	}
}

func TestStoreRefusesNamesThatSystemdWouldDrop(t *testing.T) {
	listen(t)
	n := systemd.NewNotifier()
	for _, name := range []string{"", "a:b", "a b", "a\nFDNAME=b", "ä", strings.Repeat("x", 256)} {
		if err := n.StoreFD(name, os.Stdin); err == nil {
			t.Errorf("StoreFD took %q", name)
		}
		if err := n.RemoveFD(name); err == nil {
			t.Errorf("RemoveFD took %q", name)
		}
	}
}

func TestSyncWaitsUntilSystemdHasRead(t *testing.T) {
	p := listen(t)
	n := systemd.NewNotifier()
	done := make(chan error, 1)
	go func() { done <- n.Sync(context.Background()) }()
	text, files := p.next()
	if text != "BARRIER=1" || len(files) != 1 {
		t.Fatalf("sent %q with %d descriptors", text, len(files))
	}
	select {
	case err := <-done:
		t.Fatalf("Sync returned %v before systemd closed the barrier", err)
	case <-time.After(20 * time.Millisecond):
	}
	files[0].Close()
	if err := <-done; err != nil {
		t.Errorf("Sync: %v", err)
	}
}

func TestSyncEndsWithItsContext(t *testing.T) {
	listen(t)
	n := systemd.NewNotifier()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := n.Sync(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Sync: %v", err)
	}
}

func TestWithoutSystemdNothingHappens(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "1000000")
	n := systemd.NewNotifier()
	for name, err := range map[string]error{
		"Ready": n.Ready(), "Status": n.Status("x"), "Reloading": n.Reloading(), "Stopping": n.Stopping(),
		"ExtendTimeout": n.ExtendTimeout(time.Second), "Watchdog": n.Watchdog(), "StoreFD": n.StoreFD("x", os.Stdin),
		"RemoveFD": n.RemoveFD("x"), "Sync": n.Sync(context.Background()),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, ok := n.WatchdogInterval(); ok || n.Enabled() {
		t.Error("a watchdog without anybody who listens")
	}
}

func TestWatchdogIntervalIsHalfOfTheUnits(t *testing.T) {
	listen(t)
	for _, c := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"30000000", "", 15 * time.Second},
		{"30000000", "self", 15 * time.Second},
		{"30000000", "1", 0},
		{"0", "", 0},
		{"soon", "", 0},
	} {
		listen(t)
		if c.pid == "self" {
			c.pid = itoa(os.Getpid())
		}
		t.Setenv("WATCHDOG_USEC", c.usec)
		t.Setenv("WATCHDOG_PID", c.pid)
		d, ok := systemd.NewNotifier().WatchdogInterval()
		if d != c.want || ok != (c.want > 0) {
			t.Errorf("WATCHDOG_USEC=%s WATCHDOG_PID=%s: %v, %v", c.usec, c.pid, d, ok)
		}
	}
}

func TestBackendsDoNotInheritTheEnvironment(t *testing.T) {
	listen(t)
	t.Setenv("WATCHDOG_USEC", "1")
	t.Setenv("WATCHDOG_PID", "1")
	systemd.NewNotifier()
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		if v, ok := os.LookupEnv(name); ok {
			t.Errorf("%s=%s is left", name, v)
		}
	}
}
