// SPDX-License-Identifier: GPL-2.0-or-later

// Package systemd is how one instance talks with systemd: readiness and the
// watchdog, listeners by name, the file descriptor store, the job that a
// SIGTERM belongs to, and the scopes and confinement of its backends. It knows
// the names of an instance's units and sockets. Everything in it works, as a
// no-op or with a clear error, where systemd is not PID 1. It deliberately does
// not know what an instance does, and it makes no scope itself: that is
// spectrum2-scoped's (package systemd/scoped).
package systemd

import (
	"fmt"
	"os"
	"strings"
)

// Where things of an instance are. Units, tmpfiles and the D-Bus policy of the
// package name the same places.
const (
	// RunDir holds the sockets that systemd makes, and each instance's
	// runtime directory.
	RunDir = "/run/spectrum2"
	// User is the service's user; the broker serves nobody else.
	User = "spectrum"
	// AdminGroup may use the control sockets.
	AdminGroup = "spectrum2-admin"
)

// Names of the listeners, as FileDescriptorName= of the socket units says.
const (
	SocketBackend         = "backend"
	SocketControl         = "control"
	SocketClient          = "client"
	SocketClientTLS       = "client-tls"
	SocketClientWebSocket = "client-websocket"
)

// ServiceUnit is the unit of an instance's main process.
func ServiceUnit(instance string) string { return "spectrum2@" + instance + ".service" }

// SliceUnit is the slice that holds all of an instance.
func SliceUnit(instance string) string { return "spectrum2-" + instance + ".slice" }

// ScopeUnit is the scope of an instance's backend.
func ScopeUnit(instance string, number int) string {
	return fmt.Sprintf("spectrum2-%s-backend-%d.scope", instance, number)
}

// RuntimeDir is the instance's own directory below RunDir. It lives through a
// restart and goes at stop.
func RuntimeDir(instance string) string { return RunDir + "/" + instance }

// BackendSocket is where backends connect.
func BackendSocket(instance string) string { return RunDir + "/" + instance + ".backend.sock" }

// ControlSocket is where spectrumctl connects.
func ControlSocket(instance string) string { return RunDir + "/" + instance + ".control.sock" }

// Booted reports whether systemd is PID 1 here, as sd_booted(3) does.
func Booted() bool {
	fi, err := os.Lstat("/run/systemd/system")
	return err == nil && fi.IsDir()
}

// OwnUnit is the unit that this process belongs to ("spectrum2@irc.service"),
// "" where there is none or it cannot be told. It reads the cgroup, so it
// needs no bus and cannot be fooled by the environment.
func OwnUnit() string {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	return UnitOfCgroup(string(b))
}

// UnitOfCgroup finds the innermost service or scope in the text of
// /proc/PID/cgroup. A sub-cgroup of a unit still belongs to the unit.
func UnitOfCgroup(text string) string {
	for line := range strings.Lines(text) {
		// hierarchy:controllers:path; systemd's own hierarchy is the unified
		// one, or the one of that name where there are several.
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) != 3 || fields[1] != "" && fields[1] != "name=systemd" {
			continue
		}
		path := fields[2]
		parts := strings.Split(path, "/")
		for i := len(parts) - 1; i >= 0; i-- {
			if strings.HasSuffix(parts[i], ".service") || strings.HasSuffix(parts[i], ".scope") {
				return parts[i]
			}
		}
	}
	return ""
}

// InService reports whether this process is the main process (or a child still
// in the cgroup) of the instance's service, so that asking the broker for a
// scope makes sense.
func InService(instance string) bool {
	return Booted() && OwnUnit() == ServiceUnit(instance)
}
