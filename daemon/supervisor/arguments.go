// SPDX-License-Identifier: GPL-2.0-or-later

package supervisor

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"spectrum.im/spectrum2/daemon/config"
)

// tokenFD is the number of the descriptor with the token in every backend.
const tokenFD = 3

// arguments are a backend's arguments: those of version 1, with the
// extension's among them, which version 1 backends ignore like all that they
// do not know.
func arguments(number int, host, port, socket string, forwarded []string, configFile string) []string {
	args := []string{
		"--host", host, "--port", port,
		"--service.backend_id=" + strconv.Itoa(number),
		"--service.backend_socket=" + socket,
		"--service.backend_token_fd=" + strconv.Itoa(tokenFD),
	}
	return append(append(args, forwarded...), configFile)
}

// forwardable are those of the main process's own arguments that a backend may
// see: --section.key=value, but no secrets. Arguments are public.
func forwardable(args []string) []string {
	var out []string
	for _, a := range args {
		name, _, ok := strings.Cut(a, "=")
		key, dashes := strings.CutPrefix(name, "--")
		if ok && dashes && strings.Contains(key, ".") && !config.IsSecret(strings.ToLower(key)) && !ownKey(key) {
			out = append(out, a)
		}
	}
	return out
}

// ownKey reports whether the key is one that the main process sets itself.
func ownKey(key string) bool {
	return strings.HasPrefix(key, "service.backend_")
}

// mainOnly are variables that mean the main process and nobody else.
var mainOnly = []string{
	"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES",
	"MAINPID", "FDSTORE", "CREDENTIALS_DIRECTORY", "JOURNAL_STREAM", "MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE",
}

// environment is the main process's without what is meant for it alone.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains(mainOnly, name)
	})
}
