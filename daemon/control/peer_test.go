// SPDX-License-Identifier: GPL-2.0-or-later

package control_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"spectrum.im/spectrum2/daemon/control"
	"spectrum.im/spectrum2/daemon/control/api"
	"spectrum.im/spectrum2/daemon/control/controltest"
)

// askEnv makes the test's program a client of the socket that it names.
const askEnv = "CONTROL_TEST_ASK"

func TestMain(m *testing.M) {
	if path := os.Getenv(askEnv); path != "" {
		_, err := api.Dial(path).Status(context.Background())
		fmt.Println(err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// seen hands on the peers that a server asks about.
func seen(peers chan<- control.Peer) control.Options {
	return control.Options{Allow: func(p control.Peer) error {
		peers <- p
		if p.UID != uint32(os.Geteuid()) && !slices.Contains(p.Groups, 54321) {
			return errors.New("not you")
		}
		return nil
	}}
}

func TestPeerIsWhoTheKernelSays(t *testing.T) {
	peers := make(chan control.Peer, 1)
	path := serve(t, seen(peers), &controltest.Instance{})
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p := <-peers
	groups, err := os.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	if p.UID != uint32(os.Geteuid()) || int(p.PID) != os.Getpid() || len(p.Groups) != len(groups)+1 {
		t.Errorf("peer %+v, groups %v", p, groups)
	}
}

func TestSupplementaryGroupsCount(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("run it as root: nobody else can be somebody else")
	}
	peers := make(chan control.Peer, 1)
	path := serve(t, seen(peers), &controltest.Instance{})
	for dir := filepath.Dir(path); dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		groups []uint32
		want   string
	}{{[]uint32{54320, 54321}, "<nil>\n"}, {[]uint32{54320}, "not you\n"}} {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = []string{askEnv + "=" + path}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65533, Groups: tt.groups}}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		p := <-peers
		if string(out) != tt.want || p.UID != 65534 || !slices.Equal(p.Groups, append([]uint32{65533}, tt.groups...)) {
			t.Errorf("groups %v: %q, peer %+v", tt.groups, out, p)
		}
	}
}
