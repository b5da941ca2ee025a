// SPDX-License-Identifier: GPL-2.0-or-later

package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"

	"spectrum.im/spectrum2/daemon/systemd"
)

// Listen makes the control socket at path, for an instance that got none from
// systemd: 0660 for systemd.AdminGroup where that group exists and the file can be
// given to it, 0600 otherwise. A socket that nobody listens on any more is
// replaced; one that somebody does is an error. Closing the listener removes
// the file.
func Listen(path string) (*net.UnixListener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	bound, err := (&net.ListenConfig{Control: ownersAlone}).Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("make the control socket %s: %w", path, err)
	}
	l := bound.(*net.UnixListener)
	if gid, ok := adminGID(); ok && os.Chown(path, -1, int(gid)) == nil {
		if err := os.Chmod(path, 0o660); err != nil {
			l.Close()
			return nil, fmt.Errorf("open the control socket to %s: %w", systemd.AdminGroup, err)
		}
	}
	return l, nil
}

// ownersAlone gives the socket the mode that its file is made with (unix(7)): it
// is nobody else's from the beginning. The process's umask would do that too, to
// every file that is made by anybody at the same moment.
func ownersAlone(_, _ string, c syscall.RawConn) error {
	var err error
	if failed := c.Control(func(fd uintptr) { err = syscall.Fchmod(int(fd), 0o600) }); failed != nil {
		return failed
	}
	return err
}

// removeStale removes a socket whose listener is gone.
func removeStale(path string) error {
	fi, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look at the control socket: %w", err)
	case fi.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("make the control socket %s: a file that is no socket is in its place", path)
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		c.Close()
		return fmt.Errorf("make the control socket %s: another process listens on it: the instance runs already", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("look at the control socket: %w", err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove the old control socket: %w", err)
	}
	return nil
}
