// SPDX-License-Identifier: GPL-2.0-or-later

package dbtest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// tree is the root of another Debian that has the servers, where this machine's
// own are not meant; packaging/databases makes such trees. Servers of a tree
// take root: each runs in a mount namespace of its own.
var tree = os.Getenv("SPECTRUM2_DATABASE_TREE")

// everywhere are arguments of every server's program, before its own.
var everywhere = strings.Fields(os.Getenv("SPECTRUM2_DATABASE_SETTINGS"))

// inTree runs the rest of its arguments as uid:gid in a tree, where the
// server's directory has the same path as outside. It executes it: the process
// stays the same.
const inTree = `set -e
tree=$1 dir=$2 ids=$3
shift 3
mount -t tmpfs -o mode=1777 tmpfs "$tree/tmp"
mkdir -p "$tree$dir"
mount --bind "$dir" "$tree$dir"
mount -t proc proc "$tree/proc"
mount -t tmpfs -o mode=1777 tmpfs "$tree/dev/shm"
exec chroot --userspec="$ids" --groups= "$tree" sh -c 'cd "$0" && exec "$@"' "$dir" "$@"`

func (h *home) treeCommand(name string, args []string) *exec.Cmd {
	ids := fmt.Sprintf("%d:%d", h.cred.Uid, h.cred.Gid)
	return exec.Command("unshare", append([]string{"--mount", "sh", "-c", inTree, "sh", tree, h.dir, ids, name}, args...)...)
}

// treeCredential is the user's in the tree, or nobody's if it knows no such
// user: a package with the server alone brings none.
func treeCredential(name string) (*syscall.Credential, error) {
	f, err := os.Open(filepath.Join(tree, "etc/passwd"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	found := &syscall.Credential{Uid: 65534, Gid: 65534}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Split(lines.Text(), ":")
		if len(fields) < 4 || fields[0] != name {
			continue
		}
		uid, err := strconv.ParseUint(fields[2], 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(fields[3], 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
	}
	return found, nil
}

// inTreeIs reports whether the tree has the file.
func inTreeIs(path string) bool {
	_, err := os.Stat(filepath.Join(tree, path))
	return tree != "" && err == nil
}
