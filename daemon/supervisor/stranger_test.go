// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor_test

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/supervisor"
)

// received is everything that comes until the connection is closed.
func received(t *testing.T, conn net.Conn) []byte {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(patience))
	b, err := io.ReadAll(conn)
	if err != nil && !isReset(err) {
		t.Fatalf("read: %v", err)
	}
	return b
}

// isReset: what was sent to the closed connection was thrown away with it.
func isReset(err error) bool { return errors.Is(err, syscall.ECONNRESET) }

func helloOf(token []byte, number int32) []byte {
	b, err := pbnetwork.Append(nil, pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_HELLO, Message: &pbnetwork.Hello{
		Level: proto.Int32(1), Token: token, BackendId: &number,
	}})
	if err != nil {
		panic(err)
	}
	return b
}

func (w *world) dial() net.Conn {
	w.t.Helper()
	conn, err := net.Dial("unix", filepath.Join(w.dir, "backend.sock"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	return conn
}

func TestStrangerOnTheUnixSocketGetsNothing(t *testing.T) {
	w := newWorld(t, "echo")
	u := w.acquire("romeo@example.org")
	for name, first := range map[string][]byte{
		"silence":       nil,
		"a wrong HELLO": helloOf([]byte("guess"), 1),
		"garbage":       []byte("GET / HTTP/1.0\r\n\r\n"),
		"a ping":        {0, 0, 0, 2, 8, 9},
	} {
		conn := w.dial()
		conn.Write(first)
		if got := received(t, conn); len(got) != 0 {
			t.Errorf("after %s the stranger got %x", name, got)
		}
	}
	w.logged("stranger is turned away", "wrong token")
	w.logged("stranger is turned away", "did not say HELLO")
	w.talk(u)
}

func TestBackendOfAnEarlierRunIsToldToEnd(t *testing.T) {
	w := newWorld(t, "echo")
	w.ready()
	key, err := os.ReadFile(filepath.Join(w.dir, "backend.key"))
	if err != nil {
		t.Fatal(err)
	}
	conn := w.dial()
	conn.Write(helloOf(supervisor.Token(key, 77), 77))
	f, err := pbnetwork.NewReader(conn).Read()
	if err != nil || f.Type != pbnetwork.WrapperMessage_TYPE_EXIT {
		t.Errorf("it got %v, %v", f, err)
	}
	w.logged("backend of an earlier run is told to end", "backend=77")
}

func TestOtherUserOnTheUnixSocketGetsNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("run it as root: nobody else can become somebody else")
	}
	dir, err := os.MkdirTemp("", "sup")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "open.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{dir, path} { // an administrator's mistake
		if err := os.Chmod(p, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld(t, "echo", func(_ *config.Config, o *supervisor.Options, _ *supervisor.Times) { o.Listener = l })
	w.ready()
	cmd := exec.Command("/proc/self/exe", "backend:dial", path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	w.logged("stranger is turned away", "user 65534")
}

func TestStrangerOnTheTCPPortGetsNotOneByte(t *testing.T) {
	w := newWorld(t, "v1-arguments")
	line := w.logged("arguments", "--port")
	port := regexp.MustCompile(`--port\|(\d+)`).FindStringSubmatch(line)[1]
	u := w.acquire("romeo@example.org")
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := received(t, conn); len(got) != 0 {
		t.Errorf("the stranger got %x", got)
	}
	w.logged("stranger is turned away", "not from a backend of this instance")
	w.talk(u)
}

func TestNoTCPForBackendsOfOurs(t *testing.T) {
	w := newWorld(t, "arguments")
	w.logged("arguments", "--port|0|")
	w = newWorld(t, "arguments", func(c *config.Config, _ *supervisor.Options, _ *supervisor.Times) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c.Service.BackendPort = l.Addr().(*net.TCPAddr).Port
		l.Close()
	})
	w.logged("arguments", "--host|127.0.0.1|--port|"+itoa(w.cfg.Service.BackendPort))
}
