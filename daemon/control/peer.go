// SPDX-License-Identifier: GPL-2.0-or-later

package control

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"slices"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"spectrum.im/spectrum2/daemon/systemd"
)

// maxGroups bounds a peer's supplementary groups (NGROUPS_MAX of Linux).
const maxGroups = 65536

// Peer is the process at the other end, as the kernel saw it connect.
type Peer struct {
	PID int32
	UID uint32
	// Groups are the primary and the supplementary groups.
	Groups []uint32
}

// peerOf asks the kernel who connected: SO_PEERCRED and SO_PEERGROUPS, so
// that it counts what the process may, not what the user database says now.
func peerOf(c *net.UnixConn) (Peer, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return Peer{}, err
	}
	var p Peer
	var inner error
	err = raw.Control(func(fd uintptr) {
		var cred *unix.Ucred
		if cred, inner = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); inner != nil {
			return
		}
		p = Peer{PID: cred.Pid, UID: cred.Uid, Groups: []uint32{cred.Gid}}
		var more []uint32
		more, inner = peerGroups(fd)
		p.Groups = append(p.Groups, more...)
	})
	if err == nil {
		err = inner
	}
	return p, err
}

// peerGroups reads SO_PEERGROUPS, for which golang.org/x/sys has no function.
func peerGroups(fd uintptr) ([]uint32, error) {
	groups := make([]uint32, 64)
	for {
		size := uint32(len(groups)) * 4
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == 0:
			return groups[:size/4], nil
		case errno == unix.ENOPROTOOPT:
			return nil, nil // older than Linux 4.13: the primary group counts
		case errno == syscall.ERANGE && size/4 > uint32(len(groups)) && size/4 <= maxGroups:
			groups = make([]uint32, size/4)
		default:
			return nil, fmt.Errorf("read the peer's groups: %w", errno)
		}
	}
}

// Allow is the rule of the control socket: root, the service's own user, and
// members of systemd.AdminGroup. The error is for the peer.
func Allow(p Peer) error {
	if p.UID == 0 || p.UID == uint32(os.Geteuid()) {
		return nil
	}
	if gid, ok := adminGID(); ok && slices.Contains(p.Groups, gid) {
		return nil
	}
	return fmt.Errorf("%s may not control this instance: use sudo, or have yourself added to the group %s and log in again",
		userName(p.UID), systemd.AdminGroup)
}

// adminGID looks that group up; false where there is none.
func adminGID() (uint32, bool) {
	g, err := user.LookupGroup(systemd.AdminGroup)
	if err != nil {
		return 0, false
	}
	gid, err := strconv.ParseUint(g.Gid, 10, 32)
	return uint32(gid), err == nil
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "user " + id
}
