// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// meetTCP recognises a version 1 backend: the connecting socket has to be open
// in a process of ours. Until that is proven nothing is sent.
func (d *door) meetTCP(nc net.Conn) error {
	local, remote := addrPort(nc.LocalAddr()), addrPort(nc.RemoteAddr())
	inode, err := socketInode(remote, local)
	if err != nil {
		return fmt.Errorf("connection from %s: %w", remote, err)
	}
	b := d.socketOwner(inode)
	if b == nil {
		return fmt.Errorf("connection from %s is not from a backend of this instance", remote)
	}
	return d.m.attach(b, peer{conn: newConn(nc, pbnetwork.NewReader(nc), 0, d.m.t)})
}

func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// socketOwner is the backend that has a socket open, in its own process or in
// one of its descendants.
func (d *door) socketOwner(inode string) *backend {
	backends := d.m.launchedBackends(d.ctx)
	for _, b := range backends {
		if hasSocket(b.proc.PID(), inode) {
			return b
		}
	}
	for _, b := range backends {
		for _, pid := range descendants(b.proc.PID()) {
			if hasSocket(pid, inode) {
				return b
			}
		}
	}
	return nil
}

// hasSocket reports whether a process has the socket open.
func hasSocket(pid int, inode string) bool {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	want := "socket:[" + inode + "]"
	for _, e := range entries {
		if target, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil && target == want {
			return true
		}
	}
	return false
}

// socketInode is the inode of the socket of our own user that is bound to
// local and connected to remote.
func socketInode(local, remote netip.AddrPort) (string, error) {
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		f, err := os.Open(table)
		if err != nil {
			continue // no IPv6 here
		}
		inode, uid := findSocket(f, local, remote)
		f.Close() //nolint:errcheck // only read from
		if inode == "" {
			continue
		}
		if uid != strconv.Itoa(os.Geteuid()) {
			return "", fmt.Errorf("the socket is of user %s", uid)
		}
		return inode, nil
	}
	return "", fmt.Errorf("nobody on this machine has the socket open")
}

// findSocket looks a connection up in a table of /proc/net (proc_net(5)).
func findSocket(table io.Reader, local, remote netip.AddrPort) (inode, uid string) {
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		// sl local_address rem_address st queues tr:tm retrnsmt uid timeout inode
		f := strings.Fields(lines.Text())
		if len(f) < 10 || f[9] == "0" {
			continue
		}
		if l, ok := parseProcAddr(f[1]); !ok || l != local {
			continue
		}
		if r, ok := parseProcAddr(f[2]); ok && r == remote {
			return f[9], f[7]
		}
	}
	return "", ""
}

// parseProcAddr reads "0100007F:1F90": the address in words of the host's byte
// order, in hexadecimal, and the port. IPv4 in IPv6 comes out as IPv4.
func parseProcAddr(s string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(s, ":")
	p, err := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || len(host)%8 != 0 {
		return netip.AddrPort{}, false
	}
	var raw []byte
	for ; len(host) > 0; host = host[8:] {
		word, err := strconv.ParseUint(host[:8], 16, 32)
		if err != nil {
			return netip.AddrPort{}, false
		}
		raw = binary.NativeEndian.AppendUint32(raw, uint32(word))
	}
	addr, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(addr.Unmap(), uint16(p)), ok
}
