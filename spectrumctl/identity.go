// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"

	"spectrum.im/spectrum2/daemon/systemd"
)

// identity is a user to run a program as; nil is the caller himself.
type identity struct{ cred *syscall.Credential }

// serviceUser is who an instance runs as: the user spectrum, or, on a system
// without him, the owner of the instance's directory. Root runs the program as
// him; anybody else as himself, and the database's permissions decide.
func serviceUser(workingDir string) (identity, error) {
	if os.Geteuid() != 0 {
		return identity{}, nil
	}
	u, err := user.Lookup(systemd.User)
	if err == nil {
		return identityOf(u)
	}
	fi, statErr := os.Stat(workingDir)
	if errors.Is(statErr, fs.ErrNotExist) {
		return identity{}, fmt.Errorf("find out who the service runs as: there is no user %s, and no %s: install the package spectrum2, or start the instance once", systemd.User, workingDir)
	}
	if statErr != nil {
		return identity{}, fmt.Errorf("find out who the service runs as: %w", statErr)
	}
	st := fi.Sys().(*syscall.Stat_t)
	return identity{&syscall.Credential{Uid: st.Uid, Gid: st.Gid}}, nil
}

func identityOf(u *user.User) (identity, error) {
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return identity{}, fmt.Errorf("read the uid of %s: %w", u.Username, err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return identity{}, fmt.Errorf("read the gid of %s: %w", u.Username, err)
	}
	return identity{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

// apply makes cmd run as him, in a session of its own where a terminal's
// input cannot be faked for the caller (TIOCSTI).
func (i identity) apply(cmd *exec.Cmd) {
	if i.cred == nil {
		return
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: i.cred, Setsid: true}
}
