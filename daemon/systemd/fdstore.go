// SPDX-License-Identifier: GPL-2.0-or-later

package systemd

import (
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// StoreFD puts a copy of f into the service's descriptor store under a name
// (FDSTORE=1). What is there comes back in Inherited.Files after a restart or a
// crash, and is dropped by stop. Several may share a name. systemd does not
// watch it (FDPOLL=0): a pipe whose writer is gone would otherwise be thrown
// away with what it still holds, so whoever stores also calls RemoveFD.
func (n *Notifier) StoreFD(name string, f *os.File) error {
	if err := checkFDName(name); err != nil {
		return err
	}
	rc, err := f.SyscallConn()
	if err != nil {
		return fmt.Errorf("store descriptor %s: %w", name, err)
	}
	var sent error
	err = rc.Control(func(fd uintptr) {
		sent = n.sendFDs("FDSTORE=1\nFDPOLL=0\nFDNAME="+name, int(fd))
	})
	if err == nil {
		err = sent
	}
	if err != nil {
		return fmt.Errorf("store descriptor %s: %w", name, err)
	}
	return nil
}

// RemoveFD drops all that is stored under a name.
func (n *Notifier) RemoveFD(name string) error {
	if err := checkFDName(name); err != nil {
		return err
	}
	return n.send("FDSTOREREMOVE=1\nFDNAME=" + name)
}

// checkFDName refuses what systemd would refuse silently.
func checkFDName(name string) error {
	if name == "" || len(name) > 255 || strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 127 || r == ':'
	}) {
		return fmt.Errorf("store descriptor: %q cannot be a descriptor's name", name)
	}
	return nil
}

// Inherited is what systemd handed to this process, by name. The receiver owns
// all of it.
type Inherited struct {
	// Listeners are the listening stream sockets (SocketBackend, …).
	Listeners map[string][]net.Listener
	// Files is everything else: what a former process put into the store.
	Files map[string][]*os.File
}

// Listeners takes what systemd handed over, and the environment variables that
// say so. It is called once, early; without systemd the result is empty. After
// an error what came before it is still in the result.
func Listeners() (Inherited, error) {
	in := Inherited{Listeners: map[string][]net.Listener{}, Files: map[string][]*os.File{}}
	os.Unsetenv("FDSTORE") // from systemd 254 on; backends must not inherit it
	var first error
	for _, f := range activation.Files(true) {
		name := f.Name()
		if !listening(f) {
			in.Files[name] = append(in.Files[name], f)
			continue
		}
		l, err := net.FileListener(f)
		f.Close() // FileListener has made a copy
		if err != nil {
			if first == nil {
				first = fmt.Errorf("take listener %s from systemd: %w", name, err)
			}
			continue
		}
		in.Listeners[name] = append(in.Listeners[name], l)
	}
	return in, first
}

// Close closes all of it: for a start that fails later on.
func (in Inherited) Close() {
	for _, ls := range in.Listeners {
		for _, l := range ls {
			l.Close()
		}
	}
	for _, fs := range in.Files {
		for _, f := range fs {
			f.Close()
		}
	}
}

// listening reports whether f is a listening stream socket.
func listening(f *os.File) bool {
	rc, err := f.SyscallConn()
	if err != nil {
		return false
	}
	yes := false
	if err := rc.Control(func(fd uintptr) {
		v, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
		yes = err == nil && v == 1
	}); err != nil {
		return false
	}
	return yes
}
