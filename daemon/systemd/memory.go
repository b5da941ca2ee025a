// SPDX-License-Identifier: GPL-2.0-or-later

package systemd

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// coreLimit is the one limit that keeps the kernel from writing a core even
// where a program takes them (core_pattern with a pipe): other limits, none at
// all included, are left to that program (core(5)).
const coreLimit = 1

// GuardMemory keeps this process's memory, in which there are passwords, to
// itself: there is no core of it, and no other process of the same user reads
// or traces it. What it executes has no core either, unless a unit says
// otherwise (LimitCORE=): what a backend of another's needs to be mended is
// the administrator's to decide.
func GuardMemory() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("guard memory: %w", err)
	}
	if Booted() && strings.HasPrefix(OwnUnit(), "spectrum2@") {
		return nil
	}
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &l); err != nil {
		return fmt.Errorf("guard memory: %w", err)
	}
	l.Cur = min(coreLimit, l.Max)
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &l); err != nil {
		return fmt.Errorf("guard memory: %w", err)
	}
	return nil
}
