// SPDX-License-Identifier: GPL-2.0-or-later

package scoped

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// processOf finds the process behind a pidfd. It refuses what is no pidfd,
// what has ended, and what runs under more than one user id.
func processOf(pidfd int) (Process, error) {
	pid, err := numberIn(fmt.Sprintf("/proc/self/fdinfo/%d", pidfd), "Pid:", 1)
	if err != nil {
		return Process{}, refuse("the descriptor is no pidfd")
	}
	if pid[0] < 1 {
		return Process{}, refuse("the process has ended")
	}
	// real, effective, saved, file system
	uids, err := numberIn(fmt.Sprintf("/proc/%d/status", pid[0]), "Uid:", 4)
	if err != nil {
		return Process{}, fmt.Errorf("look up user of process %d: %w", pid[0], err)
	}
	for _, uid := range uids[1:] {
		if uid != uids[0] {
			return Process{}, refuse("process %d is changing its user", pid[0])
		}
	}
	return Process{PID: pid[0], UID: uids[0]}, alive(pidfd)
}

// alive reports an error when the process behind a pidfd has ended. Signal 0
// would need a capability for a process of another user, poll does not.
func alive(pidfd int) error {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	if err != nil {
		return fmt.Errorf("look at the process: %w", err)
	}
	if n != 0 {
		return refuse("the process has ended")
	}
	return nil
}

// numberIn reads the n numbers behind a key of a file in /proc.
func numberIn(path, key string, n int) ([]int, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for s := bufio.NewScanner(io.LimitReader(f, 64<<10)); s.Scan(); {
		rest, ok := strings.CutPrefix(s.Text(), key)
		if !ok {
			continue
		}
		words := strings.Fields(rest)
		if len(words) < n {
			break
		}
		out := make([]int, n)
		for i := range out {
			if out[i], err = strconv.Atoi(words[i]); err != nil {
				return nil, fmt.Errorf("read %s: %w", path, err)
			}
		}
		return out, nil
	}
	return nil, fmt.Errorf("read %s: no %s", path, key)
}
