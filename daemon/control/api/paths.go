// SPDX-License-Identifier: GPL-2.0-or-later

package api

import (
	"path/filepath"
	"strings"
)

// socketSuffix ends the name of a control socket that systemd made.
const socketSuffix = ".control.sock"

// SystemdSocket is the control socket that systemd makes for an instance.
// root is put before the path, "" outside tests.
func SystemdSocket(root, instance string) string {
	return filepath.Join(root, "/run/spectrum2", instance+socketSuffix)
}

// SocketPaths are the places where an instance's control socket may be, in the
// order in which spectrumctl looks: systemd's, the runtime directory of a
// service without socket units, and that of a user who started the instance
// by hand. The daemon makes its own in the first one whose parent it can
// write. getenv reads XDG_RUNTIME_DIR.
func SocketPaths(root, instance string, getenv func(string) string) []string {
	paths := []string{
		SystemdSocket(root, instance),
		filepath.Join(root, "/run/spectrum2", instance, "control.sock"),
	}
	if dir := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		paths = append(paths, filepath.Join(dir, "spectrum2", instance+socketSuffix))
	}
	return paths
}

// InstanceOfSocket is the instance's name in a path of SocketPaths, "" if the
// path is none.
func InstanceOfSocket(path string) string {
	if base := filepath.Base(path); base != "control.sock" {
		name, ok := strings.CutSuffix(base, socketSuffix)
		if !ok {
			return ""
		}
		return name
	}
	return filepath.Base(filepath.Dir(path))
}
