// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxDepth bounds how far up a process's ancestors are looked for.
const maxDepth = 32

// parentOf is the parent's pid of a process, 0 if it is gone.
func parentOf(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// pid (comm) state ppid …; comm may hold anything, also parentheses.
	i := bytes.LastIndexByte(stat, ')')
	if i < 0 {
		return 0
	}
	fields := strings.Fields(string(stat[i+1:]))
	if len(fields) < 2 {
		return 0
	}
	ppid, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return ppid
}

// descends reports whether pid is ancestor or one of its descendants.
func descends(pid, ancestor int) bool {
	for range maxDepth {
		if pid == ancestor {
			return true
		}
		if pid <= 1 {
			return false
		}
		pid = parentOf(pid)
	}
	return false
}

// descendants are the pids of all descendants of pid, as far as they can be
// seen.
func descendants(pid int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	children := map[int][]int{}
	for _, e := range entries {
		if p, err := strconv.Atoi(e.Name()); err == nil {
			parent := parentOf(p)
			children[parent] = append(children[parent], p)
		}
	}
	var out []int
	for next := children[pid]; len(next) > 0; {
		p := next[0]
		next = append(next[1:len(next):len(next)], children[p]...)
		out = append(out, p)
	}
	return out
}

// openDescendants opens a pidfd for each descendant of a child of ours. The
// caller closes them.
func openDescendants(pid int) []int {
	var fds []int
	for _, p := range descendants(pid) {
		fd, err := unix.PidfdOpen(p, 0)
		if err != nil {
			continue
		}
		if !descends(p, pid) { // the pid was reused in between
			unix.Close(fd) //nolint:errcheck // only a descriptor
			continue
		}
		fds = append(fds, fd)
	}
	return fds
}

// residentMemory is the memory that a process uses, in bytes; 0 if it is gone.
func residentMemory(pid int) int64 {
	if pid <= 0 {
		return 0
	}
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(statm))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// scopeOf is the name of the scope that a backend's process is in, "" if it
// has none of its own.
func scopeOf(pid int) string {
	if pid <= 0 {
		return ""
	}
	cgroup, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return ""
	}
	unit := path.Base(strings.TrimSpace(string(cgroup)))
	if strings.HasPrefix(unit, "spectrum2-") && strings.HasSuffix(unit, ".scope") {
		return unit
	}
	return ""
}

// describeProcess names a process for the log.
func describeProcess(pid int) string {
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return fmt.Sprintf("process %d", pid)
	}
	return fmt.Sprintf("process %d (%s)", pid, strings.TrimSpace(string(comm)))
}
