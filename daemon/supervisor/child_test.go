// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// TestMain turns this very binary into a backend when its first argument says
// so: "backend:MODE".
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if mode, ok := strings.CutPrefix(os.Args[1], "backend:"); ok {
			os.Exit(runChild(mode, os.Args[2:]))
		}
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0") // else every child takes a second to end
	os.Exit(m.Run())
}

// childBackend is a backend that speaks the protocol with nothing but
// pbnetwork and does what its mode says.
type childBackend struct {
	mode string
	args []string
	conn net.Conn
	in   *pbnetwork.Reader
	seq  uint64
	took uint64
	ext  bool
}

// value is the value of the argument --name=value or --name value.
func (c *childBackend) value(name string) string {
	for i, a := range c.args {
		if v, ok := strings.CutPrefix(a, name+"="); ok {
			return v
		}
		if a == name && i+1 < len(c.args) {
			return c.args[i+1]
		}
	}
	return ""
}

func runChild(mode string, args []string) int {
	c := &childBackend{mode: mode, args: args, ext: !strings.HasPrefix(mode, "v1")}
	switch mode {
	case "exit":
		fmt.Fprintln(os.Stderr, "<6>starting")
		fmt.Fprintln(os.Stderr, "<3>the library libfoo is missing")
		return 3
	case "never":
		select {}
	case "v1-grandchild":
		cmd := exec.Command(os.Args[0], append([]string{"backend:v1"}, args...)...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			return 1
		}
		return 0
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	case "arguments", "v1-arguments":
		fmt.Fprintln(os.Stderr, "arguments", strings.Join(args, "|"))
		fmt.Fprintln(os.Stderr, "environment", strings.Join(os.Environ(), "|"))
	case "dial": // what a stranger of another user does
		conn, err := net.Dial("unix", args[0])
		if err != nil {
			return 1
		}
		if n, _ := conn.Read(make([]byte, 1)); n != 0 {
			return 2
		}
		return 0
	}
	if err := c.connect(); err != nil {
		fmt.Fprintln(os.Stderr, "<3>"+err.Error())
		return 1
	}
	if err := c.serve(); err != nil {
		fmt.Fprintln(os.Stderr, "<4>"+err.Error())
		return 1
	}
	return 0
}

func (c *childBackend) connect() (err error) {
	if !c.ext {
		c.conn, err = net.Dial("tcp", net.JoinHostPort(c.value("--host"), c.value("--port")))
	} else {
		c.conn, err = net.Dial("unix", c.value("--service.backend_socket"))
	}
	if err != nil {
		return err
	}
	c.in = pbnetwork.NewReader(c.conn)
	if c.ext {
		return c.hello()
	}
	return c.send(pbnetwork.WrapperMessage_TYPE_BACKEND_CONFIG, &pbnetwork.BackendConfig{
		Config: proto.String(pbnetwork.Features{MUC: true, NeedRegistration: true}.Text()),
	})
}

func (c *childBackend) hello() error {
	fd, err := strconv.Atoi(c.value("--service.backend_token_fd"))
	if err != nil {
		return err
	}
	token, err := io.ReadAll(os.NewFile(uintptr(fd), "token"))
	if err != nil {
		return err
	}
	id, _ := strconv.Atoi(c.value("--service.backend_id"))
	switch c.mode {
	case "wrong-token":
		token[0] ^= 1
	case "wrong-number":
		id++
	case "no-hello":
		return c.send(pbnetwork.WrapperMessage_TYPE_STATS, stats())
	}
	hello := &pbnetwork.Hello{
		Level: proto.Int32(7), Token: token, BackendId: proto.Int32(int32(id)),
		Program: proto.String("test 1.0"), Build: proto.String("b1"),
	}
	if err := c.send(pbnetwork.WrapperMessage_TYPE_HELLO, hello); err != nil {
		return err
	}
	f, err := c.in.Read()
	if err != nil {
		return err
	}
	answer, ok := f.Message.(*pbnetwork.Hello)
	if !ok || answer.GetLevel() != 1 || answer.GetInstance() != "test" || answer.GetConfigDigest() == "" {
		return fmt.Errorf("answer to HELLO is %v", f)
	}
	return c.send(pbnetwork.WrapperMessage_TYPE_BACKEND_CONFIG, &pbnetwork.BackendConfig{
		Config: proto.String(pbnetwork.Features{Receipts: true, NeedPassword: true}.Text()),
	})
}

func stats() *pbnetwork.Stats {
	return &pbnetwork.Stats{Res: proto.Int32(2000), InitRes: proto.Int32(1000), Shared: proto.Int32(500), Id: proto.String(strconv.Itoa(os.Getpid()))}
}

func (c *childBackend) send(t pbnetwork.Type, m proto.Message) error {
	f := pbnetwork.Frame{Type: t, Message: m}
	plain := []pbnetwork.Type{pbnetwork.WrapperMessage_TYPE_HELLO, pbnetwork.WrapperMessage_TYPE_PONG, pbnetwork.WrapperMessage_TYPE_STATS, pbnetwork.WrapperMessage_TYPE_ACK}
	if c.ext && !slices.Contains(plain, t) {
		c.seq++
		f.Seq, f.Ack = c.seq, c.took
	}
	return c.frame(f)
}

func (c *childBackend) frame(f pbnetwork.Frame) error {
	b, err := pbnetwork.Append(nil, f)
	if err != nil {
		return err
	}
	_, err = c.conn.Write(b)
	return err
}

func (c *childBackend) serve() error {
	for {
		f, err := c.in.Read()
		if err == io.EOF {
			if c.mode == "stubborn" {
				select {}
			}
			return nil
		}
		if err != nil {
			return err
		}
		if f.Seq != 0 {
			if f.Seq != c.took+1 {
				return fmt.Errorf("frame %d after %d", f.Seq, c.took)
			}
			c.took = f.Seq
		}
		if end, err := c.handle(f); err != nil || end {
			return err
		}
	}
}

func (c *childBackend) handle(f pbnetwork.Frame) (end bool, err error) {
	switch f.Type {
	case pbnetwork.WrapperMessage_TYPE_PING:
		if c.mode == "never-answers" {
			return false, nil
		}
		if err := c.send(pbnetwork.WrapperMessage_TYPE_PONG, nil); err != nil {
			return true, err
		}
		return false, c.send(pbnetwork.WrapperMessage_TYPE_STATS, stats())
	case pbnetwork.WrapperMessage_TYPE_EXIT:
		return c.mode != "stubborn", nil
	case pbnetwork.WrapperMessage_TYPE_LOGIN:
		return c.login(f.Message.(*pbnetwork.Login).GetUser())
	case pbnetwork.WrapperMessage_TYPE_LOGOUT:
		fmt.Fprintln(os.Stderr, "logout of", f.UserOf())
		if c.mode == "late" { // a frame for somebody who has gone
			return false, c.send(pbnetwork.WrapperMessage_TYPE_DISCONNECTED, &pbnetwork.Disconnected{User: proto.String(f.UserOf()), Error: proto.Int32(0)})
		}
	case pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE:
		return false, c.send(f.Type, f.Message)
	case pbnetwork.WrapperMessage_TYPE_QUERY:
		fmt.Fprintln(os.Stderr, "query:", f.Message.(*pbnetwork.BackendConfig).GetConfig())
	}
	return false, nil
}

// login is where most modes misbehave: a user of the backend sees it.
func (c *childBackend) login(user string) (end bool, err error) {
	switch c.mode {
	case "crash":
		fmt.Fprintln(os.Stderr, "fatal: out of luck")
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "exit-later":
		return true, nil
	case "malformed":
		_, err := c.conn.Write([]byte{0, 0, 0, 3, 0xff, 0xff, 0xff})
		return false, err
	case "oversize":
		_, err := c.conn.Write([]byte{0x7f, 0xff, 0xff, 0xff, 1, 2, 3})
		return false, err
	case "nobody":
		return false, c.send(pbnetwork.WrapperMessage_TYPE_CONNECTED, &pbnetwork.Connected{User: proto.String("nobody@example.org")})
	case "gap":
		c.seq += 5
	case "query":
		if err := c.send(pbnetwork.WrapperMessage_TYPE_QUERY, &pbnetwork.BackendConfig{Config: proto.String("unregister user@example.org")}); err != nil {
			return true, err
		}
	case "deaf":
		if err := c.send(pbnetwork.WrapperMessage_TYPE_CONNECTED, &pbnetwork.Connected{User: &user}); err != nil {
			return true, err
		}
		for { // shows signs of life, but reads nothing any more
			time.Sleep(20 * time.Millisecond)
			if err := c.send(pbnetwork.WrapperMessage_TYPE_PONG, nil); err != nil {
				return true, err
			}
		}
	case "babble":
		line := []byte(strings.Repeat("blah ", 3000) + "\n" + strings.Repeat("<4>short\n", 200))
		for range 100 {
			os.Stderr.Write(line)
		}
		fmt.Fprintln(os.Stderr, "done babbling")
	case "list":
		if err := c.send(pbnetwork.WrapperMessage_TYPE_ROOM_LIST, &pbnetwork.RoomList{Room: []string{"#a"}, Name: []string{"A"}}); err != nil {
			return true, err
		}
	case "twice":
		m := &pbnetwork.ConversationMessage{UserName: &user, BuddyName: proto.String("x"), Message: proto.String("once")}
		if err := c.send(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, m); err != nil {
			return true, err
		}
		c.seq--
		if err := c.send(pbnetwork.WrapperMessage_TYPE_CONV_MESSAGE, m); err != nil {
			return true, err
		}
	}
	return false, c.send(pbnetwork.WrapperMessage_TYPE_CONNECTED, &pbnetwork.Connected{User: &user})
}
