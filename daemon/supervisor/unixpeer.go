// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// maxHello is how many bytes are read from somebody who is not recognised yet.
const maxHello = 64 << 10

// meetUnix recognises a backend on the unix socket: by the kernel's word on
// who connected, then by HELLO with the token of that very backend.
func (d *door) meetUnix(nc net.Conn) error {
	cred, err := peerCredentials(nc)
	if err != nil {
		return err
	}
	who := describeProcess(int(cred.Pid))
	if int(cred.Uid) != os.Geteuid() {
		return fmt.Errorf("%s of user %d connected", who, cred.Uid)
	}
	b := d.owner(int(cred.Pid))
	in := &limited{r: nc, left: maxHello}
	r := pbnetwork.NewReader(in)
	hello, err := d.hello(nc, r)
	if err != nil {
		return fmt.Errorf("%s: %w", who, err)
	}
	if !goodToken(d.key, int(hello.GetBackendId()), hello.GetToken()) {
		return fmt.Errorf("%s: HELLO has a wrong token", who)
	}
	if b == nil {
		return d.sendHome(nc, who, int(hello.GetBackendId()))
	}
	if int(hello.GetBackendId()) != b.number {
		return fmt.Errorf("%s: HELLO says backend %d, this is %d", who, hello.GetBackendId(), b.number)
	}
	in.left = -1
	return d.admit(nc, r, b, hello)
}

// hello reads the first frame.
func (d *door) hello(nc net.Conn, r *pbnetwork.Reader) (*pbnetwork.Hello, error) {
	if err := nc.SetDeadline(time.Now().Add(d.m.t.hello)); err != nil {
		return nil, fmt.Errorf("set deadline: %w", err)
	}
	f, err := r.Read()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fmt.Errorf("it did not say HELLO within %v", d.m.t.hello)
	case errors.Is(err, io.EOF):
		return nil, errors.New("it closed the connection without HELLO")
	case err != nil:
		return nil, fmt.Errorf("read HELLO: %w", err)
	}
	hello, ok := f.Message.(*pbnetwork.Hello)
	if !ok {
		return nil, fmt.Errorf("%s came instead of HELLO", f.Type)
	}
	if hello.GetLevel() < 1 {
		return nil, fmt.Errorf("HELLO has level %d", hello.GetLevel())
	}
	return hello, nil
}

// admit answers HELLO and gives the connection to its backend.
func (d *door) admit(nc net.Conn, r *pbnetwork.Reader, b *backend, hello *pbnetwork.Hello) error {
	level := min(hello.GetLevel(), Level)
	build := d.build()
	answer, err := pbnetwork.Append(nil, pbnetwork.Frame{
		Type: pbnetwork.WrapperMessage_TYPE_HELLO,
		Message: &pbnetwork.Hello{
			Level: &level, Build: &build, ConfigDigest: &b.digest,
			Instance: &b.cfg.Instance, Jid: &b.cfg.Service.JID,
		},
	})
	if err != nil {
		return fmt.Errorf("answer HELLO of backend %d: %w", b.number, err)
	}
	if _, err := nc.Write(answer); err != nil {
		return fmt.Errorf("answer HELLO of backend %d: %w", b.number, err)
	}
	if err := nc.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("take over connection of backend %d: %w", b.number, err)
	}
	return d.m.attach(b, peer{
		conn:    newConn(nc, r, int(level), d.m.t),
		program: hello.GetProgram(), build: hello.GetBuild(),
	})
}

// sendHome tells a backend of an earlier main process to end: it proved to be
// one, but is no child of ours any more.
func (d *door) sendHome(nc net.Conn, who string, number int) error {
	exit, err := pbnetwork.Append(nil, pbnetwork.Frame{Type: pbnetwork.WrapperMessage_TYPE_EXIT})
	if err == nil {
		_, err = nc.Write(exit)
	}
	if err != nil {
		return fmt.Errorf("%s: tell backend %d of an earlier run to end: %w", who, number, err)
	}
	d.m.o.Log.Info("backend of an earlier run is told to end", "backend", number, "process", who)
	return nc.Close()
}

// build names this program's build.
func (d *door) build() string {
	if d.m.o.Build != "" {
		return d.m.o.Build
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return info.Main.Version
}

// peerCredentials is who connected, as the kernel noted it then.
func peerCredentials(nc net.Conn) (*unix.Ucred, error) {
	uc, ok := nc.(*net.UnixConn)
	if !ok {
		return nil, fmt.Errorf("%T is no unix connection", nc)
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("ask who connected: %w", err)
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(err, credErr); err != nil {
		return nil, fmt.Errorf("ask who connected: %w", err)
	}
	return cred, nil
}

// limited reads left bytes from r and then fails; everything if left is
// negative. It may be changed between two reads.
type limited struct {
	r    io.Reader
	left int
}

var errTooMuch = fmt.Errorf("more than %d bytes without a HELLO", maxHello)

func (l *limited) Read(p []byte) (int, error) {
	if l.left < 0 {
		return l.r.Read(p)
	}
	if l.left == 0 {
		return 0, errTooMuch
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
