// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"spectrum.im/spectrum2/daemon/systemd"
)

// serviceCannotRead says which part of a path the service's user may not
// pass, as far as owners and modes say; "" where he may, or there is no such
// user.
func serviceCannotRead(path string) string {
	u, err := user.Lookup(systemd.User)
	if err != nil {
		return ""
	}
	ids, err := u.GroupIds()
	if err != nil {
		return ""
	}
	return cannotRead(path, u.Uid, ids)
}

// cannotRead is serviceCannotRead for any user and his groups. Links are
// followed through their own folders, too.
func cannotRead(path, uid string, gids []string) string {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	for _, file := range []string{path, target} {
		for dir := filepath.Dir(file); dir != "/" && dir != "."; dir = filepath.Dir(dir) {
			if why := refuses(dir, 1, uid, gids); why != "" {
				return why
			}
		}
	}
	return refuses(target, 4, uid, gids)
}

// refuses looks at one file; right is 4 to read and 1 to pass.
func refuses(file string, right uint32, uid string, gids []string) string {
	fi, err := os.Stat(file)
	if err != nil {
		return ""
	}
	st := fi.Sys().(*syscall.Stat_t)
	mode := uint32(fi.Mode().Perm())
	switch {
	case strconv.FormatUint(uint64(st.Uid), 10) == uid:
		mode >>= 6
	case slices.Contains(gids, strconv.FormatUint(uint64(st.Gid), 10)):
		mode >>= 3
	}
	if mode&right == right {
		return ""
	}
	return fmt.Sprintf("the service's user may not read %s (mode %04o)", file, fi.Mode().Perm())
}
